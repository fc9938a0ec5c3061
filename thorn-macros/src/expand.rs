//! Generates the code for a valid declaration.

mod broadcast;
mod event;
pub(crate) mod junction;
mod methods;
mod statements;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Visibility;

use crate::{active_model_behavior, columns::Columns, model::Declaration, privacy::Privacy, relations::Relations};

/// The code that is added beside the model.
pub(crate) fn expand(
    declaration: &Declaration,
    columns: &Columns,
    relations: &Relations,
    vis: &Visibility,
) -> TokenStream {
    let behavior = match &declaration.custom_behavior {
        None => active_model_behavior::generated(),
        // The user has an impl. The bound makes sure that it runs thorn's hooks.
        Some(key) => {
            let span = key.span();
            quote_spanned! {span=>
                const _: () = {
                    const fn hooked<A: ::thorn::__private::HookedBehavior>() {}
                    hooked::<ActiveModel>()
                };
            }
        }
    };
    let privacy = Privacy::of(declaration, columns);
    let context = event::Context { model: &declaration.options, columns, relations, privacy: &privacy };
    let events = declaration.events.iter().map(|event| event::expand(event, &context));
    let unsaid_broadcast = broadcast::warning(declaration);
    let sides = declaration.junction.as_ref().and_then(|junction| relations.sides_of(junction).ok());
    let (junction_members, joins) = sides.map(|sides| (junction::members(sides), junction::joins(sides))).unzip();
    let methods = methods::expand(vis);
    let statements = statements::expand(vis);
    quote! {
        #behavior

        #[automatically_derived]
        impl ::thorn::__private::WebhookModel for Entity {
            const EVENTS: &'static [::thorn::__private::ModelEvent<Model>] = &[#(#events),*];
            #junction_members
        }

        #joins

        #methods

        #unsaid_broadcast
        #statements
    }
}
