//! `#[active_model_behavior]`: runs the user's hooks first, then thorn's.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Pat, ReturnType, parse_quote};

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

    /// The call of thorn's hook with the value that comes from SeaORM or from the user's hook.
    fn call(self, value: &TokenStream, db: &TokenStream, insert: &TokenStream) -> TokenStream {
        let hooks = quote!(::thorn::__private::hooks);
        match self {
            Self::BeforeSave => quote!(#hooks::before_save(#value, #db, #insert).await),
            Self::AfterSave => {
                let entity = quote!(<Self as ::thorn::__private::sea_orm::ActiveModelTrait>::Entity);
                quote!(#hooks::after_save::<#entity, _>(#value, #db, #insert).await)
            }
            Self::BeforeDelete => quote!(#hooks::before_delete(#value, #db).await),
            Self::AfterDelete => quote!(#hooks::after_delete(#value, #db).await),
        }
    }

    /// The hook if the user has none.
    fn without_users(self) -> ImplItemFn {
        let name = format_ident!("{}", self.name());
        let sea_orm = quote!(::thorn::__private::sea_orm);
        let model = quote!(<<Self as #sea_orm::ActiveModelTrait>::Entity as #sea_orm::EntityTrait>::Model);
        let (first, value, result) = match self {
            Self::AfterSave => (quote!(model: #model), quote!(model), model),
            _ => (quote!(self), quote!(self), quote!(Self)),
        };
        let insert = match self {
            Self::BeforeSave | Self::AfterSave => quote!(insert: bool),
            Self::BeforeDelete | Self::AfterDelete => quote!(),
        };
        let call = self.call(&value, &quote!(db), &quote!(insert));
        parse_quote! {
            async fn #name<C>(#first, db: &C, #insert) -> ::core::result::Result<#result, #sea_orm::DbErr>
            where
                C: #sea_orm::ConnectionTrait,
            {
                #call
            }
        }
    }

    /// The user's hook, followed by thorn's.
    fn after_users(self, mut users: ImplItemFn) -> ImplItemFn {
        let db = argument(&mut users, 1);
        let insert = argument(&mut users, 2);
        let body = &users.block;
        let result = match &users.sig.output {
            ReturnType::Type(_, result) => quote!(#result),
            ReturnType::Default => quote!(()),
        };
        let call = self.call(&quote!(__thorn_result?), &db, &insert);
        users.block = parse_quote!({
            let __thorn_result: #result = async move #body.await;
            #call
        });
        users
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
    let marker = syn::parse2::<ItemImpl>(item.clone()).ok().map(|users| hooked_behavior(&users));
    quote! { #item #error #marker }
}

fn check(attribute: &TokenStream, item: &TokenStream) -> syn::Result<ItemImpl> {
    let mut errors = Errors::default();
    if !attribute.is_empty() {
        errors.at(attribute, "`#[active_model_behavior]` takes no arguments");
    }
    let users: ItemImpl = syn::parse2(item.clone()).map_err(|_| syn::Error::new(Span::call_site(), WRONG_ITEM))?;
    let behavior = users.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
    if behavior.is_none_or(|segment| segment.ident != "ActiveModelBehavior") {
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

/// Adds thorn's hooks to the impl.
fn add_hooks(mut behavior: ItemImpl) -> TokenStream {
    let marker = hooked_behavior(&behavior);
    let mut missing = Hook::ALL.to_vec();
    for item in &mut behavior.items {
        if let ImplItem::Fn(function) = item
            && let Some(index) = missing.iter().position(|hook| function.sig.ident == hook.name())
        {
            *function = missing.remove(index).after_users(function.clone());
        }
    }
    behavior.items.extend(missing.into_iter().map(|hook| ImplItem::Fn(hook.without_users())));
    let is_async = |attribute: &syn::Attribute| {
        attribute.path().segments.last().is_some_and(|segment| segment.ident == "async_trait")
    };
    if !behavior.attrs.iter().any(is_async) {
        behavior.attrs.push(parse_quote!(#[::thorn::__private::async_trait]));
    }
    quote! { #behavior #marker }
}

/// The impl of the marker trait which proves that the behavior runs thorn's hooks.
fn hooked_behavior(behavior: &ItemImpl) -> TokenStream {
    let active_model = &behavior.self_ty;
    quote! {
        #[automatically_derived]
        impl ::thorn::__private::HookedBehavior for #active_model {}
    }
}

fn is_hook(name: &Ident) -> bool {
    Hook::ALL.iter().any(|hook| name == hook.name())
}

/// The name of an argument. An argument without a name gets one.
fn argument(function: &mut ImplItemFn, index: usize) -> TokenStream {
    match function.sig.inputs.iter_mut().nth(index) {
        Some(FnArg::Typed(argument)) => {
            if let Pat::Ident(name) = &*argument.pat {
                let name = &name.ident;
                return quote!(#name);
            }
            let name = format_ident!("__thorn_argument_{index}");
            *argument.pat = parse_quote!(#name);
            quote!(#name)
        }
        _ => TokenStream::new(),
    }
}
