//! No space left on the disk under a SQLite file.
//!
//! The disk is a small one in memory, mounted where only this test sees it: in a mount namespace, and
//! for that without root in a user namespace.

use std::{fs::File, io::Write as _, path::Path, process::Command};

use thorn_test_support::{full, missing};

use super::{
    ground::Ground,
    run::{IN_HAND, Moment, Run},
};

const DISK: &str = "THORN_TEST_DISK";

/// Room for the rows of a run, and soon filled.
const SIZE: &str = "size=48m";

const TIMES: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_full_for_a_while() {
    if let Some(folder) = std::env::var_os(DISK) {
        return on_a_small_disk(Path::new(&folder)).await;
    }
    if !full("a full disk") {
        return;
    }
    let namespace: &[&str] = if super::server::is_root() { &["-m"] } else { &["-Urm"] };
    let permitted = Command::new("unshare").args(namespace).arg("true").output();
    if !permitted.is_ok_and(|output| output.status.success()) {
        return missing(&format!("a full disk needs `unshare {}`, which is refused here", namespace[0]));
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o {SIZE} tmpfs \"${DISK}\" && exec \"$0\" \"$@\"");
    let output = Command::new("unshare")
        .args(namespace)
        .args(["sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "faults::disk::the_disk_is_full_for_a_while", "--nocapture"])
        .env(DISK, folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let line = told.lines().find(|line| line.contains("| disk")).expect("a line of the table");
    println!("{line}");
}

async fn on_a_small_disk(folder: &Path) {
    let ground = Ground::at("SQLite", format!("sqlite://{}/app.db", folder.display()));
    let mut run = Run::start("disk full (ENOSPC)", ground, 2).await;
    let ballast = folder.join("ballast");
    for _ in 0..TIMES {
        run.more(100).await;
        fill(&ballast);
        // Both have met it, and more than once.
        run.until("a worker and an application without space", || async {
            let told = |log: String| log.matches("disk is full").count() >= 3;
            let workers = run.workers.iter().filter(|worker| told(worker.log())).count();
            let application = told(run.application.as_ref().unwrap().log());
            if workers > 0 && application { Ok(()) } else { Err(format!("{workers} workers, {application}")) }
        })
        .await;
        std::fs::remove_file(&ballast).unwrap();
    }
    run.finish(Moment::now(), TIMES, TIMES * 2 * IN_HAND).await;
}

/// To the last byte.
fn fill(ballast: &Path) {
    let mut file = File::create(ballast).unwrap();
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
