//! An `on_…` entry: one event.

use syn::{Expr, ExprLit, ExprPath, Ident, Lit, ext::IdentExt};

use super::{keys::SeenKeys, options::Options};
use crate::{
    errors::Errors,
    parse::{Entry, Value},
    suggest::{nearest, one_of, suggest},
    template::Template,
};

/// A declared event.
pub(crate) struct Event {
    /// The key as written, such as `on_create`.
    pub(crate) key: Ident,
    pub(crate) name: Template,
    pub(crate) trigger: Trigger,
    pub(crate) when: Option<Expr>,
    pub(crate) only_if_changed: bool,
    pub(crate) coalesce: bool,
    /// The relation whose links fire it, if the entry names one.
    pub(crate) relation: Option<Ident>,
    /// The function that makes the payload of `&Model` and `&LinkChange`.
    pub(crate) link_payload: Option<ExprPath>,
    pub(crate) options: Options,
}

/// The change that fires an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trigger {
    Create,
    Change,
    Delete,
    Links(LinkOp),
    Manual,
}

/// The way in which links change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LinkOp {
    Add,
    Remove,
    Clear,
}

/// The keys of an event.
pub(super) const KEYS: [&str; 15] = [
    "event",
    "on",
    "relation",
    "when",
    "only_if_changed",
    "coalesce",
    "manual",
    "payload",
    "link_payload",
    "headers",
    "sender",
    "broadcast",
    "reverse",
    "dispatch",
    "previous",
];

/// The values of `on`. The key of an event that fires on one of them may be `on_` and this word.
const TRIGGERS: [(&str, Trigger); 6] = [
    ("create", Trigger::Create),
    ("change", Trigger::Change),
    ("delete", Trigger::Delete),
    ("m2m_add", Trigger::Links(LinkOp::Add)),
    ("m2m_remove", Trigger::Links(LinkOp::Remove)),
    ("m2m_clear", Trigger::Links(LinkOp::Clear)),
];

fn trigger_named(word: &str) -> Option<Trigger> {
    TRIGGERS.iter().find(|(name, _)| *name == word).map(|(_, trigger)| *trigger)
}

impl Event {
    /// Interprets the entry. Returns `None` after an error that leaves the event without a name or trigger.
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
            coalesce: draft.coalesce.is_some(),
            relation: draft.relation,
            link_payload: draft.link_payload,
            options: draft.options,
        })
    }
}

/// An event whose entries are still being read.
#[derive(Default)]
struct Draft {
    name: Option<Template>,
    name_given: bool,
    on: Option<(Ident, Option<Trigger>)>,
    manual: Option<Ident>,
    when: Option<Expr>,
    only_if_changed: Option<Ident>,
    coalesce: Option<Ident>,
    relation: Option<Ident>,
    link_payload: Option<ExprPath>,
    options: Options,
}

impl Draft {
    fn read(&mut self, entries: Vec<Entry>, errors: &mut Errors) {
        let mut seen = SeenKeys::default();
        for Entry { key, value } in entries {
            if !seen.is_new(&key, errors) {
                continue;
            }
            let name = key.unraw().to_string();
            match (name.as_str(), &value) {
                ("event", Value::Expression(value)) => self.name(value, errors),
                ("on", Value::Expression(value)) => self.on = Some((key, trigger_of(value, errors))),
                ("when", Value::Expression(value)) => self.when = Some((**value).clone()),
                ("relation", Value::Expression(value)) => self.relation(value, errors),
                ("link_payload", Value::Expression(value)) => self.link_payload(value, errors),
                ("only_if_changed", Value::Nothing) => self.only_if_changed = Some(key),
                ("coalesce", Value::Nothing) => self.coalesce = Some(key),
                ("manual", Value::Nothing) => self.manual = Some(key),
                ("only_if_changed" | "coalesce" | "manual", _) => errors.at(&key, format!("`{key}` takes no value")),
                ("event" | "on" | "relation" | "when" | "link_payload", _) => {
                    errors.at(&key, format!("`{key}` needs a value: `{key} = …`"));
                }
                _ if self.options.read(&key, &value, errors) => {}
                _ => errors.at(&key, format!("unknown key `{key}`{}", suggest(&name, KEYS))),
            }
        }
    }

    fn name(&mut self, value: &Expr, errors: &mut Errors) {
        self.name_given = true;
        self.name = name_of(value, errors);
    }

    fn relation(&mut self, value: &Expr, errors: &mut Errors) {
        match value {
            Expr::Path(path) if path.path.get_ident().is_some() => self.relation = path.path.get_ident().cloned(),
            _ => errors.at(value, "`relation` must be a field of the model, such as `tags`"),
        }
    }

