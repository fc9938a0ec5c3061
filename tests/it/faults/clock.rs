//! Clocks that jump by an hour, and clocks that disagree.
//!
//! `libfaketime` (Debian's package `faketime`) stands between the workers and the clock of the wall;
//! the monotonic one goes on, as it does when an operator sets the time.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use thorn_core::testing::Reply;
use thorn_test_support::missing;

use super::{
    ground::Ground,
    run::{IN_HAND, Moment, Run},
};
use crate::{faults::on, process::WorkerProcess};

on! {
    // A file is on one machine, which has one clock.
    full_sqlite: the_clock_jumps_ahead_and_back;
    postgres: the_clock_jumps_ahead_and_back, clocks_disagree;
}

/// `None` if it isn't installed.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let debian = folders.map(|folder| folder.join("faketime"));
    let all = debian.chain(["/usr/lib/faketime", "/usr/lib64/faketime", "/usr/local/lib/faketime"].map(PathBuf::from));
    let found = all.map(|folder| folder.join("libfaketimeMT.so.1")).find(|file| file.is_file());
    if found.is_none() {
        missing("clocks that jump are tested with Debian's package `faketime`");
    }
    found
}

/// The clock of some workers.
struct Clock {
    library: PathBuf,
    offset: PathBuf,
}

impl Clock {
    fn new(library: PathBuf, folder: &Path, name: &str) -> Self {
        let clock = Self { library, offset: folder.join(name) };
        clock.set("+0");
        clock
    }

    /// Seconds by which it is wrong from now on.
    fn set(&self, offset: &str) {
        // At once: a worker must not read half of it.
        let new = self.offset.with_extension("new");
        fs::write(&new, format!("{offset}\n")).unwrap();
        fs::rename(&new, &self.offset).unwrap();
    }

    fn worker(&self, run: &Run) -> WorkerProcess {
        run.worker_with(|command| {
            command
                .env("LD_PRELOAD", &self.library)
                .env("FAKETIME_TIMESTAMP_FILE", &self.offset)
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .env("THORN_RETRY_DELAY", "1")
        })
    }
}

/// Deliveries that wait for a retry.
async fn let_some_wait(run: &Run) {
    run.receiver.reply(Reply::status(503));
    run.until("deliveries that wait", || async {
        let waiting = run.app.thorn.status().await.unwrap().waiting;
        if waiting > 50 { Ok(()) } else { Err(format!("{waiting} wait")) }
    })
    .await;
    run.receiver.reply(Reply::status(204).delay(Duration::from_millis(5)));
}

async fn the_clock_jumps_ahead_and_back(ground: Ground) {
    let Some(library) = library() else { return };
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::new(library, folder.path(), "clock");
    let mut run = Run::start("clocks jump by 1 h, ahead and back", ground, 0).await;
    run.workers = vec![clock.worker(&run), clock.worker(&run)];
    run.more(60).await;
    let mut open = 0;
    for offset in ["+3600", "+0"] {
        let_some_wait(&run).await;
        clock.set(offset);
        open += run.outstanding().await;
        run.more(100).await;
    }
    // Tasks that were under way or queued at that moment look as if their worker had died long ago.
    run.finish(Moment::now(), 2, open + 2 * IN_HAND).await;
}

async fn clocks_disagree(ground: Ground) {
    let Some(library) = library() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (early, late) =
        (Clock::new(library.clone(), folder.path(), "early"), Clock::new(library, folder.path(), "late"));
    early.set("+300");
    late.set("-300");
    let mut run = Run::start("two workers, their clocks 10 minutes apart", ground, 0).await;
    run.workers = vec![early.worker(&run), late.worker(&run)];
    run.more(60).await;
    let_some_wait(&run).await;
    run.more(300).await;
    let open = run.outstanding().await;
    run.finish(Moment::now(), 1, open + 2 * IN_HAND).await;
}
