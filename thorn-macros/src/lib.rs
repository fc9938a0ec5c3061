//! The attributes of [thorn](https://docs.rs/thorn-webhooks), which documents and re-exports them.
//!
//! `webhook_model` is a pipeline:
//!
//! 1. `parse` turns the attribute's tokens into entries.
//! 2. `model` turns the entries into a declaration.
//! 3. `check` compares the declaration with the `columns` and `relations` of the struct; `privacy` checks which
//!    columns it sends.
//! 4. `expand` generates the code, or `fallback` does if there are errors.
//!
//! `active_model_behavior` is the second attribute, for entities that keep their own hooks.
#![deny(missing_docs)]

// Each module uses only modules above it.
mod errors;
mod suggest;
mod template;
mod attributes;
mod parse;
mod model;
mod columns;
mod relations;
mod when;
mod check;
mod privacy;
mod sea_orm_version;
mod own_behavior;
mod active_model_behavior;
mod expand;
mod fallback;
mod webhook_model;

use proc_macro::TokenStream;

/// Documented in the crate `thorn`.
#[proc_macro_attribute]
pub fn webhook_model(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let file = proc_macro::Span::call_site().local_file();
    webhook_model::expand(&attribute.into(), &item.into(), file.as_deref()).into()
}

/// Documented in the crate `thorn`.
#[proc_macro_attribute]
pub fn active_model_behavior(attribute: TokenStream, item: TokenStream) -> TokenStream {
    active_model_behavior::expand(&attribute.into(), &item.into()).into()
}

#[cfg(test)]
mod tests;
