//! `#[webhook_model]`: runs the pipeline from the attribute to the generated code.

use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Item, ItemStruct};

use crate::{
    check::check, columns::Columns, errors::Errors, expand, fallback, model::Declaration, own_behavior::OwnBehavior,
    parse::entries, privacy::Privacy, relations::Relations, sea_orm_version,
};

/// Returns the item unchanged, followed by the code that announces its changes or by the errors.
/// `file` is the source file, if there is one.
pub(crate) fn expand(attribute: &TokenStream, item: &TokenStream, file: Option<&Path>) -> TokenStream {
    let model = match syn::parse2::<Item>(item.clone()) {
        // `#[sea_orm::model]` copies the attributes below it to the `ModelEx` that it generates.
        Ok(Item::Struct(model)) if model.ident == "ModelEx" => return item.clone(),
        Ok(Item::Struct(model)) => model,
        Ok(_) | Err(_) => {
            let error = syn::Error::new(
                proc_macro2::Span::call_site(),
                "`#[webhook_model]` belongs on the `struct Model` of an entity",
            );
            return fallback::item_only(item, &error);
        }
    };
    if model.ident != "Model" {
        let message =
            format!("`#[webhook_model]` belongs on the `struct Model` of an entity; this is `{}`", model.ident);
        return fallback::item_only(item, &syn::Error::new(model.ident.span(), message));
    }
    if let Some(message) = sea_orm_version::mismatch() {
        return fallback::without_thorn(item, &syn::Error::new(proc_macro2::Span::call_site(), message));
    }
    let own = file.and_then(|file| OwnBehavior::beside(attribute, file));
    match generate(attribute, &model, own) {
        Ok(generated) => quote! { #item #generated },
        Err(error) => fallback::expand(attribute, &model, own, &error),
    }
}

fn generate(attribute: &TokenStream, model: &ItemStruct, own: Option<OwnBehavior>) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    let declaration = Declaration::of(entries(attribute.clone(), &mut errors), &mut errors);
    let columns = Columns::of(model);
    let relations = Relations::of(model);
    check(&declaration, &columns, &relations, &mut errors);
    Privacy::of(&declaration, &columns).check(&declaration, &mut errors);
    if let (Some(own), None) = (own, &declaration.custom_behavior) {
        errors.add(syn::Error::new(proc_macro2::Span::call_site(), own.message()));
    }
    errors.unless_any(())?;
    Ok(expand::expand(&declaration, &columns, &relations, &model.vis))
}
