//! Keeps columns out of events: those that are private, and those that look secret and were never asked for.

use heck::ToSnakeCase;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Ident, ext::IdentExt};

use crate::{
    columns::{Column, Columns},
    errors::Errors,
    model::{Declaration, Options, Payload},
    suggest::all_of,
    template::{Part, Template},
};

/// Words that make a column look secret. A word of two parts is two words of the column's name.
const SECRET: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "hash",
    "otp",
    "totp",
    "iban",
    "api_key",
    "apikey",
    "private_key",
    "credential",
    "credentials",
];

/// Which columns events may hold.
pub(crate) struct Privacy<'a> {
    columns: &'a Columns,
    private: &'a [Ident],
    exposed: &'a [Ident],
}

impl<'a> Privacy<'a> {
    pub(crate) fn of(declaration: &'a Declaration, columns: &'a Columns) -> Self {
        Self { columns, private: &declaration.private, exposed: &declaration.expose }
    }

    /// The columns of an event without `payload`, or with `payload = all`: neither private nor hidden from serde.
    /// `None` means every column.
    pub(crate) fn default_payload(&self) -> Option<Vec<&'a Column>> {
        let columns = self.columns;
        let kept = || columns.iter().filter(|column| !self.is_private(&column.name) && !self.is_hidden(column));
        (kept().count() < columns.iter().count()).then(|| kept().collect())
    }

    fn is_private(&self, name: &str) -> bool {
        self.private.iter().any(|private| private.unraw() == name)
    }

    fn is_hidden(&self, column: &Column) -> bool {
        column.is_serde_skipped && !is_named(self.exposed, column)
    }

    /// Adds an error for each column that would be sent although it is private, or although it looks secret and
    /// nothing says that it shall be sent.
    pub(crate) fn check(&self, declaration: &Declaration, errors: &mut Errors) {
        for exposed in &declaration.expose {
            if self.is_private(&exposed.unraw().to_string()) {
                errors.at(exposed, format!("`{exposed}` is private; remove it from `private` or from `expose`"));
            }
        }
        let mut check = Check { privacy: self, errors };
        check.options(&declaration.options);
        for event in &declaration.events {
            check.template(&event.name, "an event's name");
            check.options(&event.options);
        }
        let sends_all = declaration.events.iter().any(|event| event.options.payload.is_none())
            && declaration.options.payload.is_none();
        // After another mistake the payload or the private columns may be there, but unread.
        if sends_all && errors.is_empty() {
            self.check_secrets(errors);
        }
    }

    fn check_secrets(&self, errors: &mut Errors) {
        let secret = |column: &&Column| {
            looks_secret(&column.name) && !self.is_private(&column.name) && !is_named(self.exposed, column)
        };
        let secrets: Vec<&Column> =
            self.columns.iter().filter(|column| !self.is_hidden(column)).filter(secret).collect();
        let Some(first) = secrets.first() else { return };
        let names: Vec<&str> = secrets.iter().map(|column| column.name.as_str()).collect();
        let fields: Vec<String> = secrets.iter().map(|column| column.field.to_string()).collect();
        let fields = fields.join(", ");
        let (looks, it) = if names.len() == 1 { ("looks", "it") } else { ("look", "them") };
        let message = format!(
            "{} {looks} secret, and without `payload` every subscriber gets {it}; add `private = [{fields}]` to \
             `#[webhook_model]`, or `expose = [{fields}]` to send {it}, or say what to send: `payload = [id, …]` or \
             `payload = all`",
            all_of(&names),
        );
        errors.at(&first.field, message);
    }
}

fn is_named(names: &[Ident], column: &Column) -> bool {
    names.iter().any(|name| name.unraw() == column.name.as_str())
}

struct Check<'a, 'b> {
    privacy: &'a Privacy<'b>,
    errors: &'a mut Errors,
}

impl Check<'_, '_> {
    fn options(&mut self, options: &Options) {
        if let Some(Payload::Columns(columns)) = &options.payload {
            for column in columns {
                self.column(column, "a payload");
            }
        }
        if let Some(sender) = &options.sender {
            self.column(sender, "the sender, which receivers see");
        }
        if let Some(reverse) = &options.reverse {
            self.template(reverse, "a reference");
        }
    }

    fn column(&mut self, ident: &Ident, place: &str) {
        self.named(&ident.unraw().to_string(), ident.to_token_stream(), place);
    }

    fn template(&mut self, template: &Template, place: &str) {
        for part in &template.parts {
            if let Part::Column(name) = part {
                self.named(name, template.literal.to_token_stream(), place);
            }
        }
    }

    fn named(&mut self, name: &str, at: TokenStream, place: &str) {
        if self.privacy.is_private(name) {
            self.errors
                .at(at, format!("`{name}` is private and can't be in {place}; remove it here or from `private`"));
        }
    }
}

/// Whether a column's name has a word that secrets have, in the singular or plural.
fn looks_secret(name: &str) -> bool {
    let name = format!("_{}_", name.to_snake_case());
    SECRET.iter().any(|word| name.contains(&format!("_{word}_")) || name.contains(&format!("_{word}s_")))
        || ["password", "passwd"].iter().any(|word| name.contains(word))
        || name.contains("_hashes_")
}

#[cfg(test)]
mod tests {
    use super::looks_secret;

    #[test]
    fn whole_words_look_secret_and_parts_of_words_do_not() {
        for name in [
            "password_hash",
            "passwordhash",
            "secret",
            "reset_token",
            "tokens",
            "api_key",
            "stripe_api_keys",
            "otp",
            "totp_secret",
            "iban",
            "hashes",
            "private_key",
            "apiKey",
        ] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["secretary", "hashtag", "tokenizer", "key", "api_keyboard", "title", "option", "urbania"] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
