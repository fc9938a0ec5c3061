//! Models that announce their changes, on a real SQLite file.

mod atomicity;
mod behavior;
mod bulk;
mod by_hand;
mod concurrency;
mod database;
mod entities;
mod events;
mod filters;
mod formats;
mod nested;
mod payload;
