//! Webhooks in the database.

use std::ops::Range;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::{
    entry::{NewWebhook, Webhook, WebhookChange},
    links, secret,
};
use crate::{
    catalogue::{self, EventType, Listed},
    db::is_unique_violation,
    error::Error,
    short_text::check_short_text,
    signing::{Secret, SecretError, Signer},
    spec::{InvalidSubscription, UrlScrutiny},
    subscription::{Access, Subscriptions, Write},
    tables::webhook::{ActiveModel, Column, Entity, Model},
    tenant::Tenant,
    timestamp::Timestamp,
};

/// The most webhooks of one owner, and of all operators together.
const MOST: u64 = 1000;

/// The webhooks and event types that a caller may see: an owner's own, or those of operators.
///
/// [`Thorn::webhooks`](crate::Thorn::webhooks) returns it. Webhooks of operators are global subscriptions, which
/// receive every sender's events. Every write is one transaction. If a part of it fails, nothing is written.
///
/// # Examples
///
/// ```
/// # async fn example(thorn: thorn_core::Thorn) -> Result<(), thorn_core::Error> {
/// use thorn_core::{subscription::Access, webhook::NewWebhook};
///
/// let webhooks = thorn.webhooks(Access::Owner("alice"))?;
/// let paid = webhooks.create_event("order.paid").await?;
/// let new = NewWebhook::new("shop", "https://shop.example/hook").events([paid.id]);
/// let (webhook, secret) = webhooks.create(new).await?;
/// println!("webhook {} verifies with {}", webhook.id, secret.expose());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Webhooks<'a> {
    pub(super) subscriptions: &'a Subscriptions,
    /// Empty for operators.
    pub(super) owner: String,
}

impl<'a> Webhooks<'a> {
    pub(crate) fn new(subscriptions: &'a Subscriptions, access: Access<'_>) -> Result<Self, Error> {
        if subscriptions.store.is_some() {
            let reason = "the application keeps its subscriptions in a store of its own, so it has no webhooks here";
            return Err(Error::option("webhooks", reason));
        }
        let owner = access.owner_id();
        match owner.map(|owner| (owner, check_short_text(owner))) {
            Some(("", _)) => Err(Error::option("webhooks", "the owner's id is empty")),
            Some((_, Err(invalid))) => Err(Error::option("webhooks", format!("the owner's id is invalid: {invalid}"))),
            _ => Ok(Self { subscriptions, owner: owner.unwrap_or_default().to_owned() }),
        }
    }

    /// Creates a webhook. Returns it with its secret.
    ///
    /// # Errors
    ///
    /// [`Error::Subscription`] with every invalid field, also for a name that another webhook has and for events that
    /// don't exist; [`Error::Quota`] if the owner has no place for the links; [`Error::Secret`] if a secret can't be
    /// generated or encrypted; [`Error::Database`].
    pub async fn create(&self, new: NewWebhook) -> Result<(Webhook, Secret), Error> {
        self.check(Some(&new.name), Some((&new.url, UrlScrutiny::Resolve)), new.secret.as_ref()).await?;
        let secret = match &new.secret {
            Some(secret) => secret.clone(),
            None => Secret::generate().map_err(SecretError::from)?,
        };
        let mut write = self.subscriptions.begin_write().await?;
        let created = self.insert(&mut write, new, &secret).await;
        Ok((write.finish(created).await?, secret))
    }

    async fn insert(&self, write: &mut Write, new: NewWebhook, secret: &Secret) -> Result<Webhook, Error> {
        if self.all().count(&write.transaction).await? >= MOST {
            return Err(InvalidSubscription::too_many("webhooks", MOST).into());
        }
        let events = self.known(&write.transaction, new.events).await?;
        let now = Timestamp::now().as_millis();
        let row = ActiveModel {
            owner: Set(self.owner.clone()),
            name: Set(new.name.clone()),
            url: Set(new.url.clone()),
            // The secret is encrypted for the row's id, which only the database knows.
            secret: Set(String::new()),
            created_at: Set(now),
            updated_at: Set(now),
            ..Default::default()
        };
        let inserted = Entity::insert(row).exec(&write.transaction).await;
        let id = inserted.map_err(|error| refused(error, &new.name))?.last_insert_id;
        let row = Model {
            id,
            owner: self.owner.clone(),
            name: new.name,
            url: new.url,
            secret: String::new(),
            created_at: now,
            updated_at: now,
        };
        self.save(write, row, secret, &events).await
    }

    /// Changes a webhook. Its deliveries that wait for another attempt go to the new URL, and those of events that it is no
    /// longer linked with are cancelled.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also if it belongs to somebody else; otherwise as [`create`](Self::create).
    pub async fn change(&self, id: i64, change: WebhookChange) -> Result<Webhook, Error> {
        let before = self.row(&self.subscriptions.db, id).await?;
        let url = change.url.as_deref().map(|url| (url, UrlScrutiny::ResolveUnless(&before.url)));
        self.check(change.name.as_deref(), url, change.secret.as_ref()).await?;
        let mut write = self.subscriptions.begin_write().await?;
        let changed = self.update(&mut write, id, change).await;
        write.finish(changed).await
    }

