//! API keys: the credentials of programs that call the stand-alone server.
//!
//! A key is a random token. The table holds only the token's SHA-256, so a copy of the database lets nobody in.

mod entry;
mod scope;
mod store;
mod session;
mod token;

pub use entry::{ApiKey, NewApiKey};
pub use scope::{ParseScopeError, Scope, Scopes};
pub use session::StreamSession;
pub use store::ApiKeys;
pub use token::ApiToken;
