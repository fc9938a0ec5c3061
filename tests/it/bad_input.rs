//! What applications and receivers do wrong, by mistake or on purpose.

mod events;
mod hostile;
