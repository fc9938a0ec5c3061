//! An event with its body, as the outbox stores it.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    finite::Finite,
    members::{Members, PREVIOUS},
    options::EventOptions,
    raw::RawBody,
    sender::SenderId,
    subject::Subject,
};
use crate::{dispatch::Dispatch, id::EventId, spec::Subscriber, timestamp::Timestamp};

/// An event, rendered at the moment of change. It is an immutable fact.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedEvent {
    /// The unique id. Ids are ordered by time.
    pub id: EventId,
    /// The checked name.
    pub name: String,
    /// The sender's id, which is compared with the owners of subscriptions.
    pub sender: Option<String>,
    /// The row that a model's event is about. The outbox doesn't store it yet, so a dispatcher sees `None`.
    pub subject: Option<Subject>,
    /// Whether the event goes to the matching subscriptions of every owner.
    pub broadcast: bool,
    /// The JSON body as compact UTF-8: `{"event","ref","sender","data"}`, `previous` if the event's model declares
    /// it, and any added fields. It is empty if the event is [raw](Self::raw).
    pub body: String,
    /// The body of a raw event. `None` is an enveloped event.
    pub raw: Option<RawBody>,
    /// The options for the event's deliveries.
    pub options: EventOptions,
    /// Recipients besides the subscriptions that match. A [`Dispatcher`](crate::worker::Dispatcher) sees none.
    pub recipients: Vec<Subscriber>,
    /// The recipient of the news that a delivery to one of these failed for good.
    pub errback: Option<Subscriber>,
    /// The recipient of the responses of these that answer with a status 2xx.
    pub callback: Option<Subscriber>,
    /// Whether the response to the first attempt of each delivery to one of these is kept.
    pub keeps_first_response: bool,
    /// How the event is dispatched after its commit.
    pub dispatch: Dispatch,
    /// When the event happened.
    pub created_at: Timestamp,
}

struct Body<'a, P: ?Sized> {
    event: &'a str,
    reference: Option<&'a str>,
    sender: Option<&'a SenderId>,
    data: &'a P,
}

impl<P: Serialize + ?Sized> Serialize for Body<'_, P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("event", self.event)?;
        map.serialize_entry("ref", &self.reference)?;
        map.serialize_entry("sender", &self.sender.map(|sender| &sender.label))?;
        map.serialize_entry("data", &Finite(self.data))?;
        map.end()
    }
}

/// Renders the body, with its fields in the order that receivers know from Thorn. `previous` is an object as JSON
/// text. With it, no added field can be called `previous`.
pub(crate) fn body<P: Serialize + ?Sized>(
    event: &str,
    reference: Option<&str>,
    sender: Option<&SenderId>,
    data: &P,
    previous: Option<&str>,
    extra: Option<&Members>,
) -> Result<String, serde_json::Error> {
    let mut body = serde_json::to_string(&Body { event, reference, sender, data })?;
    // `()` and `None` mean "no data". Receivers see an empty object instead.
    if body.ends_with("\"data\":null}") {
        body.truncate(body.len() - "null}".len());
        body.push_str("{}}");
    }
    if let Some(previous) = previous {
        push_member(&mut body, PREVIOUS, previous)?;
    }
    for (name, value) in extra.iter().flat_map(|extra| extra.extra()) {
        if previous.is_none() || name != PREVIOUS {
            push_member(&mut body, name, value.get())?;
        }
    }
    Ok(body)
}

/// Appends a member to a JSON object.
fn push_member(object: &mut String, name: &str, value: &str) -> Result<(), serde_json::Error> {
    object.pop();
    object.push(',');
    object.push_str(&serde_json::to_string(name)?);
    object.push(':');
    object.push_str(value);
    object.push('}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(data: &impl Serialize) -> Result<String, serde_json::Error> {
        body("a.b", None, None, data, None, None)
    }

    #[test]
    fn thorn_015_the_body_has_four_fields_in_order() {
        let alice = SenderId { id: "1".into(), label: "alice".into() };
        assert_eq!(
            body("a.b", Some("/a/1"), Some(&alice), &[1, 2], None, None).unwrap(),
            r#"{"event":"a.b","ref":"/a/1","sender":"alice","data":[1,2]}"#
        );
    }

    #[test]
    fn thorn_016_only_absent_data_becomes_an_empty_object() {
        let empty = r#"{"event":"a.b","ref":null,"sender":null,"data":{}}"#;
        assert_eq!(render(&()).unwrap(), empty);
        assert_eq!(render(&None::<i32>).unwrap(), empty);
        assert!(render(&0).unwrap().ends_with(r#""data":0}"#));
        assert!(render(&Vec::<i32>::new()).unwrap().ends_with(r#""data":[]}"#));
        assert!(render(&"\"data\":null}").unwrap().ends_with(r#"null}"}"#));
    }

    #[test]
    fn thorn_006_request_data_stands_behind_the_four_fields_and_replaces_none() {
        let extra = Members::of(&serde_json::json!({ "event": "x", "ref": 1, "sender": 2, "data": 3, "z": [1.0] }));
        let body = body("a.b", None, None, &(), None, extra.ok().as_ref()).unwrap();
        assert_eq!(body, r#"{"event":"a.b","ref":null,"sender":null,"data":{},"z":[1.0]}"#);
    }

    #[test]
    fn previous_stands_behind_the_data_and_no_request_data_replaces_it() {
        let extra = Members::of(&serde_json::json!({ "previous": 1, "z": 2 })).unwrap();
        let with = |previous| body("a.b", None, None, &1, previous, Some(&extra)).unwrap();
        let four = r#"{"event":"a.b","ref":null,"sender":null,"data":1"#;
        assert_eq!(with(Some(r#"{"x":0}"#)), format!(r#"{four},"previous":{{"x":0}},"z":2}}"#));
        assert_eq!(with(None), format!(r#"{four},"previous":1,"z":2}}"#));
    }

    #[test]
    fn thorn_180_nan_and_infinity_are_errors_at_any_depth() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(render(&bad).unwrap_err().to_string().contains("not a finite number"));
            assert!(render(&vec![Some(("x", bad))]).is_err());
        }
        assert!(render(&f32::NAN).is_err());
        assert!(render(&vec![Some(("x", 1.5))]).unwrap().contains("1.5"));
    }
}
