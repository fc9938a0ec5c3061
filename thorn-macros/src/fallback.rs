//! What is generated when something is wrong: the item, the mistakes, and just enough that no
//! second error follows from the first.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::behavior;

/// For an item that is no model.
pub(crate) fn item_only(item: &TokenStream, error: &syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    quote! { #item #error }
}

/// For a model whose attribute is wrong: it announces nothing.
pub(crate) fn expand(attribute: &TokenStream, item: &TokenStream, error: &syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    let behavior = if has_custom_behavior(attribute) { TokenStream::new() } else { behavior::generated() };
    quote! {
        #item
        #error
        #behavior
        #[automatically_derived]
        impl ::thorn::__private::WebhookModel for Entity {
            const EVENTS: &'static [::thorn::__private::ModelEvent<Model>] = &[];
        }
    }
}

/// Whatever else is wrong, this word says that the user has an impl.
fn has_custom_behavior(attribute: &TokenStream) -> bool {
    let mut tokens = attribute.clone().into_iter();
    tokens.any(|token| matches!(token, TokenTree::Ident(ident) if ident == "custom_behavior"))
}
