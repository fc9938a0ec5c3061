//! Generates code after an error: the item, the errors, and just enough that the compiler reports no
//! follow-up errors.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::ItemStruct;

use crate::{active_model_behavior, expand::junction, own_behavior::OwnBehavior, relations::Relations};

/// For an item that isn't a model.
pub(crate) fn item_only(item: &TokenStream, error: &syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    quote! { #item #error }
}

/// For a model of a SeaORM that isn't thorn's.
pub(crate) fn without_thorn(item: &TokenStream, error: &syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    quote! {
        #item
        #error
        #[automatically_derived]
        impl ::sea_orm::ActiveModelBehavior for ActiveModel {}
    }
}

/// For a model whose attribute has errors. The model announces nothing.
pub(crate) fn expand(
    attribute: &TokenStream,
    model: &ItemStruct,
    own: Option<OwnBehavior>,
    error: &syn::Error,
) -> TokenStream {
    let error = error.to_compile_error();
    let joins = joins(attribute, model);
    let has_own = own.is_some() || has_word(attribute, "custom_behavior");
    let behavior = if has_own { TokenStream::new() } else { active_model_behavior::generated() };
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

/// Keeps a junction a junction, so that the models it links get no errors.
fn joins(attribute: &TokenStream, model: &ItemStruct) -> Option<TokenStream> {
    let sides = has_word(attribute, "junction").then(|| Relations::of(model).first_two_sides())?;
    sides.map(|[one, other]| junction::joins([&one, &other]))
}

fn has_word(attribute: &TokenStream, word: &str) -> bool {
    let mut tokens = attribute.clone().into_iter();
    tokens.any(|token| matches!(token, TokenTree::Ident(ident) if ident == word))
}
