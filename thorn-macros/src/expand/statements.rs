//! Generates the functions of `Entity`, which take precedence over those of `EntityTrait`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Visibility;

/// The functions that return thorn's builders.
pub(super) fn expand(vis: &Visibility) -> TokenStream {
    let sea_orm = quote!(::thorn::__private::sea_orm);
    let statement = quote!(::thorn::model::statement);
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl Entity {
            /// Inserts a row and writes its events, in one transaction.
            #vis fn insert<A>(model: A) -> #statement::Insert<A>
            where
                A: #sea_orm::ActiveModelTrait<Entity = Self>,
            {
                #statement::Insert::one(model)
            }

            /// Inserts rows and writes their events, in one transaction.
            #vis fn insert_many<A, I>(models: I) -> #statement::InsertMany<A>
            where
                A: #sea_orm::ActiveModelTrait<Entity = Self>,
                I: ::core::iter::IntoIterator<Item = A>,
            {
                #statement::InsertMany::many(models)
            }

            /// Updates a row and writes its events, in one transaction.
            #vis fn update<A>(model: A) -> #statement::UpdateOne<A>
            where
                A: #sea_orm::ActiveModelTrait<Entity = Self>,
            {
                #statement::UpdateOne::one(model)
            }

            /// Updates rows and writes their events, in one transaction.
            #vis fn update_many() -> #statement::UpdateMany<Self> {
                #statement::UpdateMany::new()
            }

            /// Deletes a row and writes its events, in one transaction.
            #vis fn delete<A>(model: A) -> #statement::DeleteOne<Self>
            where
                A: #sea_orm::ActiveModelTrait<Entity = Self>,
            {
                #statement::DeleteOne::one(model)
            }

            /// Deletes rows and writes their events, in one transaction.
            #vis fn delete_many() -> #statement::DeleteMany<Self> {
                #statement::DeleteMany::new()
            }

            /// Deletes the row with this primary key and writes its events, in one transaction.
            #vis fn delete_by_id<T>(values: T) -> #statement::ValidatedDeleteOne<Self>
            where
                T: ::core::convert::Into<
                    <<Self as #sea_orm::EntityTrait>::PrimaryKey as #sea_orm::PrimaryKeyTrait>::ValueType,
                >,
            {
                #statement::ValidatedDeleteOne::by_id(values)
            }
        }
    }
}
