//! The body of `POST /keys/`, and who may grant it.

use axum::http::StatusCode;
use serde_json::{Map, Value};
use thorn_core::{
    api_key::{ApiKey, NewApiKey, Scopes},
    timestamp::Timestamp,
};

use crate::http::Problem;

/// A key as it is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grant {
    scopes: Scopes,
    owner: Option<String>,
    label: String,
    expires_at: Option<Timestamp>,
}

impl Grant {
    /// Reads the fields. All that are wrong are told together.
    pub(super) fn read(mut fields: Map<String, Value>) -> Result<Self, Problem> {
        let mut wrong = Vec::new();
        let scopes = scopes(fields.remove("scopes"));
        let scopes = scopes.map_err(|message| wrong.push(("scopes", message))).ok();
        let mut text = |name: &'static str| match fields.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                wrong.push((name, "Must be a text.".to_owned()));
                None
            }
        };
        let (owner, label, expires_at) = (text("owner"), text("label"), text("expires_at"));
        let expires_at = expires_at.and_then(|text| match text.parse::<Timestamp>() {
            Ok(at) => Some(at),
            Err(error) => {
                wrong.push(("expires_at", error.to_string()));
                None
            }
        });
        let unknown = fields.into_iter().map(|(name, _)| (name, "There is no such field.".to_owned()));
        let wrong: Vec<_> =
            wrong.into_iter().map(|(name, message)| (name.to_owned(), message)).chain(unknown).collect();
        match scopes {
            Some(scopes) if wrong.is_empty() => {
                Ok(Self { scopes, owner, label: label.unwrap_or_default(), expires_at })
            }
            _ => Err(wrong
                .into_iter()
                .fold(Problem::invalid_fields(), |problem, (name, message)| problem.field(name, message))),
        }
    }

    /// The key that this caller may make. An operator may make any. An owner makes keys of their own that can do no
    /// more and live no longer than the caller's.
    pub(super) fn key(self, caller: &ApiKey) -> Result<NewApiKey, Problem> {
        let Self { scopes, owner, label, expires_at } = self;
        let Some(own) = &caller.owner else { return Ok(NewApiKey { owner, scopes, label, expires_at }) };
        if owner.is_some_and(|owner| owner != *own) {
            return Err(forbidden("An owner's key makes keys of its owner only. Leave `owner` out."));
        }
        if !caller.scopes.cover(&scopes) {
            return Err(forbidden("An owner's key makes keys with its own scopes only."));
        }
        let expires_at = expires_at.or(caller.expires_at);
        if caller.expires_at.is_some_and(|last| expires_at.is_some_and(|at| at > last)) {
            return Err(forbidden("An owner's key makes no key that lives longer than itself."));
        }
        Ok(NewApiKey { owner: Some(own.clone()), scopes, label, expires_at })
    }
}

/// Scopes as a list of texts, or as one text with spaces between them.
fn scopes(value: Option<Value>) -> Result<Scopes, String> {
    let text = match value {
        Some(Value::String(text)) => text,
        Some(Value::Array(list)) => {
            let texts = list.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
            let one_each = |text: &&str| text.split_whitespace().count() == 1;
            let texts = texts.filter(|texts| texts.iter().all(one_each));
            texts.ok_or("Must be a list of texts, each with one scope.")?.join(" ")
        }
        Some(_) => return Err("Must be a list of texts.".to_owned()),
        None => return Err("Is required: a list of scopes.".to_owned()),
    };
    text.parse::<Scopes>().map_err(|error| error.to_string())
}

fn forbidden(detail: &'static str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN).detail(detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use thorn_core::ApiKeyId;

    use super::*;

    fn read(body: &Value) -> Result<Grant, Problem> {
        Grant::read(body.as_object().unwrap().clone())
    }

    fn caller(owner: Option<&str>, scopes: &str, expires_at: Option<Timestamp>) -> ApiKey {
        ApiKey {
            id: ApiKeyId::generate(),
            owner: owner.map(str::to_owned),
            scopes: scopes.parse().unwrap(),
            label: String::new(),
            created_at: Timestamp::now(),
            expires_at,
            revoked_at: None,
        }
    }

    #[test]
    fn all_wrong_fields_are_told_together() {
        let good = read(&json!({ "scopes": ["read", "publish"], "owner": null, "label": "x" })).unwrap();
        assert_eq!(good, read(&json!({ "scopes": "publish read", "label": "x" })).unwrap());
        let wrong = read(&json!({ "owner": 1, "label": [], "expires_at": "soon", "x": 1 })).unwrap_err().to_string();
        for field in ["scopes", "owner", "label", "expires_at", "x"] {
            assert!(wrong.contains(&format!("{field}: ")), "{wrong}");
        }
        for bad in [json!([]), json!(["write"]), json!([1]), json!(["read publish"]), json!(""), json!(7), json!(null)]
        {
            assert!(read(&json!({ "scopes": bad })).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_owner_makes_a_key_that_may_do_more_than_their_own() {
        let (soon, late) = (Timestamp::from_millis(1_000), Timestamp::from_millis(2_000));
        let grant = |body: Value, caller: &ApiKey| read(&body).unwrap().key(caller).map_err(|problem| problem.status());
        let alice = caller(Some("alice"), "admin read stream", Some(soon));
        let made = grant(json!({ "scopes": "read stream:a.*", "owner": "alice" }), &alice).unwrap();
        assert_eq!((made.owner.as_deref(), made.expires_at), (Some("alice"), Some(soon)));
        for refused in [
            json!({ "scopes": "read", "owner": "bob" }),
            json!({ "scopes": "read dispatch.response" }),
            json!({ "scopes": "read", "expires_at": late.to_string() }),
        ] {
            assert_eq!(grant(refused.clone(), &alice), Err(StatusCode::FORBIDDEN), "{refused}");
        }
        let operator = caller(None, "admin", None);
        let made = grant(json!({ "scopes": "dispatch", "owner": "bob" }), &operator).unwrap();
        assert_eq!((made.owner.as_deref(), made.expires_at), (Some("bob"), None));
    }
}
