//! What the attribute declares, whatever struct it stands on.

mod event;
mod junction;
mod options;

pub(crate) use event::{Event, LinkOp, Trigger};
pub(crate) use junction::Junction;
pub(crate) use options::{Dispatch, Options, Payload};

use syn::{Ident, ext::IdentExt};

use crate::{
    errors::Errors,
    parse::{Entry, Value},
    suggest::suggest,
};

/// The whole attribute.
pub(crate) struct Declaration {
    pub(crate) events: Vec<Event>,
    /// What events without own options use.
    pub(crate) options: Options,
    /// The key, if it is there.
    pub(crate) custom_behavior: Option<Ident>,
    /// Whether its rows are links.
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
    /// Makes sense of the entries.
    pub(crate) fn of(entries: Vec<Entry>, errors: &mut Errors) -> Self {
        let mut declaration =
            Self { events: Vec::new(), options: Options::default(), custom_behavior: None, junction: None };
        let mut keys = Keys::default();
        let mut declares_anything = false;
        for Entry { key, value } in entries {
            let name = key.unraw().to_string();
            let is_event = name.strip_prefix("on_").is_some_and(|rest| !rest.is_empty());
            declares_anything |= is_event || name == "junction";
            if !keys.is_new(&key, errors) {
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

/// Finds keys that stand there twice.
#[derive(Default)]
struct Keys(Vec<Ident>);

impl Keys {
    fn is_new(&mut self, key: &Ident, errors: &mut Errors) -> bool {
        let is_new = !self.0.contains(key);
        if is_new {
            self.0.push(key.clone());
        } else {
            errors.at(key, format!("`{key}` is already given above"));
        }
        is_new
    }
}