    fn link_payload(&mut self, value: &Expr, errors: &mut Errors) {
        match value {
            Expr::Path(path) => self.link_payload = Some(path.clone()),
            _ => errors.at(value, "`link_payload` must be a function that takes `&Model` and `&LinkChange`"),
        }
    }

    /// The trigger: implied by a standard key such as `on_create`, given by `on` or `manual` otherwise.
    fn trigger(&self, key: &Ident, errors: &mut Errors) -> Option<Trigger> {
        let name = key.unraw().to_string();
        let implied = name.strip_prefix("on_").and_then(trigger_named);
        match (implied, &self.on, &self.manual) {
            (Some(_), _, Some(manual)) => {
                errors.at(
                    manual,
                    format!("`{name}` fires by itself; use another key for an event that is only sent by hand"),
                );
            }
            (Some(implied), Some((on, Some(given))), None) if *given != implied => {
                let right = name.trim_start_matches("on_");
                errors.at(on, format!("`{name}` fires on `{right}`; remove `on`, or use another key"));
            }
            (None, Some((on, _)), Some(_)) => {
                let message = "an event either fires on a change (`on = …`) or is only sent by hand (`manual`); remove \
                               one of them";
                errors.at(on, message);
            }
            (None, None, None) => {
                let standard = nearest(name.trim_start_matches("on_"), TRIGGERS.map(|(word, _)| word));
                let hint = standard.map(|word| format!("; or did you mean `on_{word}`?")).unwrap_or_default();
                errors.at(
                    key,
                    format!(
                        "nothing fires `{name}`; add `on = create`, `on = change` or `on = delete`, or `manual` if it \
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
            errors.at(when, "an event that is only sent by hand takes no filter; decide in the code that sends it");
        }
        match (&self.only_if_changed, trigger) {
            (Some(key), Trigger::Links(_)) => {
                errors.at(key, "an event about links always fires only if links changed; remove `only_if_changed`");
            }
            (Some(key), Trigger::Create | Trigger::Delete | Trigger::Manual) => {
                errors.at(key, "`only_if_changed` is only for events that fire on `change`");
            }
            (Some(_), Trigger::Change) | (None, _) => {}
        }
        self.check_change_only(trigger, errors);
        self.check_links(trigger, errors);
    }

    /// Checks the keys that need an old row and a new one.
    fn check_change_only(&self, trigger: Trigger, errors: &mut Errors) {
        let why = match trigger {
            Trigger::Change => return,
            Trigger::Create => "a new row has no old values",
            Trigger::Delete => "the data of a deletion already is the row as it was",
            Trigger::Links(_) => "a change of links leaves the row as it is",
            Trigger::Manual => "no change sends this event",
        };
        for key in [&self.coalesce, &self.options.previous].into_iter().flatten() {
            errors.at(key, format!("`{key}` is only for events that fire on `change`: {why}"));
        }
    }

    fn check_links(&self, trigger: Trigger, errors: &mut Errors) {
        if let (Some(relation), false) = (&self.relation, matches!(trigger, Trigger::Links(_))) {
            let message = "`relation` is only for events about links: `on = m2m_add`, `m2m_remove` or `m2m_clear`";
            errors.at(relation, message);
        }
        match (&self.link_payload, trigger) {
            (Some(function), Trigger::Links(_)) if self.options.payload.is_some() => {
                errors.at(function, "an event has one payload; remove either `payload` or `link_payload`");
            }
            (Some(_), Trigger::Links(_)) | (None, _) => {}
            (Some(function), _) => {
                let message =
                    "`link_payload` is only for events about links; use `payload` with a function that takes `&Model`";
                errors.at(function, message);
            }
        }
    }
}

fn name_of(value: &Expr, errors: &mut Errors) -> Option<Template> {
    if let Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) = value {
        let template = Template::parse(name.clone(), errors)?;
        template.check_name(errors);
        return Some(template);
    }
    errors.at(value, "an event's name must be a string, such as `\"article.created\"`");
    None
}

fn trigger_of(value: &Expr, errors: &mut Errors) -> Option<Trigger> {
    let word = match value {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    };
    if let Some(trigger) = word.as_deref().and_then(trigger_named) {
        return Some(trigger);
    }
    let meant = match word.as_deref() {
        Some("insert" | "created") => Some("create"),
        Some("update" | "save" | "changed") => Some("change"),
        Some("remove" | "deleted") => Some("delete"),
        Some("add" | "link") => Some("m2m_add"),
        Some("unlink") => Some("m2m_remove"),
        Some("clear") => Some("m2m_clear"),
        Some(word) => nearest(word, TRIGGERS.map(|(word, _)| word)),
        None => None,
    };
    let hint = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    let message = format!("`on` must be {}{hint}", one_of(&TRIGGERS.map(|(word, _)| word)));
    errors.at(value, message);
    None
}
