//! Generates one entry of the table `EVENTS`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ExprPath, Ident, ext::IdentExt};

use crate::{
    columns::Columns,
    model::{Dispatch, Event, LinkOp, Options, Payload, Trigger},
    relations::Relations,
    template::{Part, Template},
    when::Mentions,
};

/// `ModelEvent::<Model>::new(…)`. Options that the event doesn't set come from the model.
pub(super) fn expand(event: &Event, model: &Options, columns: &Columns, relations: &Relations) -> TokenStream {
    let key = event.key.unraw().to_string();
    let key = key.strip_prefix("on_").unwrap_or(&key);
    let op = |op| quote!(::thorn::__private::Trigger::On(::thorn::__private::Op::#op));
    let trigger = match event.trigger {
        Trigger::Create => op(quote!(Create)),
        Trigger::Change => op(quote!(Change)),
        Trigger::Delete => op(quote!(Delete)),
        Trigger::Links(op) => links(event, op, relations),
        Trigger::Manual => quote!(::thorn::__private::Trigger::Manual),
    };
    let describe = describe(event, model, columns);
    let render = render(event.options.payload.as_ref().or(model.payload.as_ref()), columns);
    let when = event.when.as_ref().map(|when| filter(when, columns));
    let only_if_changed = event.only_if_changed.then(|| quote!(.only_if_changed()));
    let with_links = event.link_payload.as_ref().map(with_links);
    let (event, row) = (local("event"), local("row"));
    quote! {
        ::thorn::__private::ModelEvent::<Model>::new(#key, #trigger, |#row| #describe, |#event, #row| #render)
            #when
            #only_if_changed
            #with_links
    }
}

/// The trigger of an event about links. It compiles only if the junction announces its rows.
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

/// `.with_links(…)`: renders the payload with the links that changed.
fn with_links(function: &ExprPath) -> TokenStream {
    let (event, row, links) = (local("event"), local("row"), local("links"));
    let rendered = quote_spanned!(at(function)=> #event.render(&#function(#row, #links)));
    quote!(.with_links(|#event, #row, #links| #rendered))
}

/// A local variable that can't collide with the user's names.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// A span that resolves names where the attribute stands, even if the tokens come through a
/// `macro_rules!`, but that reports errors at the user's tokens.
fn at(tokens: &impl ToTokens) -> Span {
    let first = tokens.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span());
    Span::call_site().located_at(first)
}

/// Name, reference, sender, dispatch and headers.
fn describe(event: &Event, model: &Options, columns: &Columns) -> TokenStream {
    let row = local("row");
    let name = string(&event.name, &quote!(name), columns);
    let reference = event.options.reverse.as_ref().or(model.reverse.as_ref()).map(|reverse| {
        let reference = string(reverse, &quote!(reference), columns);
        quote!(.reference(#reference))
    });
    let sender = match event.options.sender.as_ref().or(model.sender.as_ref()) {
        Some(sender) => {
            let field = columns.named(sender).map(|column| &column.field);
            quote_spanned!(at(sender)=> .sender(&#row.#field))
        }
        None => quote!(.broadcast()),
    };
    let dispatch = event.options.dispatch.as_ref().or(model.dispatch.as_ref()).map(dispatch);
    let described = quote!(::thorn::__private::Event::new(#name) #reference #sender #dispatch);
    match event.options.headers.as_ref().or(model.headers.as_ref()) {
        Some(headers) => {
            quote_spanned!(at(headers)=> ::thorn::__private::with_headers(#described, #headers(#row)))
        }
        None => described,
    }
}

fn dispatch(dispatch: &Dispatch) -> TokenStream {
    let by = match dispatch {
        Dispatch::Queue => quote!(Queue),
        Dispatch::Inline => quote!(Inline),
        Dispatch::Disabled => quote!(Disabled),
        Dispatch::Custom(name) => quote!(custom(#name)),
    };
    quote!(.dispatch(::thorn::__private::Dispatch::#by))
}

fn string(template: &Template, function: &TokenStream, columns: &Columns) -> TokenStream {
    if let Some(text) = template.text() {
        return quote!(#text);
    }
    let pieces = template.parts.iter().map(|part| match part {
        Part::Text(text) => quote!(::thorn::__private::Piece::Text(#text)),
        Part::Column(name) => {
            let variant = columns.get(name).map(|column| &column.variant);
            quote!(::thorn::__private::Piece::Column(Column::#variant))
        }
    });
    let row = local("row");
    quote!(::thorn::__private::#function(#row, &[#(#pieces),*]))
}

/// Renders the event with its payload.
fn render(payload: Option<&Payload>, columns: &Columns) -> TokenStream {
    let (event, row) = (local("event"), local("row"));
    match payload {
        None => quote!(#event.render(&::thorn::__private::Columns::all(#row))),
        Some(Payload::Columns(chosen)) => {
            let variants = chosen.iter().filter_map(|ident| columns.named(ident)).map(|column| &column.variant);
            quote!(#event.render(&::thorn::__private::Columns::only(#row, &[#(Column::#variants),*])))
        }
        Some(Payload::Function(function)) => quote_spanned!(at(function)=> #event.render(&#function(#row))),
        Some(Payload::Type(view)) => {
            quote_spanned!(at(view)=> #event.render(&<#view as ::core::convert::From<&Model>>::from(#row)))
        }
    }
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
