//! Finds an `impl ActiveModelBehavior for ActiveModel` beside a model, to explain why it collides with the
//! generated one. Without this, the compiler reports only that two impls conflict.
//!
//! An attribute sees nothing but its own item, so this module reads the source file. It finds nothing if a
//! `macro_rules!` makes the model or a tool has no file; then the compiler's error remains.

use std::path::Path;

use proc_macro2::TokenStream;
use syn::{Attribute, Item, ItemImpl, Meta, Type};

/// The user's impl beside the model, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum OwnBehavior {
    /// `#[active_model_behavior]` stands above it.
    Hooked,
    /// It is a plain impl.
    Plain,
}

impl OwnBehavior {
    /// The impl beside the model that has this attribute.
    pub(crate) fn beside(attribute: &TokenStream, file: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(file).ok()?;
        // Most files have none, and needn't be parsed.
        if !text.contains("ActiveModelBehavior for") {
            return None;
        }
        Self::in_source(&attribute.to_string(), &text)
    }

    fn in_source(attribute: &str, text: &str) -> Option<Self> {
        let mut found = Vec::new();
        search(&syn::parse_file(text).ok()?.items, attribute, &mut found);
        // Two models with the same attribute can't be told apart.
        if let [only] = found.as_slice() { *only } else { None }
    }

    /// The error for a model without `custom_behavior`.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Hooked => {
                "`#[active_model_behavior]` needs the key `custom_behavior` here; without it, this attribute \
                 implements `ActiveModelBehavior` a second time"
            }
            Self::Plain => {
                "this attribute implements `ActiveModelBehavior` for `ActiveModel`, and so does this module; remove \
                 `impl ActiveModelBehavior for ActiveModel`, or keep its hooks with `custom_behavior` here and \
                 `#[thorn::active_model_behavior]` above the impl"
            }
        }
    }
}

/// Adds, for each model with this attribute, the impl in the same module.
fn search(items: &[Item], attribute: &str, found: &mut Vec<Option<OwnBehavior>>) {
    for item in items {
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &module.content {
                    search(items, attribute, found);
                }
            }
            Item::Struct(model) if model.ident == "Model" && model.attrs.iter().any(|it| is_same(it, attribute)) => {
                found.push(items.iter().find_map(own_behavior));
            }
            _ => {}
        }
    }
}

fn is_same(attribute: &Attribute, tokens: &str) -> bool {
    is_called(attribute, "webhook_model")
        && matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string() == tokens)
}

fn own_behavior(item: &Item) -> Option<OwnBehavior> {
    let Item::Impl(ItemImpl { trait_: Some((_, behavior, _)), self_ty, attrs, .. }) = item else { return None };
    let is_of_active_model = matches!(&**self_ty, Type::Path(path) if path.path.is_ident("ActiveModel"));
    let is_behavior = behavior.segments.last().is_some_and(|segment| segment.ident == "ActiveModelBehavior");
    if !is_of_active_model || !is_behavior || attrs.iter().any(|attribute| is_called(attribute, "cfg")) {
        return None;
    }
    let is_hooked = attrs.iter().any(|attribute| is_called(attribute, "active_model_behavior"));
    Some(if is_hooked { OwnBehavior::Hooked } else { OwnBehavior::Plain })
}

fn is_called(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == name)
}

#[cfg(test)]
mod tests {
    use super::OwnBehavior;

    #[test]
    fn the_impl_in_the_module_of_the_model_is_found_and_no_other() {
        let source = |behavior: &str| {
            format!(
                "mod a {{ #[thorn::webhook_model(on_create = \"a\")] struct Model {{ id: i32 }} {behavior} }} \
                 mod b {{ struct Model {{ id: i32 }} impl ActiveModelBehavior for ActiveModel {{}} }}"
            )
        };
        let found = |behavior: &str| OwnBehavior::in_source("on_create = \"a\"", &source(behavior));
        let plain = "impl ActiveModelBehavior for ActiveModel {}";
        assert_eq!(found(""), None);
        assert_eq!(found(plain), Some(OwnBehavior::Plain));
        assert_eq!(found(&format!("#[thorn::active_model_behavior] {plain}")), Some(OwnBehavior::Hooked));
        assert_eq!(found(&format!("#[cfg(test)] {plain}")), None, "it may not be compiled");
        assert_eq!(found("impl Other for ActiveModel {}"), None);
        let twice = source(plain) + &source("").replace("mod a", "mod c").replace("mod b", "mod d");
        assert_eq!(OwnBehavior::in_source("on_create = \"a\"", &twice), None);
    }
}
