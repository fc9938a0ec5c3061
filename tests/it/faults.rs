//! Whatever fails when: nothing is lost, nothing is heard of that wasn't committed, and little is sent
//! twice. Real processes and servers; each run is a line of the table in docs/operating.md.

mod application;
mod backlog;
mod clock;
mod commit;
mod control;
mod deploy;
mod disk;
mod ground;
mod kills;
mod locked;
mod poison;
mod proxy;
mod random;
mod restarts;
mod run;
pub(crate) mod server;
mod stopping;
mod table;
mod takeover;
mod two_workers;
mod unreachable;

/// The same test on each of these grounds; those that need a server are skipped without it, and say so.
macro_rules! on {
    ($($ground:ident: $($test:ident),*;)*) => {
        $(mod $ground {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let Some(ground) = crate::faults::ground::$ground().await else { return };
                super::$test(ground).await;
            })*
        })*
    };
}
use on;
