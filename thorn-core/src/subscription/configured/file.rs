//! Reads configured subscriptions from a JSON file.

use std::{fmt, path::Path, str::FromStr};

use serde_json::{Map, Value};

use super::{ConfiguredSubscription, name_in_file, place};
use crate::{
    signing::{Digest, Secret, Signer},
    spec::{ContentType, Field, InvalidConfiguration, SpecDraft, WrongType},
};

/// The members of an entry besides the parts of a [`SpecDraft`].
const OTHER_MEMBERS: [&str; 4] = ["secret_env", "unsigned", "owner", "id"];

/// The source of a file's subscriptions, which is the file's name without the folder.
pub(crate) fn source_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Reads the file's entries. An entry with `secret_env` takes its secret from the environment.
pub(crate) fn read(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<ConfiguredSubscription>, InvalidConfiguration> {
    let refuse = |mistakes| Err(InvalidConfiguration { source: source_of(path), mistakes });
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return refuse(vec![format!("{} can't be read: {error}", path.display())]),
    };
    match parse(&text, env) {
        Ok(list) => Ok(list),
        Err(mistakes) => refuse(mistakes),
    }
}

fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Vec<ConfiguredSubscription>, Vec<String>> {
    let entries: Vec<Value> = serde_json::from_str(text).map_err(|error| {
        // serde's message about a value might quote a secret, so the error has a text of its own.
        let (line, column) = (error.line(), error.column());
        vec![match error.classify() {
            serde_json::error::Category::Data => "the file isn't a list: write [ {…}, {…} ]".to_owned(),
            _ => format!("the file isn't JSON, at line {line}, column {column}"),
        }]
    })?;
    let mut mistakes = Vec::new();
    let mut list = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let Value::Object(members) = entry else {
            mistakes.push(format!("{}: it isn't an object", place(index, "")));
            continue;
        };
        let event = members.get("event").and_then(Value::as_str).unwrap_or_default();
        let place = place(index, event);
        list.push(Entry { members, place, mistakes: &mut mistakes }.read(env));
    }
    if mistakes.is_empty() { Ok(list) } else { Err(mistakes) }
}

struct Entry<'a> {
    members: Map<String, Value>,
    place: String,
    mistakes: &'a mut Vec<String>,
}

impl Entry<'_> {
    /// Reads the entry and adds its mistakes to `mistakes`.
    fn read(mut self, env: &dyn Fn(&str) -> Option<String>) -> ConfiguredSubscription {
        let names: Vec<_> = SpecDraft::FIELDS.map(name_in_file).into_iter().chain(OTHER_MEMBERS).collect();
        let unknown: Vec<_> = self.members.keys().filter(|name| !names.contains(&name.as_str())).cloned().collect();
        for name in unknown {
            self.wrong(&format!("`{}` is no field; there are {}", name.escape_debug(), names.join(", ")));
        }
        for name in [Field::Pattern, Field::Url].map(name_in_file) {
            if !self.members.contains_key(name) {
                self.wrong(&format!("`{name}` is missing"));
            }
        }
        // A member that is null counts as left out.
        self.members.retain(|_, value| !value.is_null());
        let mut spec = self.spec();
        spec.secret = self.secret(spec.secret, env);
        spec.unsigned = spec.secret.is_none();
        let id = self.text("id").and_then(|text| {
            let id = text.parse().ok();
            if id.is_none() {
                self.wrong("`id` isn't a UUID");
            }
            id
        });
        ConfiguredSubscription { spec, owner: self.text("owner"), id }
    }

    /// The parts that every subscription has.
    fn spec(&mut self) -> SpecDraft {
        let (spec, wrong) = SpecDraft::take(&mut self.members, name_in_file);
        for (field, error) in &wrong {
            let name = name_in_file(*field);
            match error {
                WrongType::Null | WrongType::NotText => self.wrong(&format!("`{name}` isn't a text")),
                WrongType::NotNumber => self.wrong(&format!("`{name}` isn't a whole number")),
                WrongType::NotHeaders => self.wrong(&format!("`{name}` isn't an object of names and values")),
                WrongType::HeadersNotText { names } => {
                    for header in names {
                        self.wrong(&format!("header `{}` isn't a text", header.escape_debug()));
                    }
                }
            }
        }
        let unknown = [
            (Field::Digest, unknown::<Digest>(spec.digest.as_deref())),
            (Field::Signer, unknown::<Signer>(spec.signer.as_deref())),
            (Field::ContentType, unknown::<ContentType>(spec.content_type.as_deref())),
        ];
        for (field, error) in unknown {
            if let Some(error) = error
                && wrong.iter().all(|(other, _)| *other != field)
            {
                self.wrong(&error);
            }
        }
        spec
    }

    fn secret(&mut self, secret: Option<Secret>, env: &dyn Fn(&str) -> Option<String>) -> Option<Secret> {
        let unsigned = match self.members.get("unsigned") {
            None | Some(Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(_) => {
                self.wrong("`unsigned` is neither true nor false");
                return None;
            }
        };
        let before = self.mistakes.len();
        let given = (secret, self.text("secret_env"), unsigned);
        if self.mistakes.len() > before {
            return None;
        }
        match given {
            (None, None, true) => None,
            (Some(secret), None, false) => Some(secret),
            (None, Some(name), false) => {
                let value = env(&name).filter(|value| !value.trim().is_empty());
                if value.is_none() {
                    self.wrong(&format!("the environment has no `{}`, which `secret_env` names", name.escape_debug()));
                }
                value.map(Secret::new)
            }
            (None, None, false) => {
                self.wrong("it is neither signed nor unsigned; give `secret`, `secret_env` or `\"unsigned\": true`");
                None
            }
            _ => {
                self.wrong("give one of `secret`, `secret_env` and `\"unsigned\": true`, not several");
                None
            }
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.members.remove(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.wrong(&format!("`{name}` isn't a text"));
                None
            }
        }
    }

    fn wrong(&mut self, what: &str) {
        self.mistakes.push(format!("{}: {what}", self.place));
    }
}

