//! Tells a project with SeaORM 1 that thorn needs SeaORM 2. Without this, the generated code fails with dozens
//! of errors about traits that look the same.

use std::{env, fs, path::Path, sync::OnceLock};

/// The error if the crate that is being compiled uses another SeaORM than thorn does.
pub(crate) fn mismatch() -> Option<String> {
    static MISMATCH: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        let (package, version) = (env::var("CARGO_PKG_NAME").ok()?, env::var("CARGO_PKG_VERSION").ok()?);
        let manifest = env::var_os("CARGO_MANIFEST_DIR")?;
        let lock = Path::new(&manifest).ancestors().map(|folder| folder.join("Cargo.lock")).find(|it| it.is_file())?;
        let sea_orm = old_version(&fs::read_to_string(lock).ok()?, &package, &version)?;
        Some(format!(
            "thorn needs SeaORM 2, and `{package}` uses SeaORM {sea_orm}; set `sea-orm = \"2\"` in Cargo.toml, and \
             give thorn and your entities the same version"
        ))
    };
    MISMATCH.get_or_init(find).clone()
}

/// The version of SeaORM before 2 that a package of this lock file depends on.
///
/// Thorn brings SeaORM 2 into the file. If a second version is there, each dependency says which one it is.
fn old_version(lock: &str, package: &str, version: &str) -> Option<String> {
    let package = lock.split("[[package]]").find(|entry| {
        let has = |key: &str, value: &str| entry.lines().any(|line| line == format!("{key} = \"{value}\""));
        has("name", package) && has("version", version)
    })?;
    let dependencies = package.lines().map(|line| line.trim().trim_matches([',', '"']));
    let versions = dependencies.filter_map(|line| line.strip_prefix("sea-orm ")?.split(' ').next());
    let mut versions = versions.filter_map(|version| Some((version, version.split('.').next()?.parse::<u32>().ok()?)));
    versions.find(|(_, major)| *major < 2).map(|(version, _)| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::old_version;

    #[test]
    fn the_version_of_this_package_counts_and_no_other() {
        let lock = r#"
[[package]]
name = "blog"
version = "0.1.0"
dependencies = [
 "sea-orm 1.1.20",
 "thorn-webhooks",
]

[[package]]
name = "other"
version = "0.1.0"
dependencies = [
 "sea-orm 2.0.4",
]

[[package]]
name = "single"
version = "0.1.0"
dependencies = [
 "sea-orm",
]
"#;
        assert_eq!(old_version(lock, "blog", "0.1.0").as_deref(), Some("1.1.20"));
        assert_eq!(old_version(lock, "blog", "0.2.0"), None);
        assert_eq!(old_version(lock, "other", "0.1.0"), None);
        assert_eq!(old_version(lock, "single", "0.1.0"), None);
    }
}
