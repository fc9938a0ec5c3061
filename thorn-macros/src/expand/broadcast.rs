//! Warns about a model whose events go to every owner without saying so.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::event::is_broadcast;
use crate::model::Declaration;

const MESSAGE: &str = "this event has no sender, so the subscriptions of every owner receive it; write `broadcast` in \
                       `#[webhook_model]` if that is meant, or name the column with the owner: `sender = user_id`. A \
                       later release will refuse this";

/// A use of something deprecated, at the first event that has neither `sender` nor `broadcast`. A macro can warn
/// in no other way.
pub(super) fn warning(declaration: &Declaration) -> Option<TokenStream> {
    let model = &declaration.options;
    let event = declaration.events.iter().find(|event| {
        event.options.sender.is_none() && model.sender.is_none() && !is_broadcast(&event.options, model)
    })?;
    let span = event.key.span();
    Some(quote_spanned! {span=>
        const _: () = {
            #[deprecated(note = #MESSAGE)]
            const fn broadcasts() {}
            broadcasts();
        };
    })
}
