//! Everything that needs more than one module of thorn: one binary, one module per capability.

mod hooks_api;
mod receiver;
