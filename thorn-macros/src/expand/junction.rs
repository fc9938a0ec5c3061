//! Generates the code by which changes of a junction's rows fire the events of both sides.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

/// The members of `WebhookModel` that only a junction has.
pub(super) fn members([one, other]: [&Type; 2]) -> TokenStream {
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

        async fn lock_link_owners<C>(
            links: &[::thorn::__private::LinkValues],
            db: &C,
        ) -> ::core::result::Result<(), #sea_orm::DbErr>
        where
            C: #sea_orm::ConnectionTrait,
        {
            ::thorn::__private::lock_link_owners::<Self, #one, C>(links, db).await?;
            ::thorn::__private::lock_link_owners::<Self, #other, C>(links, db).await
        }
    }
}

/// The two impls of `Joins`, one for each side.
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
                // For a model without events: `Silent` supplies the empty table.
                #[allow(unused_imports)]
                use ::thorn::__private::Silent as _;
                ::thorn::__private::EventsOf::<#one>::EVENTS
            }
        }
    }
}
