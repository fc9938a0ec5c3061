//! Generates inherent methods, which take precedence over SeaORM's trait methods of the same name.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Visibility;

/// The methods of `ActiveModel` and `Model`.
pub(super) fn expand(vis: &Visibility) -> TokenStream {
    let sea_orm = quote!(::thorn::__private::sea_orm);
    let methods = [
        ("insert", quote!(Model), "Inserts the row and writes its events, in one transaction."),
        ("update", quote!(Model), "Updates the row and writes its events, in one transaction."),
        (
            "update_without_returning",
            quote!(#sea_orm::UpdateResult),
            "Updates the row and writes its events, in one transaction.",
        ),
        ("save", quote!(Self), "Inserts or updates the row and writes its events, in one transaction."),
        ("delete", quote!(#sea_orm::DeleteResult), "Deletes the row and writes its events, in one transaction."),
    ]
    .map(|(name, result, doc)| {
        let name = format_ident!("{name}");
        method(vis, doc, &quote!(#name), &result, &quote!(::thorn::__private::transaction::#name(self, db)))
    });
    let delete = method(
        vis,
        "Deletes the row and writes its events, in one transaction.",
        &quote!(delete),
        &quote!(#sea_orm::DeleteResult),
        &quote! {
            ::thorn::__private::transaction::delete(
                #sea_orm::IntoActiveModel::<ActiveModel>::into_active_model(self),
                db,
            )
        },
    );
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl ActiveModel {
            #(#methods)*
        }

        #[automatically_derived]
        #[allow(dead_code)]
        impl Model {
            #delete
        }
    }
}

fn method(vis: &Visibility, doc: &str, name: &TokenStream, result: &TokenStream, call: &TokenStream) -> TokenStream {
    let sea_orm = quote!(::thorn::__private::sea_orm);
    quote! {
        #[doc = #doc]
        ///
        /// # Errors
        ///
        /// Returns the database's error, or the error of an event that can't be rendered. Nothing is written
        /// in either case.
        #[track_caller]
        #vis fn #name<'db, C>(
            self,
            db: &'db C,
        ) -> impl ::core::future::Future<Output = ::core::result::Result<#result, #sea_orm::DbErr>> + use<'db, C>
        where
            C: #sea_orm::ConnectionTrait,
        {
            #call
        }
    }
}
