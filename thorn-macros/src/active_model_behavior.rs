//! `#[active_model_behavior]`: runs the user's hooks first, then thorn's.
//!
//! The user's hooks move to an impl of `HookedBehavior`, where `with_hooks()` finds them without thorn's. In
//! `ActiveModelBehavior`, a generated method calls the user's hook and then thorn's. The moved hooks keep their
//! names, because errors of the compiler and spans of `#[instrument]` show them.
//!
//! A user's hook may have a `#[cfg]`, which an attribute can't evaluate. The generated method has none. If the hook
//! isn't compiled, the method calls the default one of `HookedBehavior`, which does nothing.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Attribute, Ident, ImplItem, ImplItemFn, ItemImpl, parse_quote};

use crate::errors::Errors;

const WRONG_ITEM: &str = "`#[active_model_behavior]` belongs on `impl ActiveModelBehavior for ActiveModel`";

/// A hook of `ActiveModelBehavior`.
#[derive(Clone, Copy, PartialEq)]
enum Hook {
    BeforeSave,
    AfterSave,
    BeforeDelete,
    AfterDelete,
}

impl Hook {
    const ALL: [Self; 4] = [Self::BeforeSave, Self::AfterSave, Self::BeforeDelete, Self::AfterDelete];

    const fn name(self) -> &'static str {
        match self {
            Self::BeforeSave => "before_save",
            Self::AfterSave => "after_save",
            Self::BeforeDelete => "before_delete",
            Self::AfterDelete => "after_delete",
        }
    }

    /// The method of `ActiveModelBehavior`. It runs the user's hook if there is one, and thorn's with its result.
    fn method(self, has_users: bool) -> ImplItemFn {
        let name = format_ident!("{}", self.name());
        let sea_orm = quote!(::thorn::__private::sea_orm);
        let entity = quote!(<Self as #sea_orm::ActiveModelTrait>::Entity);
        let model = quote!(<#entity as #sea_orm::EntityTrait>::Model);
        let (first, mut value, result, generics) = match self {
            Self::AfterSave => (quote!(model: #model), quote!(model), model, quote!(::<#entity, _>)),
            _ => (quote!(self), quote!(self), quote!(Self), quote!()),
        };
        let (parameter, insert) = match self {
            Self::BeforeSave | Self::AfterSave => (quote!(insert: bool), quote!(, insert)),
            Self::BeforeDelete | Self::AfterDelete => (quote!(), quote!()),
        };
        if has_users {
            value = quote!(<Self as ::thorn::__private::HookedBehavior>::#name(#value, db #insert).await?);
        }
        parse_quote! {
            async fn #name<C>(#first, db: &C, #parameter) -> ::core::result::Result<#result, #sea_orm::DbErr>
            where
                C: #sea_orm::ConnectionTrait,
            {
                ::thorn::__private::hooks::#name #generics (#value, db #insert).await
            }
        }
    }
}

/// The impl for a model without an impl of the user's.
pub(crate) fn generated() -> TokenStream {
    add_hooks(parse_quote! {
        impl ::thorn::__private::sea_orm::ActiveModelBehavior for ActiveModel {}
    })
}

/// The attribute on the user's impl. After an error, the impl stays unchanged.
pub(crate) fn expand(attribute: &TokenStream, item: &TokenStream) -> TokenStream {
    let error = match check(attribute, item) {
        Ok(users) => return add_hooks(users),
        Err(error) => error.to_compile_error(),
    };
    let users = syn::parse2::<ItemImpl>(item.clone()).ok().filter(is_behavior);
    let marker = users.map(|users| hooked_behavior(&users, &[]));
    quote! { #item #error #marker }
}

fn check(attribute: &TokenStream, item: &TokenStream) -> syn::Result<ItemImpl> {
    let mut errors = Errors::default();
    if !attribute.is_empty() {
        errors.at(attribute, "`#[active_model_behavior]` takes no arguments");
    }
    let users: ItemImpl = syn::parse2(item.clone()).map_err(|_| syn::Error::new(Span::call_site(), WRONG_ITEM))?;
    if !is_behavior(&users) {
        errors.at(&users.self_ty, WRONG_ITEM);
    }
    for item in &users.items {
        if let ImplItem::Fn(function) = item
            && is_hook(&function.sig.ident)
            && function.sig.asyncness.is_none()
        {
            errors.at(
                &function.sig.ident,
                "put `#[active_model_behavior]` above `#[async_trait]`, which has already rewritten this function",
            );
        }
    }
    errors.unless_any(users)
}

/// Moves the user's hooks out of the impl, and adds the methods that call them and thorn's.
fn add_hooks(mut behavior: ItemImpl) -> TokenStream {
    allow_expected(&mut behavior.attrs);
    let is_moved = |item: &ImplItem| matches!(item, ImplItem::Fn(function) if is_hook(&function.sig.ident));
    let (own, mut items): (Vec<_>, Vec<_>) = std::mem::take(&mut behavior.items).into_iter().partition(is_moved);
    let has_own =
        |hook: Hook| own.iter().any(|item| matches!(item, ImplItem::Fn(function) if function.sig.ident == hook.name()));
    items.extend(Hook::ALL.map(|hook| ImplItem::Fn(hook.method(has_own(hook)))));
    let moved = hooked_behavior(&behavior, &own);
    behavior.items = items;
    if !behavior.attrs.iter().any(|attribute| is_called(attribute, "async_trait")) {
        behavior.attrs.push(parse_quote!(#[::thorn::__private::async_trait]));
    }
    quote! { #behavior #moved }
}

/// The impl of the trait which proves that the behavior runs thorn's hooks, with the user's hooks.
fn hooked_behavior(behavior: &ItemImpl, own: &[ImplItem]) -> TokenStream {
    let active_model = &behavior.self_ty;
    let attributes = behavior.attrs.iter().filter(|attribute| applies_to_both(attribute));
    // Lints and coverage skip derived code, and the user's hooks aren't that.
    let kind =
        if own.is_empty() { quote!(#[automatically_derived]) } else { quote!(#[::thorn::__private::async_trait]) };
    quote! {
        #kind
        #(#attributes)*
        impl ::thorn::__private::HookedBehavior for #active_model {
            #(#own)*
        }
    }
}

/// Whether an attribute of the user's impl belongs on the impl with the moved hooks, too.
fn applies_to_both(attribute: &Attribute) -> bool {
    ["cfg", "allow", "warn", "deny", "forbid"].iter().any(|name| attribute.path().is_ident(name))
}

/// Makes each `#[expect]` an `#[allow]`, because only one of the two impls may fulfil it.
fn allow_expected(attributes: &mut [Attribute]) {
    for attribute in attributes {
        if attribute.path().is_ident("expect")
            && let syn::Meta::List(lints) = &mut attribute.meta
        {
            lints.path = parse_quote!(allow);
        }
    }
}

fn is_behavior(users: &ItemImpl) -> bool {
    let of = users.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
    of.is_some_and(|segment| segment.ident == "ActiveModelBehavior")
}

fn is_hook(name: &Ident) -> bool {
    Hook::ALL.iter().any(|hook| name == hook.name())
}

fn is_called(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == name)
}
