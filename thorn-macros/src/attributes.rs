//! Reads the attributes of a struct or a field, such as `#[sea_orm(…)]`.

use syn::{Attribute, Token, meta::ParseNestedMeta};

/// Calls `read` for each entry of the attributes with this name. It returns `false` if it hasn't read the entry's value, which is then
/// skipped.
///
/// Errors are ignored, because the macros that the attributes belong to report them.
pub(crate) fn for_each_entry(
    name: &str,
    attributes: &[Attribute],
    mut read: impl FnMut(&ParseNestedMeta<'_>) -> syn::Result<bool>,
) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
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
