//! What makes the rows of a junction the links of both sides.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

/// Members of `WebhookModel`.
pub(super) fn announce([one, other]: [&Type; 2]) -> TokenStream {
    let sea_orm = quote!(::thorn::__private::sea_orm);
    quote! {
        const JUNCTION: bool = true;

        async fn announce_links<C>(
            rows: ::thorn::__private::LinkRows<'_, Model>,
            db: &C,
        ) -> ::core::result::Result<(), #sea_orm::DbErr>
        where
            C: #sea_orm::ConnectionTrait,
        {
            ::thorn::__private::announce_links::<Self, #one, C>(rows, db).await?;
            ::thorn::__private::announce_links::<Self, #other, C>(rows, db).await
        }
    }
}

/// The impls of `Joins`, one for each side.
pub(crate) fn joins([one, other]: [&Type; 2]) -> TokenStream {
    let (one_side, other_side) = (side(one, other), side(other, one));
    quote! { #one_side #other_side }
}

fn side(one: &Type, other: &Type) -> TokenStream {
    let sea_orm = quote!(::thorn::__private::sea_orm);
    quote! {
        #[automatically_derived]
        impl ::thorn::__private::Joins<#one> for Entity {
            type Other = #other;

            fn to_one() -> #sea_orm::RelationDef {
                <Self as #sea_orm::Related<#one>>::to()
            }

            fn to_other() -> #sea_orm::RelationDef {
                <Self as #sea_orm::Related<#other>>::to()
            }

            fn events() -> &'static [::thorn::__private::ModelEvent<<#one as #sea_orm::EntityTrait>::Model>] {
                // The model may announce nothing.
                #[allow(unused_imports)]
                use ::thorn::__private::Silent as _;
                ::thorn::__private::EventsOf::<#one>::EVENTS
            }
        }
    }
}
