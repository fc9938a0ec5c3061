//! apalis in this process's memory. The tasks are lost with the process, and the reconciler enqueues their
//! deliveries again.
//!
//! # Works around
//!
//! apalis-core 1.0.0: `MemoryStorage` owns its tasks, and a worker owns its storage, so a restarted worker
//! would lose every waiting task and every task in hand. `MemoryStorage` can't count its tasks either. So the
//! tasks live in [`MemoryQueue`], which each worker's storage reads. Use `MemoryStorage` alone once its tasks
//! outlive a worker and can be counted.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use apalis::prelude::{Data, WorkerBuilder};
use apalis_core::{
    backend::memory::{BoxedReceiver, MemorySink, MemoryStorage, MemoryStorageError},
    task::{Task as ApalisTask, attempt::Attempt, builder::TaskBuilder, task_id::TaskId},
};
use futures::{Sink, SinkExt as _, StreamExt as _, future::BoxFuture, sink, stream};
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;
use ulid::Ulid;

use super::{
    Backend, QueueOptions, Received, TaskAttempt,
    supervise::boxed,
    task::{Envelope, Tasks, enqueued_at, run_task},
};
use crate::{error::Error, timestamp::Timestamp};

/// How many tasks a stopping worker puts off at the same time.
const PUT_OFF_AT_ONCE: usize = 16;

/// The queue in memory.
#[derive(Debug)]
pub(super) struct MemoryQueue {
    name: String,
    tasks: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    unfinished: Mutex<Unfinished>,
    wake: Notify,
}

/// Unfinished tasks: their ids, which are ULIDs and sort by time, and their texts.
#[derive(Debug, Default)]
struct Unfinished {
    waiting: VecDeque<(String, String)>,
    in_hand: BTreeMap<String, String>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Unfinished> {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next(&self) -> ApalisTask<Envelope> {
        loop {
            if let Some((id, text)) = self.take() {
                return TaskBuilder::new(Envelope(text)).task_id(TaskId::from_string(id)).build();
            }
            self.wake.notified().await;
        }
    }

    fn take(&self) -> Option<(String, String)> {
        let mut unfinished = self.lock();
        let (id, text) = unfinished.waiting.pop_front()?;
        unfinished.in_hand.insert(id.clone(), text.clone());
        Some((id, text))
    }
}

impl MemoryQueue {
    pub(super) fn new(options: QueueOptions) -> Self {
        Self { name: options.name, tasks: Arc::default() }
    }
}

#[async_trait::async_trait]
impl Backend for MemoryQueue {
    async fn enqueue(&self, _: &DatabaseTransaction, tasks: Vec<String>) -> Result<Vec<String>, Error> {
        Ok(tasks)
    }

    async fn push(&self, tasks: Vec<String>) -> Result<(), Error> {
        let tasks = tasks.into_iter().map(|text| (Ulid::generate().to_string(), text));
        self.tasks.lock().waiting.extend(tasks);
        Ok(())
    }

    fn wake(&self) {
        self.tasks.wake.notify_one();
    }

    async fn depth(&self) -> Result<u64, Error> {
        let unfinished = self.tasks.lock();
        Ok((unfinished.waiting.len() + unfinished.in_hand.len()) as u64)
    }

    async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        let unfinished = self.tasks.lock();
        let waiting = unfinished.waiting.front().map(|(id, _)| id);
        Ok(waiting.into_iter().chain(unfinished.in_hand.keys().next()).filter_map(|id| enqueued_at(id)).min())
    }

    async fn sweep(&self) -> Result<(), Error> {
        Ok(())
    }

    fn worker(&self, name: &str, tasks: Tasks) -> BoxFuture<'static, Result<(), Error>> {
        tracing::debug!(queue = self.name, "working tasks in memory");
        let next = stream::unfold(self.tasks.clone(), |tasks| async move { Some((tasks.next().await, tasks)) });
        let receiver: BoxedReceiver<Envelope> = Box::pin(next);
        let backend = MemoryStorage::new_with(no_sink(), receiver);
        boxed(
            WorkerBuilder::new(name).backend(backend).data(tasks).data(self.tasks.clone()).build(run_and_remove).run(),
        )
    }

    async fn beat(&self, _: &[String]) -> Result<(), Error> {
        Ok(())
    }

    /// Runs the handler for every task that is left, because no other worker can take it. The handler of a
    /// stopping worker sends no request: it records the deliveries as due, for the next worker.
    async fn hand_back(&self, _: &[String], tasks: &Tasks) -> Result<(), Error> {
        let finished: HashSet<String> = tasks.finished().into_iter().collect();
        let Unfinished { waiting, in_hand } = std::mem::take(&mut *self.tasks.lock());
        let left = in_hand.into_iter().chain(waiting).filter(|(id, _)| !finished.contains(id));
        let put_off = |(_, text)| tasks.handler.call(Received { text, attempt: TaskAttempt::First });
        stream::iter(left).for_each_concurrent(PUT_OFF_AT_ONCE, put_off).await;
        Ok(())
    }
}

async fn run_and_remove(text: Envelope, attempt: Attempt, id: TaskId, tasks: Data<Tasks>, shared: Data<Arc<Shared>>) {
    let key = id.to_string();
    run_task(text, attempt, id, tasks).await;
    shared.lock().in_hand.remove(&key);
}

/// A sink that drops all tasks. None is pushed through apalis.
fn no_sink() -> MemorySink<Envelope> {
    let drain = sink::drain::<ApalisTask<Envelope>>().sink_map_err(|never| match never {});
    let boxed: Box<dyn Sink<ApalisTask<Envelope>, Error = MemoryStorageError> + Send + Sync + Unpin> = Box::new(drain);
    MemorySink::new(Arc::new(futures::lock::Mutex::new(boxed)))
}
