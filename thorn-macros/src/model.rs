//! The declaration: the meaning of the attribute, before it is compared with the struct.

mod event;
mod junction;
mod keys;
mod options;

pub(crate) use event::{Event, LinkOp, Trigger};
pub(crate) use junction::Junction;
pub(crate) use options::{Dispatch, Options, Payload};

use keys::SeenKeys;
use syn::{Ident, ext::IdentExt};

use crate::{
    errors::Errors,
    parse::{Entry, Value},
    suggest::suggest,
};

/// The whole attribute.
pub(crate) struct Declaration {
    pub(crate) events: Vec<Event>,
    /// The options of events that don't set their own.
    pub(crate) options: Options,
    /// The key `custom_behavior`, if it is given.
    pub(crate) custom_behavior: Option<Ident>,
    /// Set if the rows of the model are links.
    pub(crate) junction: Option<Junction>,
}

const KEYS: [&str; 13] = [
    "on_create",
    "on_change",
    "on_delete",
    "on_m2m_add",
    "on_m2m_remove",
    "on_m2m_clear",
    "payload",
    "headers",
    "sender",
    "reverse",
    "dispatch",
    "custom_behavior",
    "junction",
];

impl Declaration {
    /// Interprets the entries.
    pub(crate) fn of(entries: Vec<Entry>, errors: &mut Errors) -> Self {
        let mut declaration =
            Self { events: Vec::new(), options: Options::default(), custom_behavior: None, junction: None };
        let mut seen = SeenKeys::default();
        let mut declares_anything = false;
        for Entry { key, value } in entries {
            let name = key.unraw().to_string();
            let is_event = name.strip_prefix("on_").is_some_and(|rest| !rest.is_empty());
            declares_anything |= is_event || name == "junction";
            if !seen.is_new(&key, errors) {
                continue;
            }
            if is_event {
                declaration.events.extend(Event::of(key, value, errors));
            } else if name == "custom_behavior" {
                if !matches!(value, Value::Nothing) {
                    errors.at(&key, "`custom_behavior` takes no value");
                }
                declaration.custom_behavior = Some(key);
            } else if name == "junction" {
                declaration.junction = Junction::of(key, &value, errors);
            } else if !declaration.options.read(&key, &value, errors) {
                errors.at(&key, format!("unknown key `{name}`{}", suggest(&name, KEYS)));
            }
        }
        if !declares_anything {
            errors.add(syn::Error::new(
                proc_macro2::Span::call_site(),
                "no event is declared; add one, such as `on_create = \"article.created\"`",
            ));
        }
        declaration
    }
}
