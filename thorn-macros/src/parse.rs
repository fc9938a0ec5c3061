//! The grammar of the attribute: `key`, `key = expression` and `key(entries)`, separated by commas.
//!
//! After an error, the parser continues at the next comma.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Expr, ExprLit, Ident, LitStr, Token,
    ext::IdentExt,
    parenthesized,
    parse::{ParseStream, Parser},
    spanned::Spanned,
    token,
};

use crate::errors::Errors;

/// One entry of the attribute.
pub(crate) struct Entry {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// The value of a key.
pub(crate) enum Value {
    Nothing,
    Expression(Box<Expr>),
    Entries(Vec<Entry>),
}

/// Parses the argument of the attribute.
pub(crate) fn entries(tokens: TokenStream, errors: &mut Errors) -> Vec<Entry> {
    let parser = |input: ParseStream<'_>| Ok(entries_of(input, errors));
    parser.parse2(tokens).unwrap_or_default()
}

fn entries_of(input: ParseStream<'_>, errors: &mut Errors) -> Vec<Entry> {
    let mut entries = Vec::new();
    while !input.is_empty() {
        match entry(input, errors) {
            Ok(entry) => entries.push(entry),
            Err(error) => errors.add(error),
        }
        if !input.is_empty() && !input.peek(Token![,]) {
            errors.add(input.error("expected `,`"));
            skip_to_comma(input);
        }
        if !input.is_empty() && input.parse::<Token![,]>().is_err() {
            break;
        }
    }
    entries
}

fn entry(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Entry> {
    if input.peek(LitStr) {
        // Continue as if the key were there, so that the name isn't reported as missing too.
        let name: ExprLit = input.parse()?;
        errors.at(&name, "expected a key; write `event = \"…\"`");
        let value = Value::Expression(Box::new(Expr::Lit(name.clone())));
        return Ok(Entry { key: Ident::new("event", name.span()), value });
    }
    key_and_value(input, errors).inspect_err(|_| skip_to_comma(input))
}

fn key_and_value(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Entry> {
    let key = input.call(Ident::parse_any)?;
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        return Ok(Entry { key, value: Value::Expression(Box::new(ungroup(input.parse()?))) });
    }
    if input.peek(token::Paren) {
        let content;
        parenthesized!(content in input);
        return Ok(Entry { key, value: Value::Entries(entries_of(&content, errors)) });
    }
    Ok(Entry { key, value: Value::Nothing })
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// Removes the invisible groups in which fragments of a `macro_rules!` arrive.
pub(crate) fn ungroup(expression: Expr) -> Expr {
    match expression {
        Expr::Group(group) => ungroup(*group.expr),
        other => other,
    }
}
