//! What is generated when something is wrong: the item, the mistakes, and just enough that no
//! second error follows from the first.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::ItemStruct;

use crate::{behavior, expand::junction, relations::Relations};

/// For an item that is no model.
pub(crate) fn item_only(item: &TokenStream, error: &syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    quote! { #item #error }
}

/// For a model whose attribute is wrong: it announces nothing.
pub(crate) fn expand(attribute: &TokenStream, model: &ItemStruct, error: &syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    let joins = joins(attribute, model);
    let behavior = if says(attribute, "custom_behavior") { TokenStream::new() } else { behavior::generated() };
    quote! {
        #model
        #error
        #behavior
        #joins
        #[automatically_derived]
        impl ::thorn::__private::WebhookModel for Entity {
            const EVENTS: &'static [::thorn::__private::ModelEvent<Model>] = &[];
        }
    }
}

/// A junction is one whatever is wrong with it: the models that it links aren't at fault.
fn joins(attribute: &TokenStream, model: &ItemStruct) -> Option<TokenStream> {
    let sides = says(attribute, "junction").then(|| Relations::of(model).first_two())?;
    sides.map(|[one, other]| junction::joins([&one, &other]))
}

fn says(attribute: &TokenStream, word: &str) -> bool {
    let mut tokens = attribute.clone().into_iter();
    tokens.any(|token| matches!(token, TokenTree::Ident(ident) if ident == word))
}
