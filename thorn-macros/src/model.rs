//! The declaration: the meaning of the attribute, before it is compared with the struct.

mod event;
mod junction;
mod keys;
mod options;

pub(crate) use event::{Event, LinkOp, Trigger};
pub(crate) use junction::Junction;
pub(crate) use options::{Dispatch, Options, Payload};

use keys::SeenKeys;
use options::list_of_columns;
use syn::{Expr, Ident, ext::IdentExt};

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
    /// Columns that no event may hold.
    pub(crate) private: Vec<Ident>,
    /// Columns that may be sent although they look secret, or although serde skips them.
    pub(crate) expose: Vec<Ident>,
}

const KEYS: [&str; 17] = [
    "on_create",
    "on_change",
    "on_delete",
    "on_m2m_add",
    "on_m2m_remove",
    "on_m2m_clear",
    "payload",
    "headers",
    "sender",
    "broadcast",
    "private",
    "expose",
    "reverse",
    "dispatch",
    "previous",
    "custom_behavior",
    "junction",
];

impl Declaration {
    /// Interprets the entries.
    pub(crate) fn of(entries: Vec<Entry>, errors: &mut Errors) -> Self {
        let mut declaration = Self {
            events: Vec::new(),
            options: Options::default(),
            custom_behavior: None,
            junction: None,
            private: Vec::new(),
            expose: Vec::new(),
        };
        let mut seen = SeenKeys::default();
        let (mut declares_anything, mut has_wrong_event) = (false, false);
        for Entry { key, value } in entries {
            let name = key.unraw().to_string();
            let is_event = name.strip_prefix("on_").is_some_and(|rest| !rest.is_empty());
            declares_anything |= is_event || name == "junction";
            if !seen.is_new(&key, errors) {
                continue;
            }
            if is_event {
                let event = Event::of(key, value, errors);
                has_wrong_event |= event.is_none();
                declaration.events.extend(event);
            } else if name == "custom_behavior" {
                if !matches!(value, Value::Nothing) {
                    errors.at(&key, "`custom_behavior` takes no value");
                }
                declaration.custom_behavior = Some(key);
            } else if name == "junction" {
                declaration.junction = Junction::of(key, &value, errors);
            } else if name == "private" {
                declaration.private = columns(&key, &value, errors);
            } else if name == "expose" {
                declaration.expose = columns(&key, &value, errors);
            } else if !declaration.options.read(&key, &value, errors) {
                let message = match event::KEYS.contains(&name.as_str()) {
                    true => format!("`{name}` belongs to one event: `on_change(event = \"…\", {name}, …)`"),
                    false => format!("unknown key `{name}`{}", suggest(&name, KEYS)),
                };
                errors.at(&key, message);
            }
        }
        if !has_wrong_event {
            declaration.check_previous(errors);
        }
        if !declares_anything {
            errors.add(syn::Error::new(
                proc_macro2::Span::call_site(),
                "no event is declared; add one, such as `on_create = \"article.created\"`",
            ));
        }
        declaration
    }

    /// Checks that the model's `previous` is for some event.
    fn check_previous(&self, errors: &mut Errors) {
        if let Some(previous) = &self.options.previous
            && !self.events.iter().any(|event| event.trigger == Trigger::Change)
        {
            errors.at(previous, "no event of this model fires on `change`, so none has old values; remove `previous`");
        }
    }
}

/// The columns of `private` or `expose`.
fn columns(key: &Ident, value: &Value, errors: &mut Errors) -> Vec<Ident> {
    if let Value::Expression(list) = value
        && let Expr::Array(list) = &**list
    {
        return list_of_columns(list, key, errors);
    }
    errors.at(key, format!("`{key}` must be a list of columns: `{key} = [password_hash]`"));
    Vec::new()
}
