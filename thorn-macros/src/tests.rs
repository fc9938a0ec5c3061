//! Compares the expansion of `tests/expand/<case>.rs` with `tests/expand/<case>.expanded`.
//!
//! `THORN_BLESS=1 cargo test -p thorn-macros` overwrites the expected expansions.

use std::{fs, path::PathBuf};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Item, Meta};

fn check(case: &str) {
    let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/expand"));
    let input = fs::read_to_string(directory.join(format!("{case}.rs"))).unwrap();
    let expanded = syn::parse2(expand(&input)).unwrap();
    let expanded = prettyplease::unparse(&expanded);
    let golden = directory.join(format!("{case}.expanded"));
    if std::env::var_os("THORN_BLESS").is_some() {
        fs::write(golden, expanded).unwrap();
        return;
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    assert!(expected == expanded, "{case} now expands to\n{expanded}\nif that is right, run again with THORN_BLESS=1");
}

fn expand(input: &str) -> TokenStream {
    let mut item: Item = syn::parse_str(input).unwrap();
    match &mut item {
        Item::Struct(model) => {
            let attribute = arguments(model.attrs.remove(0));
            crate::webhook_model::expand(&attribute, &model.to_token_stream(), None)
        }
        Item::Impl(behavior) => {
            let attribute = arguments(behavior.attrs.remove(0));
            crate::active_model_behavior::expand(&attribute, &behavior.to_token_stream())
        }
        _ => panic!("a struct or an impl"),
    }
}

fn arguments(attribute: Attribute) -> TokenStream {
    match attribute.meta {
        Meta::List(list) => list.tokens,
        _ => TokenStream::new(),
    }
}

macro_rules! golden {
    ($($test:ident = $case:literal;)*) => {$(
        #[test]
        fn $test() {
            check($case);
        }
    )*};
}

golden! {
    short_form = "short-form";
    long_form = "long-form";
    filter_of_the_new_row = "filter-of-the-new-row";
    filter_of_both_rows = "filter-of-both-rows";
    custom_behavior = "custom-behavior";
    links = "links";
    junction = "junction";
    own_hooks = "own-hooks";
    private_columns = "private-columns";
    previous = "previous";
    mistakes = "mistakes";
}

#[test]
fn the_model_ex_of_a_dense_entity_is_left_alone() {
    let item: TokenStream = "struct ModelEx { id : i32 }".parse().unwrap();
    let out = crate::webhook_model::expand(&"nonsense".parse().unwrap(), &item, None);
    assert_eq!(out.to_string(), item.to_string());
}
