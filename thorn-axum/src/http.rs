//! HTTP pieces that every resource can use: the caller, bodies, pages, links and problems.

// Each module uses only modules above it.
mod header;
mod problem;
mod id;
mod body;
mod json;
mod page;
mod collection_url;
mod unauthenticated;
mod caller;
mod source;
mod routes;
#[cfg(feature = "engine")]
pub(crate) mod description;

#[cfg(feature = "engine")]
pub(crate) use body::BodyTime;
pub(crate) use body::bytes_up_to;
pub use caller::Caller;
pub(crate) use collection_url::{BaseUrl, CollectionUrl};
pub(crate) use header::{NO_STORE, text};
pub(crate) use id::PathId;
#[cfg(feature = "engine")]
pub(crate) use id::parse_id;
pub(crate) use json::JsonObject;
#[cfg(feature = "engine")]
pub(crate) use json::is_json;
pub(crate) use page::{PageQuery, list_problem};
pub use problem::Problem;
pub(crate) use problem::field_name;
#[cfg(feature = "engine")]
pub(crate) use problem::problem_types;
#[cfg(feature = "engine")]
pub(crate) use routes::method_not_allowed;
pub(crate) use routes::resource_routes;
pub(crate) use source::{Source, network};
pub use unauthenticated::Unauthenticated;
