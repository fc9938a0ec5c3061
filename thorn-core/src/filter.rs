//! Filters as data: conditions on a payload that are chosen at run time.
//!
//! A filter uses the operators that [`Field`](crate::model::Field) offers in Rust code.

mod build;
mod canonical;
mod invalid;
mod kind;
mod node;
mod operator;
mod path;
mod q;
mod reader;
mod test;
pub(crate) mod value;
mod work;

pub use build::QField;
pub use invalid::InvalidQ;
pub(crate) use kind::Kind;
pub use q::Q;

#[cfg(test)]
mod tests;
