//! Delivery in the process that sent the event, right after the commit.

mod scope;

pub(crate) use scope::InlineScope;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QueryTrait, sea_query::Expr,
};
use tokio::{
    sync::{OnceCell, watch},
    time::Instant,
};

use crate::{
    background::Background,
    config::Config,
    db::{one_of, transaction},
    delivery::{Client, Consequences, Executor, Observers, Updates},
    error::Error,
    fanout::{Chunk, FanOut, FilterWork, recipients},
    history::Delivery,
    id::EventId,
    metrics::Counters,
    outbox::StoredEvent,
    process::{self, InlineDelivery},
    record::Recorder,
    subscription::{Registry, Subscriptions},
    tables::event::{Column, Entity},
    tenant::Shares,
    timestamp::Timestamp,
};

/// The maximum number of events that are read and claimed at once.
const EVENTS: usize = 500;

/// Delivers events of one database in this process.
#[derive(Debug)]
pub(crate) struct Inline {
    db: DatabaseConnection,
    registry: Arc<Registry>,
    consequences: Consequences,
    config: Config,
    /// Limits the requests of the whole process. One owner gets half of them.
    permits: Shares,
    counters: Arc<Counters>,
    /// Created on first use, because most processes never deliver inline.
    client: OnceCell<Client>,
    recorder: Mutex<Option<Recorder>>,
}

/// The result of an attempt to deliver events.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// Events that were found committed. No other `Thorn` needs to look for these.
    pub(super) taken: HashSet<EventId>,
    pub(super) deliveries: Vec<Delivery>,
}

impl InlineDelivery for Inline {
    /// The hold is longer than a delivery's wait for its turn plus its request.
    fn hold(&self) -> Duration {
        self.config.lease() + self.config.timeout
    }

    fn deliver(self: Arc<Self>, events: Vec<EventId>) -> BoxFuture<'static, HashSet<EventId>> {
        Box::pin(async move { self.deliver_all(&events).await.taken })
    }
}

impl Inline {
    pub(crate) fn new(
        db: DatabaseConnection,
        registry: Arc<Registry>,
        subscriptions: Subscriptions,
        observers: Observers,
        config: Config,
    ) -> Self {
        let (disable_after, hold, pause) = (config.disable_after, config.hold.clone(), config.pause());
        let consequences =
            Consequences { subscriptions, observers, disable_after, hold, pause, updates: Updates::default() };
        let permits = Shares::new(config.inline_concurrency, config.inline_concurrency / 2);
        let counters = Arc::default();
        let (client, recorder) = (OnceCell::new(), Mutex::new(None));
        Self { db, registry, consequences, config, permits, counters, client, recorder }
    }

    /// Delivers those of the events that are committed and still held for this process. Events that can't be
    /// delivered here, or not within `inline_timeout`, go to the queue.
    pub(super) async fn deliver_all(&self, events: &[EventId]) -> Delivered {
        let mut delivered = Delivered::default();
        let until = Instant::now() + self.config.inline_timeout;
        for events in events.chunks(EVENTS) {
            if Instant::now() >= until {
                self.release(events).await;
            } else if let Err(error) = self.deliver_some(events, until, &mut delivered).await {
                tracing::warn!(%error, events = events.len(), "can't deliver inline; a worker will");
                self.release(events).await;
            }
        }
        delivered
    }

    async fn deliver_some(&self, events: &[EventId], until: Instant, delivered: &mut Delivered) -> Result<(), Error> {
        let ids = events.iter().map(|event| event.as_uuid());
        let rows = Entity::find().filter(one_of(&self.db, Column::Id, ids)).filter(held()).order_by_asc(Column::Id);
        let rows: Vec<_> = rows.all(&self.db).await?.into_iter().map(StoredEvent::from).collect();
        if rows.is_empty() {
            return Ok(());
        }
        delivered.taken.extend(rows.iter().map(|event| event.id));
        let executor = self.executor(until).await?;
        let Some(mut chunks) = self.claim(&rows).await? else {
            tracing::debug!("a worker was first with some of them; it gets the others, too");
            self.release(events).await;
            return Ok(());
        };
        let mut missing: usize = chunks.iter().map(|chunk| chunk.deliveries.len()).sum();
        for chunk in &mut chunks {
            executor.prepare(chunk).await;
        }
        let chunks = chunks.iter().map(|chunk| executor.run_inline(chunk, &self.permits));
        for records in futures::future::join_all(chunks).await {
            missing -= records.len();
            delivered.deliveries.extend(records.into_iter().map(Delivery::from));
        }
        if missing == 0 {
            self.settle(&rows).await;
        }
        Ok(())
    }

