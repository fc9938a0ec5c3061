//! Reads filters from JSON and reports everything that is wrong with them.

use serde_json::{Map, Number, Value};

use super::{
    canonical::sorted,
    node::{MAX_DEPTH, Node},
    operator::Operator,
    path::Path,
    test::{Condition, Test},
};

/// The most problems that are reported. A client may send thousands, and nobody reads them all.
pub(super) const MAX_PROBLEMS: usize = 20;

/// Reads one filter. It goes on after a problem, so that `problems` ends up with all of them.
pub(super) struct Reader {
    pub(super) problems: Vec<String>,
    depth: usize,
    /// Whether numbers beyond 64 bits are let through.
    takes_rounded: bool,
}

impl Reader {
    pub(super) const fn new() -> Self {
        Self { problems: Vec::new(), depth: 0, takes_rounded: false }
    }

    /// Lets through the numbers beyond 64 bits that release 0.1 stored as floats.
    pub(super) const fn of_stored() -> Self {
        Self { problems: Vec::new(), depth: 0, takes_rounded: true }
    }

    pub(super) fn node(&mut self, json: &Value) -> Node {
        let Value::Object(entries) = json else {
            let kind = json_type(json);
            self.report(format!("expected an object like {{\"state\": {{\"eq\": \"PUBLISHED\"}}}}, got {kind}"));
            return Node::always();
        };
        if self.depth > MAX_DEPTH {
            self.report(format!("the filter nests deeper than {MAX_DEPTH} levels"));
            return Node::always();
        }
        self.depth += 1;
        let mut nodes = Vec::new();
        for (key, value) in entries {
            match (key.as_str(), value) {
                ("and", value) => nodes.push(Node::all(self.list(key, value))),
                ("or", value) => nodes.push(Node::any(self.list(key, value))),
                ("not", value @ Value::Object(_)) => nodes.push(self.node(value).negated()),
                ("not", _) => self.report("`not` takes a filter; for a field named `not`, write `$.not`".to_owned()),
                (path, Value::Object(operators)) => self.tests(path, operators, &mut nodes),
                (path, Value::Array(_)) => self.report(format!(
                    "`{}`: a bare list is ambiguous; write {{\"in\": […]}} or {{\"eq\": […]}}",
                    excerpt(path)
                )),
                (path, value) => {
                    self.check_numbers(path, value);
                    nodes.push(test(path, false, Operator::Eq, value));
                }
            }
        }
        self.depth -= 1;
        Node::all(nodes)
    }

    fn list(&mut self, key: &str, json: &Value) -> Vec<Node> {
        match json {
            Value::Array(list) if !list.is_empty() => list.iter().map(|one| self.node(one)).collect(),
            _ => {
                let advice = format!("for a field named `{key}`, write `$.{key}`");
                self.report(format!("`{key}` takes a list with at least one filter; {advice}"));
                Vec::new()
            }
        }
    }

    fn tests(&mut self, path: &str, operators: &Map<String, Value>, nodes: &mut Vec<Node>) {
        if operators.is_empty() {
            self.report(format!("`{}` has no operator; use {}", excerpt(path), operator_names()));
        }
        for (name, operand) in operators {
            self.check_numbers(path, operand);
            match read_test(path, name, operand) {
                Ok(test) => nodes.push(test),
                Err(problem) => self.report(format!("`{}`: {problem}", excerpt(path))),
            }
        }
    }

    /// Refuses a number that the JSON reader has rounded.
    fn check_numbers(&mut self, path: &str, operand: &Value) {
        if let Some(number) = beyond_64_bits(operand).filter(|_| !self.takes_rounded) {
            self.report(format!(
                "`{}`: {number} is beyond 64 bits and would be compared without its last digits; numbers go from \
                 -9223372036854775808 to 18446744073709551615",
                excerpt(path)
            ));
        }
    }

    fn report(&mut self, problem: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

fn read_test(path: &str, name: &str, operand: &Value) -> Result<Node, String> {
    let only = |allowed: &Value| format!("`{name}` takes only {allowed}");
    if name == "changed" {
        let changed = Node::Test(Test { path: Path::parse(path), condition: Condition::Changed });
        return if *operand == Value::Bool(true) { Ok(changed) } else { Err(only(&Value::Bool(true))) };
    }
    let (transition, plain) = name.strip_prefix("now_").map_or((false, name), |plain| (true, plain));
    let operator = Operator::parse(plain)
        .ok_or_else(|| format!("unknown operator `{}`; use {}", excerpt(name), operator_names()))?;
    match operator.fixed_operand(plain) {
        Some(fixed) if fixed != *operand => Err(only(&fixed)),
        Some(_) => Ok(test(path, transition, operator, &Value::Bool(true))),
        None => Ok(test(path, transition, operator, operand)),
    }
}

/// The first number of at least 2⁶³ that isn't a 64-bit integer. JSON readers make floats of integers beyond 64 bits.
fn beyond_64_bits(operand: &Value) -> Option<&Number> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match operand {
        Value::Number(number) if number.is_f64() => number.as_f64().filter(|it| it.abs() >= LIMIT).map(|_| number),
        Value::Array(list) => list.iter().find_map(beyond_64_bits),
        Value::Object(fields) => fields.values().find_map(beyond_64_bits),
        _ => None,
    }
}

fn test(path: &str, transition: bool, operator: Operator, operand: &Value) -> Node {
    let condition = Condition::Operator { transition, operator, operand: sorted(operand) };
    Node::Test(Test { path: Path::parse(path), condition })
}

fn operator_names() -> String {
    format!("{} (each also with the prefix now_), or changed", Operator::names())
}

fn json_type(json: &Value) -> &'static str {
    match json {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The start of a client's text, escaped so that it stays on one line.
fn excerpt(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    let end = if start.len() < text.len() { "…" } else { "" };
    format!("{}{end}", start.escape_debug())
}
