//! Runs chunks: each delivery on its own, all of them concurrently, each recorded as soon as its result is known.

mod address;
mod addressed;
mod admission;
mod attempt;
mod cloud_event;
mod deliver;
mod executor;
mod held;
mod inline;
mod line;
mod of_event;
mod outcome;
mod paused;
mod prepare;
mod recorded;
mod response_room;
mod run;
mod topic_turn;
mod undecided;
mod waiting;

pub(crate) use executor::{Defaults, Executor};
