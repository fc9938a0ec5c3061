//! The hub: fetches topics that have changed, and hands their content to the outbox.

mod commit;
mod fetch;
mod fetcher;
mod link_header;
mod links;
mod markup;

pub(crate) use fetch::TopicSource;
pub(crate) use fetcher::Fetcher;
