//! `#[webhook_model]`: runs the pipeline from the attribute to the generated code.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Item, ItemStruct};

use crate::{
    check::check, columns::Columns, errors::Errors, expand, fallback, model::Declaration, parse::entries,
    relations::Relations,
};

/// Returns the item unchanged, followed by the code that announces its changes or by the errors.
pub(crate) fn expand(attribute: &TokenStream, item: &TokenStream) -> TokenStream {
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
    match generate(attribute, &model) {
        Ok(generated) => quote! { #item #generated },
        Err(error) => fallback::expand(attribute, &model, &error),
    }
}

fn generate(attribute: &TokenStream, model: &ItemStruct) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    let declaration = Declaration::of(entries(attribute.clone(), &mut errors), &mut errors);
    let columns = Columns::of(model);
    let relations = Relations::of(model);
    check(&declaration, &columns, &relations, &mut errors);
    errors.unless_any(())?;
    Ok(expand::expand(&declaration, &columns, &relations, &model.vis))
}
