//! The grammar of the attribute: `key`, `key = expression` and `key(entries)`, separated by commas.
//!
//! After an error, the parser continues at the next comma.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
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
    let mut entries = Vec::new();
    let parser = |input: ParseStream<'_>| {
        entries = entries_of(input, errors);
        Ok(())
    };
    // An error that was passed over inside a group comes back here. It is reported already.
    let _ = parser.parse2(tokens);
    entries
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
        let value = input.fork();
        let value = input.parse().map_err(|error| keyword(&value).unwrap_or(error))?;
        return Ok(Entry { key, value: Value::Expression(Box::new(ungroup(value))) });
    }
    if input.peek(token::Paren) {
        let content;
        parenthesized!(content in input);
        return Ok(Entry { key, value: Value::Entries(entries_of(&content, errors)) });
    }
    Ok(Entry { key, value: Value::Nothing })
}

/// The error for a keyword where an expression can't have one, such as in `payload = [id, type]`: a column whose
/// field is written `r#type`.
fn keyword(value: ParseStream<'_>) -> Option<syn::Error> {
    let tokens: TokenStream = value.parse().ok()?;
    let until_comma =
        tokens.into_iter().take_while(|token| !matches!(token, TokenTree::Punct(it) if it.as_char() == ','));
    let names = until_comma.flat_map(|token| match token {
        TokenTree::Group(list) if list.delimiter() == Delimiter::Bracket => list.stream(),
        token => token.into(),
    });
    let keyword = |token| match token {
        TokenTree::Ident(word) if syn::parse2::<Ident>(TokenTree::Ident(word.clone()).into()).is_err() => Some(word),
        _ => None,
    };
    let word = names.into_iter().find_map(keyword)?;
    Some(syn::Error::new(word.span(), format!("`{word}` is a keyword of Rust; write the column as `r#{word}`")))
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