    async fn update(&self, write: &mut Write, id: i64, change: WebhookChange) -> Result<Webhook, Error> {
        let mut row = self.row(&write.transaction, id).await?;
        let events = match change.events {
            Some(events) => events,
            None => links::events_of(&write.transaction, id).await?,
        };
        let events = self.known(&write.transaction, events).await?;
        let secret = match change.secret {
            Some(secret) => secret,
            None => secret::read(&row, self.subscriptions.key.as_ref())?,
        };
        row.name = change.name.unwrap_or(row.name);
        row.url = change.url.unwrap_or(row.url);
        row.updated_at = Timestamp::now().as_millis();
        self.save(write, row, &secret, &events).await
    }

    /// Writes a row, whose secret this function encrypts, and its links.
    async fn save(
        &self,
        write: &mut Write,
        mut row: Model,
        secret: &Secret,
        events: &[EventType],
    ) -> Result<Webhook, Error> {
        row.secret = secret::write(&row, secret, self.subscriptions.key.as_ref())?;
        let update = row.clone().into_active_model().reset_all().update_without_returning(&write.transaction).await;
        update.map_err(|error| refused(error, &row.name))?;
        links::replace(self.subscriptions, write, &row, events).await?;
        Ok(Webhook::new(&row, events.iter().map(|event| event.id).collect()))
    }

    /// One webhook.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also if it belongs to somebody else; [`Error::Database`].
    pub async fn get(&self, id: i64) -> Result<Webhook, Error> {
        let db = &self.subscriptions.db;
        let row = self.row(db, id).await?;
        Ok(Webhook::new(&row, links::events_of(db, id).await?))
    }

    /// A part of the webhooks, by name.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn list(&self, part: Range<u64>) -> Result<Listed<Webhook>, Error> {
        let db = &self.subscriptions.db;
        let count = self.all().count(db).await?;
        let limit = part.end.saturating_sub(part.start);
        let rows = self.all().order_by_asc(Column::Name).offset(part.start).limit(limit).all(db).await?;
        let links = links::events_of_all(db, &rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
        let of = |id| links.iter().filter(move |(webhook, _)| *webhook == id).map(|(_, event)| *event).collect();
        Ok(Listed { items: rows.iter().map(|row| Webhook::new(row, of(row.id))).collect(), count })
    }

    /// Deletes a webhook. Its deliveries that wait for another attempt are cancelled.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn delete(&self, id: i64) -> Result<(), Error> {
        let mut write = self.subscriptions.begin_write().await?;
        let deleted = self.remove(&mut write, id).await;
        write.finish(deleted).await
    }

    async fn remove(&self, write: &mut Write, id: i64) -> Result<(), Error> {
        self.row(&write.transaction, id).await?;
        let events = links::events_of(&write.transaction, id).await?;
        links::end(self.subscriptions, write, id, &events).await?;
        Entity::delete_by_id(id).exec(&write.transaction).await?;
        Ok(())
    }

    fn all(&self) -> Select<Entity> {
        Entity::find().filter(Column::Owner.eq(&self.owner))
    }

    pub(super) async fn row<C: ConnectionTrait>(&self, db: &C, id: i64) -> Result<Model, Error> {
        let row = self.all().filter(Column::Id.eq(id)).one(db).await?;
        row.ok_or_else(|| Error::NotFound { what: "webhook", id: id.to_string() })
    }

    /// The event types with these ids, all of which must exist.
    async fn known<C: ConnectionTrait>(&self, db: &C, mut ids: Vec<i64>) -> Result<Vec<EventType>, Error> {
        ids.sort_unstable();
        ids.dedup();
        let known = catalogue::find_all(db, &self.owner, &ids).await?;
        ids.retain(|id| known.iter().all(|event| event.id != *id));
        if ids.is_empty() { Ok(known) } else { Err(InvalidSubscription::unknown_events(&ids).into()) }
    }

    /// Checks the fields that are given.
    async fn check(
        &self,
        name: Option<&str>,
        url: Option<(&str, UrlScrutiny<'_>)>,
        secret: Option<&Secret>,
    ) -> Result<(), Error> {
        let mut fields = self.subscriptions.fields();
        if let Some(name) = name {
            fields.title(name);
        }
        match url {
            None => {}
            Some((url, UrlScrutiny::ResolveUnless(present))) if url == present => {}
            Some((url, _)) => {
                let tenant = Tenant::of(Some(self.owner.as_str()).filter(|owner| !owner.is_empty()));
                tenant.has_done(fields.url(url)).await;
            }
        }
        if let Some(secret) = secret.and_then(|secret| fields.secret(secret.expose())) {
            fields.long_enough(&secret, self.signer());
        }
        if fields.is_valid() { Ok(()) } else { Err(fields.into_errors().into()) }
    }

    const fn signer(&self) -> Signer {
        self.subscriptions.signer
    }
}

/// Only names are unique besides generated ids.
fn refused(error: DbErr, name: &str) -> Error {
    if is_unique_violation(&error) { InvalidSubscription::taken("a webhook", name).into() } else { error.into() }
}
