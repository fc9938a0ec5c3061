//! The database that a command works on.

use anyhow::Context as _;
use sea_orm::DatabaseConnection;

const DEFAULT_URL: &str = "sqlite://thorn.db";

/// The options of every command that name the database.
#[derive(Debug, clap::Args)]
pub(crate) struct Database {
    /// URL of the application's database.
    #[arg(long, env = "DATABASE_URL", default_value = DEFAULT_URL, hide_env_values = true)]
    database_url: String,
    /// Create the SQLite file that the URL names if there is none. The default one is always created.
    #[arg(long)]
    create: bool,
}

impl Database {
    pub(crate) async fn connect(&self) -> anyhow::Result<DatabaseConnection> {
        let url = &self.database_url;
        if let (false, Some(file)) = (self.create || url == DEFAULT_URL, missing_file(url)) {
            anyhow::bail!(
                "there is no file {file}; set DATABASE_URL ({url}) to the application's database, or pass --create for a new one"
            );
        }
        let db = thorn::connect(url).await;
        db.context("set DATABASE_URL to the application's database, for example sqlite://app.db")
    }
}

/// Creates thorn's tables, or brings them up to date.
pub(crate) async fn migrate(db: &DatabaseConnection) -> anyhow::Result<()> {
    thorn::migration::migrate(db).await.context("can't create thorn's tables")
}

/// The file that a URL of SQLite names, if it doesn't exist and the URL doesn't say to create it.
fn missing_file(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    let path = path.trim_start_matches("//");
    let is_created = parameters.split('&').any(|parameter| matches!(parameter, "mode=rwc" | "mode=memory"));
    let is_file = !path.is_empty() && path != ":memory:" && !path.contains('%');
    (is_file && !is_created && !std::path::Path::new(path).exists()).then_some(path)
}
