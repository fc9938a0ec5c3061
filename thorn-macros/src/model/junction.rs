//! `junction`: the rows of this model are links.

use syn::{Expr, Ident};

use crate::{errors::Errors, parse::Value};

/// The word, and the two fields that it names if the model belongs to more.
pub(crate) struct Junction {
    pub(crate) key: Ident,
    pub(crate) fields: Option<Vec<Ident>>,
}

impl Junction {
    /// Makes sense of what follows the word.
    pub(super) fn of(key: Ident, value: &Value, errors: &mut Errors) -> Option<Self> {
        let fields = match value {
            Value::Nothing => return Some(Self { key, fields: None }),
            Value::Expression(list) => fields(list),
            Value::Entries(_) => None,
        };
        if fields.is_none() {
            errors.at(
                &key,
                "`junction` stands alone, or names the two fields that it links: `junction = [article, tag]`",
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