    /// Clears the events' `audit_at`, because all of their deliveries are recorded. The reconciler needn't audit the
    /// events again. Without a worker, there is no reconciler to do so.
    async fn settle(&self, rows: &[StoredEvent]) {
        let settle = Entity::update_many().col_expr(Column::AuditAt, Expr::value(None::<i64>)).filter(one_of(
            &self.db,
            Column::Id,
            rows.iter().map(|event| event.id.as_uuid()),
        ));
        let settle = settle.build(self.db.get_database_backend());
        if let Err(error) = transaction::execute_in_own_transaction(&self.db, settle).await {
            tracing::warn!(%error, "can't settle the events; the reconciler will");
        }
    }

    /// Fans the events out. From then on, the reconciler makes sure that no delivery is lost. Returns `None` if a
    /// worker took some of the events first.
    async fn claim(&self, rows: &[StoredEvent]) -> Result<Option<Vec<Chunk>>, Error> {
        // Like a relay, this refreshes the registry only after the events were read.
        let version = self.registry.refresh(&self.db).await?;
        self.registry.check_readable()?;
        let mut fan_out = FanOut::new(self.registry.endpoints(), self.config.chunk);
        let mut longest = Duration::ZERO;
        for event in rows {
            fan_out.add(event, &recipients(&self.registry, event, &mut FilterWork::default()))?;
            longest = longest.max(event.timeout().unwrap_or_default());
        }
        let now = Timestamp::now();
        let FanOut { packer, marks } = fan_out;
        let txn = transaction::begin(&self.db).await?;
        if marks.mark(&txn, held(), now, version, now + self.hold() + longest).await? != rows.len() {
            txn.rollback().await?;
            return Ok(None);
        }
        txn.commit().await?;
        Ok(Some(packer.chunks()))
    }

    /// Leaves the events to the queue at once. If even this fails, a worker finds the events when their hold ends.
    async fn release(&self, events: &[EventId]) {
        let ids = events.iter().map(|event| event.as_uuid());
        let release = Entity::update_many()
            .col_expr(Column::RelayedAt, Expr::value(None::<i64>))
            .col_expr(Column::AuditAt, Expr::value(None::<i64>))
            .filter(one_of(&self.db, Column::Id, ids))
            .filter(held());
        match transaction::execute_in_own_transaction(&self.db, release.build(self.db.get_database_backend())).await {
            Ok(_) => process::notify(),
            Err(error) => tracing::warn!(%error, "can't release the events; a worker will find them"),
        }
    }

    async fn executor(&self, until: Instant) -> Result<Executor, Error> {
        let client = self.client.get_or_try_init(|| async { Client::new(self.config.client()) }).await?;
        Ok(Executor {
            db: self.db.clone(),
            registry: self.registry.clone(),
            consequences: self.consequences.clone(),
            client: client.clone(),
            recorder: self.recorder(),
            counters: self.counters.clone(),
            defaults: self.config.defaults(),
            until: Some(until),
            stop: watch::channel(false).1,
        })
    }

    /// A recorder ends with the runtime that it was started on, so a closed recorder is replaced.
    fn recorder(&self) -> Recorder {
        let mut recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner);
        match &*recorder {
            Some(recorder) if !recorder.is_closed() => recorder.clone(),
            _ => recorder.insert(Recorder::start(self.db.clone(), &Background::default()).0).clone(),
        }
    }
}

/// The condition for events that a process has taken but not fanned out yet.
fn held() -> Condition {
    Condition::all()
        .add(Column::RelayedAt.is_not_null())
        .add(Column::Fanout.is_null())
        .add(Column::Dispatcher.is_null())
}
