//! Generates one entry of the table `EVENTS`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ExprPath, Ident, ext::IdentExt};

use crate::{
    columns::{Column, Columns},
    model::{Dispatch, Event, LinkOp, Options, Payload, Trigger},
    privacy::Privacy,
    relations::Relations,
    template::{Part, Template},
    when::Mentions,
};

/// The model that an event belongs to.
pub(super) struct Context<'a> {
    /// The options of events that don't set their own.
    pub(super) model: &'a Options,
    pub(super) columns: &'a Columns,
    pub(super) relations: &'a Relations,
    pub(super) privacy: &'a Privacy<'a>,
}

/// `ModelEvent::<Model>::new(…)` and the setters that the event needs. Options that the event doesn't set come
/// from the model.
pub(super) fn expand(event: &Event, context: &Context<'_>) -> TokenStream {
    let Context { model, columns, relations, privacy } = *context;
    let key = event.key.unraw().to_string();
    let key = key.strip_prefix("on_").unwrap_or(&key);
    let trigger = trigger(event, relations);
    let own = &event.options;
    let name = template(&event.name, columns);
    let reference = own.reverse.as_ref().or(model.reverse.as_ref()).map(|reverse| {
        let reference = template(reverse, columns);
        quote!(.reference(#reference))
    });
    let sender = own.sender.as_ref().or(model.sender.as_ref()).map(|column| sender(column, columns));
    let headers = own.headers.as_ref().or(model.headers.as_ref()).map(headers);
    let dispatch = own.dispatch.as_ref().or(model.dispatch.as_ref()).map(dispatch);
    // With a sender, the event is broadcast only if it says so.
    let broadcast = sender.is_some() && is_broadcast(own, model);
    let broadcast = broadcast.then(|| quote!(.broadcast()));
    let given_payload = own.payload.as_ref().or(model.payload.as_ref());
    let payload = match given_payload {
        Some(Payload::All) | None => privacy.default_payload().map(|columns| columns_payload(&columns)),
        Some(given) => Some(payload(given, columns)),
    };
    let is_change = event.trigger == Trigger::Change;
    let previous = own.previous.as_ref().or(model.previous.as_ref()).filter(|_| is_change);
    let previous = previous.map(|_| previous_of(given_payload));
    let link_payload = event.link_payload.as_ref().map(link_payload);
    let when = event.when.as_ref().map(|when| filter(when, columns));
    let only_if_changed = event.only_if_changed.then(|| quote!(.only_if_changed()));
    let coalesce = event.coalesce.then(|| quote!(.coalesce()));
    quote! {
        ::thorn::__private::ModelEvent::<Model>::new(#key, #trigger, #name)
            #reference
            #sender
            #broadcast
            #headers
            #dispatch
            #payload
            #link_payload
            #when
            #only_if_changed
            #coalesce
            #previous
    }
}

/// Whether the event says that it goes to everybody. Its own `sender` overrides the model's `broadcast`.
pub(super) fn is_broadcast(own: &Options, model: &Options) -> bool {
    own.broadcast.is_some() || (own.sender.is_none() && model.broadcast.is_some())
}

fn trigger(event: &Event, relations: &Relations) -> TokenStream {
    let op = |op| quote!(::thorn::__private::Trigger::On(::thorn::__private::Op::#op));
    match event.trigger {
        Trigger::Create => op(quote!(Create)),
        Trigger::Change => op(quote!(Change)),
        Trigger::Delete => op(quote!(Delete)),
        Trigger::Links(op) => links(event, op, relations),
        Trigger::Manual => quote!(::thorn::__private::Trigger::Manual),
    }
}

/// The trigger of an event about links. It compiles only if their junction announces them.
fn links(event: &Event, op: LinkOp, relations: &Relations) -> TokenStream {
    let op = match op {
        LinkOp::Add => quote!(Add),
        LinkOp::Remove => quote!(Remove),
        LinkOp::Clear => quote!(Clear),
    };
    let relation = relations.of_event(event).map(|relation| {
        let (name, junction, related) = (&relation.name, relation.junction(), &relation.related);
        quote!(::thorn::__private::Relation::through::<#junction, Entity, #related>(#name))
    });
    let relation = relation.unwrap_or_default();
    quote!(::thorn::__private::Trigger::Links(::thorn::__private::LinkOp::#op, #relation))
}

/// `Template::new(&[…])`.
fn template(template: &Template, columns: &Columns) -> TokenStream {
    let pieces = template.parts.iter().map(|part| match part {
        Part::Text(text) => quote!(::thorn::__private::Piece::Text(#text)),
        Part::Column(name) => {
            let variant = columns.get(name).map(|column| &column.variant);
            quote!(::thorn::__private::Piece::Column(Column::#variant))
        }
    });
    quote!(::thorn::__private::Template::new(&[#(#pieces),*]))
}

/// `.sender(…)`: the column, and a function that reads its field.
fn sender(sender: &Ident, columns: &Columns) -> TokenStream {
    let (event, row) = (local("event"), local("row"));
    let column = columns.named(sender);
    let (field, variant) = (column.map(|column| &column.field), column.map(|column| &column.variant));
    let add = quote_spanned!(at(sender)=> #event.sender(&#row.#field));
    quote!(.sender(Column::#variant, |#event, #row| #add))
}

/// `.headers(…)`: the function's headers, added to the event.
fn headers(function: &ExprPath) -> TokenStream {
    let (event, row) = (local("event"), local("row"));
    let add = quote_spanned!(at(function)=> ::thorn::__private::with_headers(#event, #function(#row)));
    quote!(.headers(|#event, #row| #add))
}

/// `.dispatch(…)`.
fn dispatch(dispatch: &Dispatch) -> TokenStream {
    let by = match dispatch {
        Dispatch::Queue => quote!(Queue),
        Dispatch::Inline => quote!(Inline),
        Dispatch::Disabled => quote!(Disabled),
        Dispatch::Custom(name) => quote!(Custom(::std::borrow::Cow::Borrowed(#name))),
    };
    quote!(.dispatch(&::thorn::__private::Dispatch::#by))
}

/// `.payload(…)`.
fn payload(payload: &Payload, columns: &Columns) -> TokenStream {
    let (event, row) = (local("event"), local("row"));
    let payload = match payload {
        Payload::All => return TokenStream::new(),
        Payload::Columns(chosen) => {
            let chosen: Vec<&Column> = chosen.iter().filter_map(|ident| columns.named(ident)).collect();
            return columns_payload(&chosen);
        }
        Payload::Function(function) => {
            let render = quote_spanned!(at(function)=> #event.render(&#function(#row)));
            quote!(Function(|#event, #row| #render))
        }
        Payload::Type(view) => {
            let render =
                quote_spanned!(at(view)=> #event.render(&<#view as ::core::convert::From<&Model>>::from(#row)));
            quote!(Type(|#event, #row| #render))
        }
    };
    quote!(.payload(::thorn::__private::Payload::#payload))
}

/// `.payload(…)` with these columns.
fn columns_payload(columns: &[&Column]) -> TokenStream {
    let variants = columns.iter().map(|column| &column.variant);
    quote!(.payload(::thorn::__private::Payload::Columns(&[#(Column::#variants),*])))
}

/// `.previous(…)`: the old values of the columns, or of the members of data that code of the user makes.
fn previous_of(payload: Option<&Payload>) -> TokenStream {
    let row = local("row");
    let data = match payload {
        None | Some(Payload::All | Payload::Columns(_)) => {
            return quote!(.previous(::thorn::__private::Previous::Columns));
        }
        Some(Payload::Function(function)) => quote_spanned!(at(function)=> #function(#row)),
        Some(Payload::Type(view)) => {
            quote_spanned!(at(view)=> <#view as ::core::convert::From<&Model>>::from(#row))
        }
    };
    quote!(.previous(::thorn::__private::Previous::Data(|#row| ::thorn::__private::members_of(&#data))))
}

/// `.link_payload(…)`: the data of an event about links, made from the row and the links that changed.
fn link_payload(function: &ExprPath) -> TokenStream {
    let (event, row, links) = (local("event"), local("row"), local("links"));
    let render = quote_spanned!(at(function)=> #event.render(&#function(#row, #links)));
    quote!(.link_payload(|#event, #row, #links| #render))
}

/// A local variable that can't collide with the user's names.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// A span that resolves where the attribute stands, even if the tokens come through a `macro_rules!`, but
/// reports errors at the user's token.
fn at(tokens: &impl ToTokens) -> Span {
    let first = tokens.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span());
    Span::call_site().located_at(first)
}

/// `.when(…)`: declares a local variable for every mention of a column, with the mention's span.
fn filter(when: &Expr, columns: &Columns) -> TokenStream {
    let (change, row, fires) = (local("change"), local("row"), local("fires"));
    let found = Mentions::in_expression(when, columns);
    let reads_old = found.reads_old;
    let fields = found.columns.iter().filter_map(|mention| Some((mention, columns.named(mention)?)));
    let fields = fields.map(|(mention, column)| {
        let field = &column.field;
        let (old, new) = if column.nullable {
            (quote!(#change.old.and_then(|#row| #row.#field.as_ref())), quote!(#change.new.#field.as_ref()))
        } else {
            (quote!(#change.old.map(|#row| &#row.#field)), quote!(::core::option::Option::Some(&#change.new.#field)))
        };
        quote!(#[allow(unused_variables)] let #mention = ::thorn::__private::Field::new(#old, #new);)
    });
    let rows = found.rows.iter().map(|mention| {
        let side = Ident::new(&mention.to_string(), Span::call_site());
        quote!(#[allow(unused_variables)] let #mention = #change.#side;)
    });
    let decide = quote_spanned!(at(when)=> let #fires: bool = #when;);
    quote! {
        .when(#reads_old, |#change| {
            #(#fields)*
            #(#rows)*
            #decide
            #fires
        })
    }
}
