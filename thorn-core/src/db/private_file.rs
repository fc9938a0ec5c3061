//! A SQLite file that only its owner may read.

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt as _, path::Path};

use sea_orm::sqlx::sqlite::SqliteConnectOptions;

/// Creates a missing file with the mode 0600, because it will hold secrets and what subscribers receive. SQLite gives
/// its log and its index the same mode. A file that exists keeps its mode.
pub(super) fn create(url: &str) {
    let Ok(options) = url.parse::<SqliteConnectOptions>() else { return };
    // A `mode` says that there is no file, or that it must exist.
    if url.contains("mode=") || url.contains(":memory:") {
        return;
    }
    if let Err(error) = create_new(options.get_filename()) {
        // SQLite says what is wrong with the file.
        tracing::debug!(%error, "can't create the database's file");
    }
}

fn create_new(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use sea_orm::ConnectionTrait as _;

    #[tokio::test]
    async fn a_new_file_and_its_log_are_for_their_owner_only_and_an_old_one_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        let connect = async |name: &str| {
            let db = crate::connect(&format!("sqlite://{}/{name}", folder.path().display())).await.unwrap();
            db.execute_unprepared("CREATE TABLE t (i INTEGER)").await.unwrap();
            db
        };
        let db = connect("a%20b.db").await;
        assert_eq!(["a b.db", "a b.db-wal", "a b.db-shm"].map(mode), [0o600; 3]);
        db.close().await.unwrap();
        fs::write(folder.path().join("old.db"), "").unwrap();
        fs::set_permissions(folder.path().join("old.db"), fs::Permissions::from_mode(0o640)).unwrap();
        connect("old.db").await;
        assert_eq!(["old.db", "old.db-wal"].map(mode), [0o640; 2]);
    }
}
