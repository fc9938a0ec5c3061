//! The key `junction`, for a model whose rows are links.

use syn::{Expr, Ident};

use crate::{errors::Errors, parse::Value};

/// The key, and the two fields it names. It must name them if the model belongs to more than two others.
pub(crate) struct Junction {
    pub(crate) key: Ident,
    pub(crate) fields: Option<Vec<Ident>>,
}

impl Junction {
    /// Interprets the value after the key.
    pub(super) fn of(key: Ident, value: &Value, errors: &mut Errors) -> Option<Self> {
        let fields = match value {
            Value::Nothing => return Some(Self { key, fields: None }),
            Value::Expression(list) => fields(list),
            Value::Entries(_) => None,
        };
        if fields.is_none() {
            errors.at(
                &key,
                "`junction` takes either no value or the two fields that it links: `junction = [article, tag]`",
            );
        }
        fields.map(|fields| Self { key, fields: Some(fields) })
    }
}

fn fields(list: &Expr) -> Option<Vec<Ident>> {
    let Expr::Array(list) = list else { return None };
    let field = |element: &Expr| match element {
        Expr::Path(path) => path.path.get_ident().cloned(),
        _ => None,
    };
    let fields: Vec<Ident> = list.elems.iter().map(field).collect::<Option<_>>()?;
    (fields.len() == 2 && fields.first() != fields.last()).then_some(fields)
}
