//! A deploy: workers of a new version start while those of the old one stop, with tasks of both in
//! the queue.

use super::{
    ground::Ground,
    run::{Moment, Run},
};
use crate::faults::on;

on! {
    full_sqlite: a_rolling_deploy, tasks_of_another_version_are_delivered_all_the_same;
    postgres: a_rolling_deploy, tasks_of_another_version_are_delivered_all_the_same;
}

const DEPLOYS: usize = 4;

async fn a_rolling_deploy(ground: Ground) {
    let mut run = Run::start("rolling deploy (SIGTERM)", ground, 2).await;
    for n in 0..DEPLOYS {
        run.more(100).await;
        let new = run.worker();
        let mut old = std::mem::replace(&mut run.workers[n % 2], new);
        old.terminate();
        let status = old.ended().await;
        assert!(status.success(), "{status}: {}", old.log());
    }
    run.finish(Moment::now(), DEPLOYS, 0).await;
}

/// As when a deploy is rolled back, or skipped a release: some of what waits can't be read. Those tasks
/// are dropped, and their deliveries found by the reconciler.
async fn tasks_of_another_version_are_delivered_all_the_same(ground: Ground) {
    let postgres = ground.url.starts_with("postgres");
    let mut run = Run::start("tasks of another release in the queue", ground, 2).await;
    let forge = if postgres {
        "CREATE FUNCTION renew() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
           NEW.job = convert_to(replace(replace(convert_from(NEW.job, 'UTF8'), '{\"v\":', '{\"v\":9'), ',\"events\"', ',\"changes\"'), 'UTF8'); \
           RETURN NEW; END $$; \
         CREATE TRIGGER renew BEFORE INSERT ON apalis.jobs FOR EACH ROW EXECUTE FUNCTION renew()"
    } else {
        "CREATE TRIGGER renew AFTER INSERT ON Jobs BEGIN UPDATE Jobs \
         SET job = CAST(replace(replace(CAST(job AS TEXT), '{\"v\":', '{\"v\":9'), ',\"events\"', ',\"changes\"') AS BLOB) WHERE id = NEW.id; END"
    };
    run.app.execute(forge).await;
    let before = run.arrived();
    run.until("committed events", || async {
        let relayed = run.number("SELECT COUNT(*) FROM thorn_event WHERE relayed_at IS NOT NULL").await;
        if relayed > before + 200 { Ok(()) } else { Err(format!("{relayed} relayed")) }
    })
    .await;
    let told = run.workers.iter().any(|worker| worker.log().contains("of another release"));
    assert!(told, "no task was of another release, so this shows nothing");
    run.app.execute(if postgres { "DROP TRIGGER renew ON apalis.jobs" } else { "DROP TRIGGER renew" }).await;
    run.finish(Moment::now(), 1, 0).await;
}
