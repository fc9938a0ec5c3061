//! The row that an event is about.

use std::borrow::Cow;

use serde_json::{Value, json};

/// The row that a model's event is about.
///
/// # Examples
///
/// ```
/// use thorn_core::event::Subject;
///
/// let article = Subject { table: "article".into(), key: 1.into() };
/// assert_eq!(article.key, 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The table.
    pub table: Cow<'static, str>,
    /// The primary key. A composite key is an array.
    pub key: Value,
}

impl Subject {
    /// The subject as callbacks see it, with the links that changed.
    pub(crate) fn context(&self, links: Option<Value>) -> Value {
        let mut context = json!({ "model": self.table, "key": self.key });
        if let Some(links) = links {
            context["links"] = links;
        }
        context
    }
}

#[cfg(test)]
mod tests {
    use super::{Subject, json};

    #[test]
    fn callbacks_see_table_key_and_links() {
        let subject = Subject { table: "article".into(), key: 1.into() };
        assert_eq!(subject.context(None), json!({ "model": "article", "key": 1 }));
        let links = json!({ "related": "tag", "keys": [2, 7] });
        assert_eq!(subject.context(Some(links.clone())), json!({ "model": "article", "key": 1, "links": links }));
    }
}
