//! The URL of a database, and how messages show it.

use std::{fmt, str::FromStr};

/// The URL of a PostgreSQL server. `Display` and `Debug` don't show the password.
///
/// # Examples
///
/// ```
/// use thorn_core::config::{DatabaseUrl, InvalidDatabaseUrl};
///
/// let url: DatabaseUrl = "postgres://me:s3cr3t@db.example/app".parse()?;
/// assert_eq!(url.to_string(), "postgres://me:***@db.example/app");
/// assert!("db.example".parse::<DatabaseUrl>().is_err());
/// # Ok::<(), InvalidDatabaseUrl>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

/// The error for an invalid [`DatabaseUrl`]. It doesn't repeat the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the URL must be postgres://user@host:5432/database")]
pub struct InvalidDatabaseUrl;

impl DatabaseUrl {
    #[cfg(feature = "postgres")]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        let is_postgres = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if is_postgres { Ok(Self(text.to_owned())) } else { Err(InvalidDatabaseUrl) }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// The parameters of URLs that hold a secret.
const SECRET_PARAMETERS: [&str; 2] = ["password", "sslpassword"];

/// The URL without its password. A URL of SQLite has none.
pub(super) fn without_password(url: &str) -> String {
    if url.starts_with("sqlite:") { url.to_owned() } else { without_secret_parameters(&without_user_info(url)) }
}

/// Hides the password before the `@`, or everything before it if it isn't clear where the password begins.
///
/// A password may have reserved characters that should have been escaped, such as `@`, `/` or `?`.
fn without_user_info(url: &str) -> String {
    let before_query = url.split_once('?').map_or(url, |(before, _)| before);
    let at = before_query.rfind('@').or_else(|| url.rfind('@'));
    let begin = url.find("://").map(|scheme| scheme + "://".len());
    let (Some(begin), Some(at)) = (begin, at) else { return url.to_owned() };
    match url.get(begin..at).and_then(|user_info| user_info.split_once(':')) {
        None => url.to_owned(),
        Some((user, _)) if user.contains(['/', '?', '#', '@']) => format!("{}***{}", &url[..begin], &url[at..]),
        Some((user, _)) => format!("{}{user}:***{}", &url[..begin], &url[at..]),
    }
}

fn without_secret_parameters(url: &str) -> String {
    let Some((before, query)) = url.split_once('?') else { return url.to_owned() };
    let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if SECRET_PARAMETERS.contains(&name) => format!("{name}=***"),
        _ => parameter.to_owned(),
    });
    format!("{before}?{}", parameters.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://me:hunter2@db/x", "postgres://me:***@db/x"),
            ("postgres://me:hunter2@[::1]:5432/x?sslmode=require", "postgres://me:***@[::1]:5432/x?sslmode=require"),
            ("postgres://me:hunter/2@db/x", "postgres://me:***@db/x"),
            ("postgres://me:12/hunter2@db/x", "postgres://me:***@db/x"),
            ("postgres://me:hunter?2@db/x", "postgres://me:***@db/x"),
            ("postgres://me:hunt@er2@db/x", "postgres://me:***@db/x"),
            ("postgres://me:hunter#2@db/x", "postgres://me:***@db/x"),
            ("postgres://:hunter2@db/x", "postgres://:***@db/x"),
            ("postgres://db/x?user=me&password=hunter2", "postgres://db/x?user=me&password=***"),
            ("postgres://me:hunter2@db/x?password=hunter2", "postgres://me:***@db/x?password=***"),
            ("postgres://db/x?user=a@b&password=hunter2", "postgres://db/x?user=a@b&password=***"),
            ("postgras://m/e:hunter2@db/x", "postgras://***@db/x"),
            ("sqlite://a.db", "sqlite://a.db"),
            ("sqlite://folder/me@home.db?mode=ro", "sqlite://folder/me@home.db?mode=ro"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_password(url), shown, "{url}");
        }
    }
}
