//! `thorn key`: makes, lists and revokes API keys.

use std::{
    io::{Write as _, stderr, stdout},
    time::Duration,
};

use clap::{Parser, Subcommand};
use thorn::{
    ApiKeyId,
    api_key::{ApiKey, ApiKeys, NewApiKey, Scope, Scopes},
    event::printable,
    timestamp::Timestamp,
};

use crate::{
    database::{Database, migrate},
    program,
};

/// Keys that one query reads.
const PAGE: u64 = 100;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes, lists and revokes the API keys of the server's callers.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: Database,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key and print its token, which isn't shown again.
    Create {
        /// The owner whose subscriptions and events the key is for [default: none, an operator's key].
        #[arg(long)]
        owner: Option<String>,
        /// Scopes, comma-separated: dispatch, dispatch.response, publish, hub.publish, stream,
        /// stream:PATTERN, hooks, read, resend, admin.
        #[arg(long = "scope", required = true, value_delimiter = ',')]
        scopes: Vec<Scope>,
        /// A note for people.
        #[arg(long, default_value = "")]
        label: String,
        /// Days after which the key stops working [default: never].
        #[arg(long)]
        days: Option<u32>,
    },
    /// List all keys, the newest first, without their tokens.
    List,
    /// Revoke a key. It stops working at once.
    Revoke {
        /// The key's id, as `list` shows it.
        id: ApiKeyId,
    },
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    program::log("warn");
    let db = arguments.database.connect().await?;
    migrate(&db).await?;
    let keys = ApiKeys::new(&db);
    match arguments.command {
        Command::Create { owner, scopes, label, days } => {
            let expires_at = days.map(|days| Timestamp::now() + DAY * days);
            let new = NewApiKey { owner, scopes: Scopes::new(scopes)?, label, expires_at };
            let (key, token) = keys.create(new).await?;
            writeln!(stderr(), "{}", line(&key))?;
            writeln!(stdout(), "{}", token.expose())?;
        }
        Command::List => list(keys).await?,
        Command::Revoke { id } => writeln!(stdout(), "{}", line(&keys.revoke(id).await?))?,
    }
    Ok(())
}

async fn list(keys: ApiKeys<'_>) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = keys.list(after, PAGE).await?;
        for key in &page {
            writeln!(stdout(), "{}", line(key))?;
        }
        match page.last() {
            Some(last) => after = Some(last.id),
            None => return Ok(()),
        }
    }
}

/// A key on one line.
fn line(key: &ApiKey) -> String {
    let owner = key.owner.as_ref().map_or("operator".to_owned(), |owner| format!("owner {}", printable(owner)));
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("expires {at}"),
        (None, None) => "valid".to_owned(),
    };
    format!("{}\t{owner}\t{state}\t{}\t{}", key.id, key.scopes, printable(&key.label))
}
