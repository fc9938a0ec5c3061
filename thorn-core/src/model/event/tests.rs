//! The description of a declared event, and the subject of the events it renders.

use serde_json::json;

use super::{ModelEvent, Payload, Template, Trigger};
use crate::model::{
    change::{Change, Op},
    template::Piece,
};

mod seat {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "seat")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) row: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) number: i32,
        pub(super) guest: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use seat::Column;

const EVENTS: &[ModelEvent<seat::Model>] = &[
    ModelEvent::<seat::Model>::new("create", Trigger::On(Op::Create), Template::new(&[Piece::Text("seat.added")])),
    ModelEvent::<seat::Model>::new(
        "book",
        Trigger::On(Op::Change),
        Template::new(&[Piece::Text("seat."), Piece::Column(Column::Row), Piece::Text(".booked")]),
    )
    .reference(Template::new(&[Piece::Text("/seats/"), Piece::Column(Column::Row)]))
    .sender(Column::Guest, |event, seat| event.sender(&seat.guest))
    .payload(Payload::Columns(&[Column::Number, Column::Guest])),
    ModelEvent::<seat::Model>::new("clean", Trigger::Manual, Template::new(&[Piece::Text("seat.cleaned")]))
        .payload(Payload::Function(|event, seat| event.render(&seat.number))),
];

#[test]
fn a_catalogue_can_read_names_senders_and_columns() {
    let names: Vec<_> = EVENTS.iter().map(ModelEvent::name_pattern).collect();
    assert_eq!(names, ["seat.added", "seat.*.booked", "seat.cleaned"]);
    let senders: Vec<_> = EVENTS.iter().map(|event| event.sender.is_some()).collect();
    assert_eq!(senders, [false, true, false]);
    let columns: Vec<_> = EVENTS.iter().map(|event| event.columns().map(|columns| columns.len())).collect();
    assert_eq!(columns, [Some(3), Some(2), None]);
}

#[test]
fn an_event_knows_the_row_that_it_is_about() {
    let seat = seat::Model { row: "a.b".into(), number: 7, guest: Some("ann".into()) };
    let change = Change { op: Op::Change, old: None, new: &seat };
    assert!(EVENTS[0].render(change).is_none(), "it fires on inserts");
    let event = EVENTS[1].render(change).unwrap().unwrap();
    assert_eq!(event.name, "seat.a%2Eb.booked");
    let body =
        json!({"event": event.name, "ref": "/seats/a.b", "sender": "ann", "data": {"number": 7, "guest": "ann"}});
    assert_eq!(serde_json::from_str::<serde_json::Value>(&event.body).unwrap(), body);
    assert!(!event.broadcast);
    let subject = event.subject.unwrap();
    assert_eq!((&*subject.table, subject.key), ("seat", json!(["a.b", 7])));
}
