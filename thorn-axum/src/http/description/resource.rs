//! A resource: operations on paths that begin alike.

use serde_json::{Map, Value, json};

use super::operation::Operation;

/// Operations on paths that begin alike, and the schemas of what they read and show.
#[derive(Debug)]
pub(crate) struct Resource {
    name: &'static str,
    about: &'static str,
    path: String,
    parameters: Vec<(&'static str, Value)>,
    schemas: Vec<(&'static str, Value)>,
    operations: Vec<Operation>,
}

impl Resource {
    /// A resource whose paths begin with `path`.
    pub(crate) fn new(name: &'static str, about: &'static str, path: &str) -> Self {
        let (parameters, schemas, operations) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, about, path: path.to_owned(), parameters, schemas, operations }
    }

    /// Describes a parameter of paths, `{name}`.
    #[expect(clippy::needless_pass_by_value, reason = "a schema is made for one place")]
    pub(crate) fn parameter(mut self, name: &'static str, schema: Value, about: &'static str) -> Self {
        let parameter = json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema });
        self.parameters.push((name, parameter));
        self
    }

    /// Names a schema.
    pub(crate) fn schema(mut self, name: &'static str, schema: Value) -> Self {
        self.schemas.push((name, schema));
        self
    }

    pub(crate) fn operation(mut self, operation: Operation) -> Self {
        self.operations.push(operation);
        self
    }

    /// Adds the resource to the document's tags, paths and schemas.
    pub(crate) fn add_to(&self, document: &mut Value) {
        if let Value::Array(tags) = &mut document["tags"] {
            tags.push(json!({ "name": self.name, "description": self.about }));
        }
        for (name, schema) in &self.schemas {
            document["components"]["schemas"][name] = schema.clone();
        }
        for operation in &self.operations {
            let path = format!("{}{}", self.path, operation.below);
            let method = operation.method.as_str().to_ascii_lowercase();
            let named =
                |(name, parameter): &(&str, Value)| path.contains(&format!("{{{name}}}")).then(|| parameter.clone());
            let parameters: Vec<_> = self.parameters.iter().filter_map(named).collect();
            let described = operation.document(&operation_id(&method, &path), self.name, &parameters);
            let methods = &mut document["paths"][&path];
            if methods.is_null() {
                *methods = Map::new().into();
            }
            methods[&method] = described;
        }
    }
}

/// An identifier for programs that make code of the document: `get_events_event_id_body`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}
