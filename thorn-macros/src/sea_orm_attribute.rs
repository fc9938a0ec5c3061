//! Reads the `#[sea_orm(…)]` attributes of a struct or a field.

use syn::{Attribute, Token, meta::ParseNestedMeta};

/// Calls `read` for each entry. It returns `false` if it hasn't read the entry's value, which is then
/// skipped.
///
/// Errors are ignored, because SeaORM's own macros report them.
pub(crate) fn for_each_entry(
    attributes: &[Attribute],
    mut read: impl FnMut(&ParseNestedMeta<'_>) -> syn::Result<bool>,
) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("sea_orm")) {
        let _ = attribute.parse_nested_meta(|meta| if read(&meta)? { Ok(()) } else { skip_value(&meta) });
    }
}

fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}
