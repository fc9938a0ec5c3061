//! Checks that the columns and relations of a declaration exist.

use proc_macro2::TokenStream;
use quote::ToTokens;

use crate::{
    columns::Columns,
    errors::Errors,
    model::{Declaration, Options, Payload, Trigger},
    relations::Relations,
    suggest::suggest,
    template::{Part, Template},
    when::Mentions,
};

/// Adds an error for every column and relation that doesn't exist.
pub(crate) fn check(declaration: &Declaration, columns: &Columns, relations: &Relations, errors: &mut Errors) {
    for event in declaration.events.iter().filter(|event| matches!(event.trigger, Trigger::Links(_))) {
        if let Err(error) = relations.of_event(event) {
            errors.add(error);
        }
    }
    if let Some(Err(error)) = declaration.junction.as_ref().map(|junction| relations.sides_of(junction)) {
        errors.add(error);
    }
    let mut check = Check { columns, errors };
    for event in &declaration.events {
        check.template(&event.name);
        check.options(&event.options);
        if let Some(when) = &event.when {
            for ident in Mentions::in_expression(when, columns).unknown {
                check.unknown(&ident.to_string(), ident.to_token_stream());
            }
        }
    }
    check.options(&declaration.options);
    for column in declaration.private.iter().chain(&declaration.expose) {
        check.column(column);
    }
}

struct Check<'a> {
    columns: &'a Columns,
    errors: &'a mut Errors,
}

impl Check<'_> {
    fn options(&mut self, options: &Options) {
        if let Some(Payload::Columns(columns)) = &options.payload {
            for column in columns {
                self.column(column);
            }
        }
        if let Some(sender) = &options.sender {
            self.column(sender);
        }
        if let Some(reverse) = &options.reverse {
            self.template(reverse);
        }
    }

    fn column(&mut self, ident: &syn::Ident) {
        if self.columns.named(ident).is_none() {
            self.unknown(&ident.to_string(), ident.to_token_stream());
        }
    }

    fn template(&mut self, template: &Template) {
        for part in &template.parts {
            if let Part::Column(name) = part
                && self.columns.get(name).is_none()
            {
                self.unknown(name, template.literal.to_token_stream());
            }
        }
    }

    fn unknown(&mut self, name: &str, at: TokenStream) {
        self.errors.at(at, format!("this model has no column `{name}`{}", suggest(name, self.columns.names())));
    }
}
