//! Models that announce their changes, on a real database.

// SeaORM derives far more for an entity than a test uses, and public.
#![allow(dead_code, unreachable_pub)]

mod atomicity;
mod behavior;
mod buffering;
mod bulk;
mod by_hand;
mod coalescing;
mod concurrency;
mod doors;
pub(crate) mod entities;
mod events;
mod filters;
mod formats;
mod hooked;
mod links;
mod mock;
mod nested;
mod payload;
mod previous;
mod shapes;
mod types;
mod writing;
