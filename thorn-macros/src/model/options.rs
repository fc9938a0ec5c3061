//! Options that can be given for the whole model or for one event.

use syn::{Expr, ExprArray, ExprLit, ExprPath, Ident, Lit, LitStr};

use crate::{errors::Errors, parse::Value, suggest::nearest, template::Template};

/// The content of an event and the way in which it is dispatched.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) payload: Option<Payload>,
    pub(crate) headers: Option<ExprPath>,
    pub(crate) sender: Option<Ident>,
    /// The key `broadcast`: subscriptions of every owner receive the event.
    pub(crate) broadcast: Option<Ident>,
    pub(crate) reverse: Option<Template>,
    pub(crate) dispatch: Option<Dispatch>,
    /// The key `previous`, if it is given.
    pub(crate) previous: Option<Ident>,
}

/// The dispatcher that takes an event.
pub(crate) enum Dispatch {
    Queue,
    Inline,
    Disabled,
    Custom(LitStr),
}

/// The data of an event.
pub(crate) enum Payload {
    /// `all`: every column that is neither private nor hidden from serde.
    All,
    Columns(Vec<Ident>),
    Function(ExprPath),
    Type(ExprPath),
}

impl Options {
    /// Reads an option. Returns `false` if the key isn't an option.
    pub(crate) fn read(&mut self, key: &Ident, value: &Value, errors: &mut Errors) -> bool {
        if key == "previous" {
            if !matches!(value, Value::Nothing) {
                errors.at(key, "`previous` takes no value");
            }
            self.previous = Some(key.clone());
            return true;
        }
        if !["payload", "headers", "sender", "broadcast", "reverse", "dispatch"].iter().any(|option| key == option) {
            return false;
        }
        if key == "broadcast" {
            if !matches!(value, Value::Nothing) {
                errors.at(key, "`broadcast` takes no value");
            }
            self.broadcast = Some(key.clone());
            return true;
        }
        let Value::Expression(value) = value else {
            errors.at(key, format!("`{key}` needs a value: `{key} = …`"));
            return true;
        };
        if key == "payload" {
            self.payload = payload(value, errors);
        } else if key == "headers" {
            self.headers = headers(value, errors);
        } else if key == "sender" {
            self.sender = sender(value, errors);
        } else if key == "reverse" {
            self.reverse = reverse(value, errors);
        } else {
            self.dispatch = dispatch(value, errors);
        }
        true
    }
}

fn payload(value: &Expr, errors: &mut Errors) -> Option<Payload> {
    match value {
        Expr::Array(array) if array.elems.is_empty() => {
            errors.at(array, "the payload is empty; name some columns, or write `payload = all` to send all of them");
            None
        }
        Expr::Array(array) => {
            let key = Ident::new("payload", proc_macro2::Span::call_site());
            Some(Payload::Columns(list_of_columns(array, &key, errors)))
        }
        Expr::Path(path) if path.path.is_ident("all") => Some(Payload::All),
        Expr::Path(path) if is_type(path) => Some(Payload::Type(path.clone())),
        Expr::Path(path) => Some(Payload::Function(path.clone())),
        _ => {
            errors.at(
                value,
                "`payload` must be a list of columns (`[id, title]`), `all`, a function that takes `&Model` (`article_json`) \
                 or a type that implements `From<&Model>` (`ArticleView`)",
            );
            None
        }
    }
}

/// The columns of a list. Each may be there once.
pub(super) fn list_of_columns(list: &ExprArray, key: &Ident, errors: &mut Errors) -> Vec<Ident> {
    let mut columns: Vec<Ident> = Vec::new();
    for element in &list.elems {
        match column(element) {
            Some(column) if columns.contains(column) => {
                errors.at(column, format!("column `{column}` is already in `{key}`"));
            }
            Some(column) => columns.push(column.clone()),
            None => errors.at(element, "expected the name of a column"),
        }
    }
    columns
}

/// Whether a path names a type rather than a function. Only its capital letter tells them apart.
fn is_type(path: &ExprPath) -> bool {
    path.path.segments.last().is_some_and(|segment| segment.ident.to_string().starts_with(char::is_uppercase))
}

fn headers(value: &Expr, errors: &mut Errors) -> Option<ExprPath> {
    if let Expr::Path(path) = value {
        return Some(path.clone());
    }
    errors.at(value, "`headers` must be a function that takes `&Model` and returns pairs of a name and a value");
    None
}

fn sender(value: &Expr, errors: &mut Errors) -> Option<Ident> {
    let found = column(value).cloned();
    if found.is_none() {
        let hint = if text(value).is_some() { "; write it without quotes" } else { "" };
        errors.at(value, format!("`sender` must be a column{hint}"));
    }
    found
}

fn reverse(value: &Expr, errors: &mut Errors) -> Option<Template> {
    let Some(literal) = text(value) else {
        errors.at(value, "`reverse` must be a string, such as `\"/articles/{id}\"`");
        return None;
    };
    let template = Template::parse(literal.clone(), errors)?;
    if template.parts.is_empty() {
        errors.at(value, "the reference is empty; remove `reverse` to send none");
    }
    Some(template)
}

fn dispatch(value: &Expr, errors: &mut Errors) -> Option<Dispatch> {
    if let Some(name) = text(value) {
        if name.value().is_empty() {
            errors.at(value, "the name of the dispatcher is empty");
            return None;
        }
        return Some(Dispatch::Custom(name.clone()));
    }
    let word = column(value).map(ToString::to_string).unwrap_or_default();
    match word.as_str() {
        "queue" => return Some(Dispatch::Queue),
        "inline" => return Some(Dispatch::Inline),
        "disabled" => return Some(Dispatch::Disabled),
        _ => {}
    }
    let meant = nearest(&word, ["queue", "inline", "disabled"]);
    let hint = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    let message = format!(
        "`dispatch` must be `queue`, `inline`, `disabled` or the name of your own dispatcher as a string{hint}"
    );
    errors.at(value, message);
    None
}

fn column(value: &Expr) -> Option<&Ident> {
    match value {
        Expr::Group(group) => column(&group.expr),
        Expr::Path(path) if path.attrs.is_empty() => path.path.get_ident(),
        _ => None,
    }
}

fn text(value: &Expr) -> Option<&syn::LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}