/// Why the text is no `T`, if it is none.
fn unknown<T: FromStr<Err: fmt::Display>>(text: Option<&str>) -> Option<String> {
    text?.parse::<T>().err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        (name == "PARTNER_SECRET").then(|| "from-the-environment".to_owned())
    }

    #[test]
    fn thorn_099_102_a_file_says_all_that_code_can_say() {
        let text = r#"[
            {"event": "article.*", "url": "https://a.example/", "secret_env": "PARTNER_SECRET", "owner": "alice", "filter": {"state": "new"},
             "digest": "sha512", "signer": "compat", "content_type": "application/x-www-form-urlencoded",
             "headers": {"X-A": "1"}, "id": "018f3c2a-0000-7000-8000-0000000000ff"},
            {"event": "*", "url": "https://b.example/", "unsigned": true, "owner": null},
            {"event": "b.c", "url": "https://c.example/", "secret": "s3cr3t"}
        ]"#;
        let list = parse(text, &env).unwrap();
        let full = ConfiguredSubscription::signed("article.*", "https://a.example/", "from-the-environment")
            .owner("alice")
            .filter(serde_json::json!({ "state": "new" }))
            .digest(Digest::Sha512)
            .signer(Signer::Compat)
            .content_type(ContentType::Form)
            .header("X-A", "1")
            .id("018f3c2a-0000-7000-8000-0000000000ff".parse().unwrap());
        let expected = [
            full,
            ConfiguredSubscription::unsigned("*", "https://b.example/"),
            ConfiguredSubscription::signed("b.c", "https://c.example/", "s3cr3t"),
        ];
        assert!(list == expected, "{list:?}");
        assert!(parse("[]", &env).unwrap().is_empty());
    }

    #[test]
    fn all_mistakes_are_told_with_their_place_and_no_secret() {
        let text = r#"[
            {"event": "a.b", "url": "https://a.example/", "secret": {"hunter2": 1}},
            {"url": 7, "secret_env": "NOT_THERE", "digest": "md5"},
            "hunter2",
            {"event": "a", "url": "u", "secret": "hunter2", "unsigned": true, "hmac": 1, "unsinged": true},
            {"event": "a", "url": "u", "unsigned": "hunter2", "id": "hunter2", "headers": {"X": ["hunter2"]}},
            {"event": "a", "url": "u"}
        ]"#;
        let mistakes = parse(text, &env).unwrap_err();
        let told = mistakes.join("\n");
        assert!(!told.contains("hunter2"), "{told}");
        for expected in [
            "entry 1 (event `a.b`): `secret` isn't a text",
            "entry 2: `event` is missing",
            "entry 2: `url` isn't a text",
            "entry 2: the environment has no `NOT_THERE`, which `secret_env` names",
            "entry 2: unknown digest `md5`",
            "entry 3: it isn't an object",
            "entry 4 (event `a`): `hmac` is no field",
            "entry 4 (event `a`): `unsinged` is no field",
            "entry 4 (event `a`): give one of",
            "entry 5 (event `a`): `unsigned` is neither true nor false",
            "entry 5 (event `a`): `id` isn't a UUID",
            "entry 5 (event `a`): header `X` isn't a text",
            "entry 6 (event `a`): it is neither signed nor unsigned",
        ] {
            assert!(told.contains(expected), "{expected} in\n{told}");
        }
        assert_eq!(
            parse("[{\"secret\": \"hunter2\"", &env).unwrap_err(),
            ["the file isn't JSON, at line 1, column 21"]
        );
        assert_eq!(parse("{\"secret\": \"hunter2\"}", &env).unwrap_err().len(), 1);
    }
}
