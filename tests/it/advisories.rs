//! `.ci/advisories.py` checks the lock file against an advisory database.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use thorn_test_support::missing;

use crate::conformance::root;

/// The database of a test, and the script's answer about it.
struct Advisories(tempfile::TempDir);

impl Advisories {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("crates/serde")).unwrap();
        Self(folder)
    }

    fn write(&self, id: &str, versions: &str) -> &Self {
        let text = format!(
            "```toml\n[advisory]\nid = \"{id}\"\npackage = \"serde\"\ndate = \"2026-01-02\"\n\n[versions]\n{versions}\n```\n\n# A fault\n"
        );
        fs::write(self.0.path().join(format!("crates/serde/{id}.md")), text).unwrap();
        self
    }

    fn check(&self, deny: &Path) -> Output {
        script(self.0.path(), deny)
    }
}

fn script(database: &Path, deny: &Path) -> Output {
    let script = root().join(".ci/advisories.py");
    Command::new("python3").arg(script).arg(database).arg("--deny").arg(deny).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_package_with_a_known_fault_is_refused_and_the_age_of_the_database_is_told() {
    let has_python = Command::new("python3").args(["-c", "import tomllib"]).output();
    if !has_python.is_ok_and(|output| output.status.success()) {
        return missing("python3 with tomllib");
    }
    let deny = root().join("deny.toml");
    let safe = Advisories::new();
    let safe = safe.write("RUSTSEC-2026-0001", "patched = [\">= 1.0.1\"]").check(&deny);
    assert!(safe.status.success(), "{}", text(&safe));
    assert!(
        text(&safe).contains("1 advisories, of 2026-01-02,") && text(&safe).contains("days old"),
        "{}",
        text(&safe)
    );

    let faulty = Advisories::new();
    faulty.write("RUSTSEC-2026-0002", "patched = [\">= 99\"]\nunaffected = [\"< 1.0.1, >= 0.1\"]");
    let refused = faulty.check(&deny);
    assert!(!refused.status.success(), "{}", text(&refused));
    assert!(text(&refused).contains("RUSTSEC-2026-0002: serde 1."), "{}", text(&refused));

    let folder = tempfile::tempdir().unwrap();
    let ignoring = folder.path().join("deny.toml");
    let ignore = |id: &str| fs::write(&ignoring, format!("[advisories]\nignore = [\"{id}\"]\n")).unwrap();
    ignore("RUSTSEC-2026-0002");
    assert!(faulty.check(&ignoring).status.success());
    ignore("RUSTSEC-2020-0001");
    let stale = text(&faulty.check(&ignoring));
    assert!(stale.contains("RUSTSEC-2020-0001 in deny.toml concerns no package any more"), "{stale}");

    let nowhere = script(Path::new("/no/such/database"), &deny);
    assert!(!nowhere.status.success() && text(&nowhere).contains("/no/such/database"), "{}", text(&nowhere));
}
