//! One `on_…` entry.

use syn::{Expr, ExprLit, Ident, Lit, ext::IdentExt};

use super::{Keys, Options};
use crate::{
    errors::Errors,
    parse::{Entry, Value},
    suggest::{nearest, suggest},
    template::Template,
};

/// A declared event.
pub(crate) struct Event {
    /// As written, with its `on_`.
    pub(crate) key: Ident,
    pub(crate) name: Template,
    pub(crate) trigger: Trigger,
    pub(crate) when: Option<Expr>,
    pub(crate) only_if_changed: bool,
    pub(crate) options: Options,
}

/// What makes it fire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trigger {
    Create,
    Change,
    Delete,
    Manual,
}

const KEYS: [&str; 9] = ["event", "on", "when", "only_if_changed", "manual", "payload", "headers", "sender", "reverse"];

const STANDARD: [&str; 3] = ["on_create", "on_change", "on_delete"];

impl Event {
    /// Makes sense of the entry; `None` after a mistake without which there is no event.
    pub(crate) fn of(key: Ident, value: Value, errors: &mut Errors) -> Option<Self> {
        let mut draft = Draft::default();
        match value {
            Value::Expression(name) => draft.name(&name, errors),
            Value::Entries(entries) => draft.read(entries, errors),
            Value::Nothing => {}
        }
        if !draft.name_given {
            errors.at(&key, format!("`{key}` needs a name; write `event = \"…\"`"));
        }
        let trigger = draft.trigger(&key, errors)?;
        draft.check(trigger, errors);
        Some(Self {
            key,
            name: draft.name?,
            trigger,
            when: draft.when,
            only_if_changed: draft.only_if_changed.is_some(),
            options: draft.options,
        })
    }
}

/// An event while it is read.
#[derive(Default)]
struct Draft {
    name: Option<Template>,
    name_given: bool,
    on: Option<(Ident, Option<Trigger>)>,
    manual: Option<Ident>,
    when: Option<Expr>,
    only_if_changed: Option<Ident>,
    options: Options,
}

impl Draft {
    fn read(&mut self, entries: Vec<Entry>, errors: &mut Errors) {
        let mut keys = Keys::default();
        for Entry { key, value } in entries {
            if !keys.is_new(&key, errors) {
                continue;
            }
            let name = key.unraw().to_string();
            match (name.as_str(), &value) {
                ("event", Value::Expression(value)) => self.name(value, errors),
                ("on", Value::Expression(value)) => self.on = Some((key, trigger_of(value, errors))),
                ("when", Value::Expression(value)) => self.when = Some((**value).clone()),
                ("only_if_changed", Value::Nothing) => self.only_if_changed = Some(key),
                ("manual", Value::Nothing) => self.manual = Some(key),
                ("only_if_changed" | "manual", _) => errors.at(&key, format!("`{key}` takes no value")),
                ("event" | "on" | "when", _) => errors.at(&key, format!("`{key}` needs a value: `{key} = …`")),
                _ if self.options.read(&key, &value, errors) => {}
                _ => errors.at(&key, format!("unknown key `{key}`{}", suggest(&name, KEYS))),
            }
        }
    }

    fn name(&mut self, value: &Expr, errors: &mut Errors) {
        self.name_given = true;
        self.name = name_of(value, errors);
    }

    /// When it fires: the standard three say so by their name, all others by `on` or `manual`.
    fn trigger(&self, key: &Ident, errors: &mut Errors) -> Option<Trigger> {
        let name = key.unraw().to_string();
        let implied = match name.as_str() {
            "on_create" => Some(Trigger::Create),
            "on_change" => Some(Trigger::Change),
            "on_delete" => Some(Trigger::Delete),
            _ => None,
        };
        match (implied, &self.on, &self.manual) {
            (Some(_), _, Some(manual)) => {
                errors.at(
                    manual,
                    format!("`{name}` fires by itself; give an event that is only sent by hand another name"),
                );
            }
            (Some(implied), Some((on, Some(given))), None) if *given != implied => {
                let right = name.trim_start_matches("on_");
                errors.at(on, format!("`{name}` fires on `{right}`; leave `on` out, or give the event another name"));
            }
            (None, Some((on, _)), Some(_)) => {
                errors.at(on, "an event is either fired by a change (`on = …`) or only sent by hand (`manual`)");
            }
            (None, None, None) => {
                let hint = match nearest(&name, STANDARD) {
                    Some(nearest) => format!("; or did you mean `{nearest}`?"),
                    None => String::new(),
                };
                errors.at(
                    key,
                    format!(
                        "nothing fires `{name}`; say `on = create`, `on = change` or `on = delete`, or `manual` if it \
                         is only sent by hand{hint}"
                    ),
                );
            }
            (None, None, Some(_)) => return Some(Trigger::Manual),
            (None, Some((_, given)), None) => return *given,
            (Some(implied), _, None) => return Some(implied),
        }
        None
    }

    fn check(&self, trigger: Trigger, errors: &mut Errors) {
        if let (Trigger::Manual, Some(when)) = (trigger, &self.when) {
            errors.at(when, "an event that is sent by hand has no filter: whoever sends it decides");
        }
        if let (Some(key), Trigger::Create | Trigger::Delete | Trigger::Manual) = (&self.only_if_changed, trigger) {
            errors.at(key, "`only_if_changed` is for events that fire on `change`");
        }
    }
}

fn name_of(value: &Expr, errors: &mut Errors) -> Option<Template> {
    if let Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) = value {
        let template = Template::parse(name.clone(), errors)?;
        template.check_name(errors);
        return Some(template);
    }
    errors.at(value, "an event's name is a string, such as `\"article.created\"`");
    None
}

fn trigger_of(value: &Expr, errors: &mut Errors) -> Option<Trigger> {
    let word = match value {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    };
    match word.as_deref() {
        Some("create") => return Some(Trigger::Create),
        Some("change") => return Some(Trigger::Change),
        Some("delete") => return Some(Trigger::Delete),
        _ => {}
    }
    let meant = match word.as_deref() {
        Some("insert" | "created") => Some("create"),
        Some("update" | "save" | "changed") => Some("change"),
        Some("remove" | "deleted") => Some("delete"),
        Some(word) => nearest(word, ["create", "change", "delete"]),
        None => None,
    };
    let hint = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    errors.at(value, format!("`on` is one of `create`, `change` and `delete`{hint}"));
    None
}
