//! `#[active_model_behavior]`: the user's hooks first, then thorn's.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Pat, ReturnType, parse_quote};

use crate::errors::Errors;

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

    /// Thorn's part of it: takes what SeaORM or the user's part hands over.
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

    /// The whole hook, if the user has none.
    fn alone(self) -> ImplItemFn {
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

    /// The user's hook with ours after it.
    fn wrap(self, mut own: ImplItemFn) -> ImplItemFn {
        let db = argument(&mut own, 1);
        let insert = argument(&mut own, 2);
        let body = &own.block;
        let result = match &own.sig.output {
            ReturnType::Type(_, result) => quote!(#result),
            ReturnType::Default => quote!(()),
        };
        let call = self.call(&quote!(__thorn_result?), &db, &insert);
        own.block = parse_quote!({
            let __thorn_result: #result = async move #body.await;
            #call
        });
        own
    }
}

/// The impl of a model without one of the user's.
pub(crate) fn generated() -> TokenStream {
    expand(parse_quote! {
        impl ::thorn::__private::sea_orm::ActiveModelBehavior for ActiveModel {}
    })
}

/// The attribute on the user's impl.
pub(crate) fn active_model_behavior(attribute: &TokenStream, item: &TokenStream) -> TokenStream {
    let own = match check(attribute, item) {
        Ok(own) => return expand(own),
        Err(error) => error.to_compile_error(),
    };
    let hooked = syn::parse2::<ItemImpl>(item.clone()).ok().map(|own| hooked(&own));
    quote! { #item #own #hooked }
}

fn check(attribute: &TokenStream, item: &TokenStream) -> syn::Result<ItemImpl> {
    let mut errors = Errors::default();
    if !attribute.is_empty() {
        errors.at(attribute, "`#[active_model_behavior]` takes no argument");
    }
    let own: ItemImpl = syn::parse2(item.clone()).map_err(|_| {
        syn::Error::new(Span::call_site(), "this belongs on `impl ActiveModelBehavior for ActiveModel`")
    })?;
    let behavior = own.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
    if behavior.is_none_or(|segment| segment.ident != "ActiveModelBehavior") {
        errors.at(&own.self_ty, "this belongs on `impl ActiveModelBehavior for ActiveModel`");
    }
    for item in &own.items {
        if let ImplItem::Fn(function) = item
            && is_hook(&function.sig.ident)
            && function.sig.asyncness.is_none()
        {
            errors.at(
                &function.sig.ident,
                "put `#[active_model_behavior]` above `#[async_trait]`, which has already rewritten this",
            );
        }
    }
    errors.or(own)
}

fn expand(mut own: ItemImpl) -> TokenStream {
    let hooked = hooked(&own);
    let mut missing = Hook::ALL.to_vec();
    for item in &mut own.items {
        if let ImplItem::Fn(function) = item
            && let Some(index) = missing.iter().position(|hook| function.sig.ident == hook.name())
        {
            *function = missing.remove(index).wrap(function.clone());
        }
    }
    own.items.extend(missing.into_iter().map(|hook| ImplItem::Fn(hook.alone())));
    let is_async = |attribute: &syn::Attribute| {
        attribute.path().segments.last().is_some_and(|segment| segment.ident == "async_trait")
    };
    if !own.attrs.iter().any(is_async) {
        own.attrs.push(parse_quote!(#[::thorn::__private::async_trait]));
    }
    quote! { #own #hooked }
}

fn hooked(own: &ItemImpl) -> TokenStream {
    let active_model = &own.self_ty;
    quote! {
        #[automatically_derived]
        impl ::thorn::__private::HookedBehavior for #active_model {}
    }
}

fn is_hook(name: &Ident) -> bool {
    Hook::ALL.iter().any(|hook| name == hook.name())
}

/// An argument by its name, which it gets if it has none.
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
