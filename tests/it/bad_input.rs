//! Applications and receivers that do something wrong, by mistake or on purpose.

mod events;
mod hostile;
