//! Filters as JSON.

use serde_json::{Map, Value};

use super::{
    Node,
    operator::Operator,
    path::Path,
    test::{Ask, Test},
};

/// Keys that are no paths.
pub(super) const CONNECTIVES: [&str; 3] = ["and", "or", "not"];

/// So deep `and`, `or` and `not` may nest.
pub(super) const MAX_DEPTH: usize = 16;

/// Reads a filter and notes everything that is no filter.
pub(super) struct Reader {
    pub(super) problems: Vec<String>,
    depth: usize,
}

impl Reader {
    pub(super) const fn new() -> Self {
        Self { problems: Vec::new(), depth: 0 }
    }

    pub(super) fn node(&mut self, json: &Value) -> Node {
        let Value::Object(entries) = json else {
            self.wrong(format!("expected an object like {{\"state\": {{\"eq\": \"PUBLISHED\"}}}}, got {}", kind(json)));
            return Node::always();
        };
        if self.depth > MAX_DEPTH {
            self.wrong(format!("it nests deeper than {MAX_DEPTH} levels"));
            return Node::always();
        }
        self.depth += 1;
        let mut nodes = Vec::new();
        for (key, value) in entries {
            match (key.as_str(), value) {
                ("and", value) => nodes.push(Node::all(self.list(key, value))),
                ("or", value) => nodes.push(Node::any(self.list(key, value))),
                ("not", value @ Value::Object(_)) => nodes.push(self.node(value).negated()),
                ("not", _) => self.wrong("`not` takes a filter; a field of this name is `$.not`".to_owned()),
                (path, Value::Object(operators)) => self.tests(path, operators, &mut nodes),
                (path, Value::Array(_)) => self.wrong(format!(
                    "`{}`: a list alone is ambiguous; write {{\"in\": […]}} or {{\"eq\": […]}}",
                    shown(path)
                )),
                (path, value) => nodes.push(whether(path, false, Operator::Eq, value)),
            }
        }
        self.depth -= 1;
        Node::all(nodes)
    }

    fn list(&mut self, key: &str, json: &Value) -> Vec<Node> {
        match json {
            Value::Array(list) if !list.is_empty() => list.iter().map(|one| self.node(one)).collect(),
            _ => {
                self.wrong(format!("`{key}` takes a list of filters, at least one; a field of this name is `$.{key}`"));
                Vec::new()
            }
        }
    }

    fn tests(&mut self, path: &str, operators: &Map<String, Value>, nodes: &mut Vec<Node>) {
        if operators.is_empty() {
            self.wrong(format!("`{}` has no operator; use {}", shown(path), allowed()));
        }
        for (name, operand) in operators {
            match self.test(path, name, operand) {
                Ok(test) => nodes.push(test),
                Err(problem) => self.wrong(format!("`{}`: {problem}", shown(path))),
            }
        }
    }

    fn test(&self, path: &str, name: &str, operand: &Value) -> Result<Node, String> {
        let needs = |nothing: &Value| format!("`{name}` takes {nothing} and nothing else");
        if name == "changed" {
            let changed = Node::Test(Test { path: Path::parse(path), ask: Ask::Changed });
            return if *operand == Value::Bool(true) { Ok(changed) } else { Err(needs(&Value::Bool(true))) };
        }
        let (now, plain) = name.strip_prefix("now_").map_or((false, name), |plain| (true, plain));
        let operator =
            Operator::parse(plain).ok_or_else(|| format!("unknown operator `{}`; use {}", shown(name), allowed()))?;
        match operator.nothing(plain) {
            Some(nothing) if nothing != *operand => Err(needs(&nothing)),
            Some(_) => Ok(whether(path, now, operator, &Value::Bool(true))),
            None => Ok(whether(path, now, operator, operand)),
        }
    }

    fn wrong(&mut self, problem: String) {
        // Nobody reads more, and somebody may send thousands.
        if self.problems.len() < 20 {
            self.problems.push(problem);
        }
    }
}

fn whether(path: &str, now: bool, operator: Operator, operand: &Value) -> Node {
    let ask = Ask::Whether { now, operator, operand: sorted(operand) };
    Node::Test(Test { path: Path::parse(path), ask })
}

fn allowed() -> String {
    format!("{}, each of them also with now_ before it, or changed", Operator::names())
}

fn kind(json: &Value) -> &'static str {
    match json {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A text of somebody's that may be anything, on one line and not too long.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    let end = if start.len() < text.len() { "…" } else { "" };
    format!("{}{end}", start.escape_debug())
}

/// The same value with its keys in order, however this build of `serde_json` keeps them.
pub(super) fn sorted(json: &Value) -> Value {
    match json {
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(fields.into_iter().collect())
        }
        other => other.clone(),
    }
}

/// The one way a filter is written, so that equal filters have equal texts.
pub(super) fn write(node: &Node) -> Value {
    match node {
        Node::All(nodes) => tests(nodes).unwrap_or_else(|| object("and", nodes.iter().map(write).collect())),
        Node::Any(nodes) => object("or", nodes.iter().map(write).collect()),
        Node::Not(node) => object("not", write(node)),
        Node::Test(test) => object(&test.path.to_string(), object(&test.operator(), operand(test))),
    }
}

/// Tests all of which hold as one object, if no two ask the same of one value.
fn tests(nodes: &[Node]) -> Option<Value> {
    let mut paths: Map<String, Value> = Map::new();
    for node in nodes {
        let Node::Test(test) = node else { return None };
        let operators = paths.entry(test.path.to_string()).or_insert_with(|| Value::Object(Map::new()));
        let former = operators.as_object_mut()?.insert(test.operator(), operand(test));
        if former.is_some() {
            return None;
        }
    }
    Some(sorted(&Value::Object(paths)))
}

fn operand(test: &Test) -> Value {
    match &test.ask {
        Ask::Whether { operand, .. } => operand.clone(),
        Ask::Changed => Value::Bool(true),
    }
}

fn object(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}
