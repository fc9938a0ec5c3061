use std::collections::HashMap;

use super::*;

/// A chunk with an event of this id and a delivery.
fn chunk(id: EventId, content_type: ContentType) -> Chunk {
    let event =
        ChunkEvent { id, name: "a.b".into(), bodies: Bodies::default(), options: None, is_raw: false, raw: None };
    let delivery = ChunkDelivery {
        event: 0,
        subscription: SubscriptionId::generate(),
        content_type,
        hook_hmac: Some("h".into()),
        attempts: 0,
        uncounted: 0,
        has_row: false,
        of_event: false,
        undecided: false,
        signed_for: None,
    };
    Chunk { events: vec![event], deliveries: vec![delivery], check: false }
}

#[test]
fn another_release_is_told_from_a_broken_task() {
    let later = chunk(EventId::generate(), ContentType::Json).write().unwrap().replace(r#""v":5"#, r#""v":6"#);
    for other in [r#"{"v":6,"packed":"x"}"#, r#"{"v":0,"events":[],"deliveries":[]}"#, &later] {
        assert!(matches!(Chunk::read(other), Err(NotAChunk::OtherRelease(0 | 6))), "{other}");
    }
    for broken in ["", "null", "{}", r#"{"v":1,"events":["#, r#"{"v":1}"#, r#"{"v":5}"#, r#"{"v":"1"}"#] {
        assert!(matches!(Chunk::read(broken), Err(NotAChunk::Malformed(_))), "{broken}");
    }
    assert!(Chunk::read(r#"{"v":1,"events":[],"deliveries":[]}"#).is_ok());
}

#[test]
fn a_task_in_columns_that_do_not_fit_together_is_broken() {
    let task = chunk(EventId::generate(), ContentType::Json).write().unwrap();
    assert!(Chunk::read(&task).is_ok());
    for (part, broken) in [
        (r#"["a.b",1]"#, r#"["a.b",0]"#),
        (r#""events":""#, r#""events":"AAAA"#),
        (r#"[0,0,"h"]"#, r#"[0,1,"h"]"#),
        (r#"[0,0,"h"]"#, r#"[0,0]"#),
    ] {
        let broken = task.replace(part, broken);
        assert_ne!(broken, task);
        assert!(matches!(Chunk::read(&broken), Err(NotAChunk::Malformed(_))), "{broken}");
    }
}

#[test]
fn a_task_has_no_bodies_and_the_row_gives_them_back_byte_for_byte() {
    let body = r#"{"event":"a.b",  "ref":null,"sender":null,"data":"\u00e9 é"}"#;
    let form = "event=a.b&ref=&sender=&data=%C3%A9+%C3%A9";
    for (content_type, sent) in [(ContentType::Json, body), (ContentType::Form, form)] {
        let mut packed = chunk(EventId::generate(), content_type);
        assert_eq!(packed.events[0].bodies.encode(content_type, body).unwrap(), sent.len());
        assert_eq!(packed.events[0].bodies.encode(content_type, body).unwrap(), 0, "it is there");
        assert_eq!((packed.without_bodies().len(), packed.bytes()), (0, sent.len()));
        let task = packed.write().unwrap();
        assert!(!task.contains("é") && !task.contains("%C3"), "{task}");
        let mut read = Chunk::read(&task).unwrap();
        assert_eq!(read.delivery_id(&read.deliveries[0]), packed.delivery_id(&packed.deliveries[0]));
        assert_eq!(read.without_bodies(), [packed.events[0].id]);
        read.encode(&HashMap::from([(packed.events[0].id, body.to_owned())]));
        assert_eq!(read.events[0].bodies.get(content_type).unwrap(), sent);
    }
}

#[test]
fn everything_comes_back_in_its_place() {
    let name =
        |name: &str| ChunkEvent { name: name.into(), ..chunk(EventId::generate(), ContentType::Json).events.remove(0) };
    let options = EventOptions { timeout: Some(std::time::Duration::from_secs(3)), ..EventOptions::default() };
    let events = vec![
        name("a"),
        ChunkEvent { options: Some(options), ..name("a") },
        ChunkEvent { is_raw: true, ..name("b \"ü\"") },
        name("a"),
    ];
    let plain = |event| ChunkDelivery { event, ..chunk(EventId::generate(), ContentType::Json).deliveries.remove(0) };
    let first = plain(3);
    let deliveries = vec![
        ChunkDelivery { event: 0, ..first.clone() },
        ChunkDelivery { content_type: ContentType::Form, attempts: 2, uncounted: 1, has_row: true, ..plain(1) },
        ChunkDelivery { of_event: true, undecided: true, hook_hmac: None, ..plain(2) },
        first,
    ];
    let chunk = Chunk { events, deliveries, check: true };
    let read = Chunk::read(&chunk.write().unwrap()).unwrap();
    assert_eq!(format!("{read:?}"), format!("{chunk:?}"));
}

#[test]
fn a_task_of_a_hundred_events_takes_less_than_ninety_bytes_for_each() {
    let one = |number: usize| {
        let Chunk { mut events, mut deliveries, .. } = chunk(EventId::generate(), ContentType::Json);
        let hook_hmac = Some("h".repeat(44));
        (events.remove(0), ChunkDelivery { event: number, hook_hmac, ..deliveries.remove(0) })
    };
    let (events, deliveries) = (0..100).map(one).unzip();
    let task = Chunk { events, deliveries, check: false }.write().unwrap();
    let bytes = 100 * (EVENT_BYTES + DELIVERY_BYTES);
    assert!((bytes / 2..bytes + 100 * 22).contains(&task.len()), "{} bytes", task.len());
}

#[test]
fn a_task_of_an_earlier_release_is_read_without_its_bodies() {
    let id = EventId::generate();
    for version in 1..VERSION {
        let earlier = format!(
            r#"{{"v":{version},"events":[{{"id":"{id}","name":"a.b","bodies":{{"json":{{"a":1}}}}}}],"deliveries":[{{"e":0,
               "s":"018f0000-0000-7000-8000-000000000000","h":"x","n":2,"r":true}}]}}"#
        );
        let read = Chunk::read(&earlier).unwrap();
        assert_eq!((read.without_bodies(), read.deliveries[0].attempts), (vec![id], 2));
    }
}
