//! Events for tests.

use sea_orm::prelude::Uuid;

use super::StoredEvent;
use crate::tables::event::Model;

/// An event `a.b` that waits. Without a sender, it is for everybody.
pub(crate) fn event(id: Uuid, sender: Option<&str>, body: impl Into<String>) -> StoredEvent {
    StoredEvent::from(Model {
        id,
        name: "a.b".into(),
        sender: sender.map(str::to_owned),
        broadcast: sender.is_none(),
        body: body.into(),
        options: None,
        created_at: 0,
        relayed_at: None,
        fanout: None,
        registry_version: None,
        audit_at: None,
        dispatcher: None,
    })
}
