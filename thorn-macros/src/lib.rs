//! The attributes of [thorn](https://docs.rs/thorn), which documents and re-exports them.
//!
//! A pipeline: `parse` (tokens → entries) → `model` (entries → declaration) → `columns`, `relations`
//! and `check` (is it true of this struct?) → `expand`, or `fallback` if something is wrong.
#![deny(missing_docs)]

mod behavior;
mod check;
mod columns;
mod errors;
mod expand;
mod fallback;
mod filter;
mod model;
mod parse;
mod relations;
mod suggest;
mod template;
mod webhook;

use proc_macro::TokenStream;

/// Documented in the crate `thorn`.
#[proc_macro_attribute]
pub fn webhook_model(attribute: TokenStream, item: TokenStream) -> TokenStream {
    webhook::webhook_model(&attribute.into(), &item.into()).into()
}

/// Documented in the crate `thorn`.
#[proc_macro_attribute]
pub fn active_model_behavior(attribute: TokenStream, item: TokenStream) -> TokenStream {
    behavior::active_model_behavior(&attribute.into(), &item.into()).into()
}

#[cfg(test)]
mod tests;
