//! The table `thorn_event`.

use sea_orm::{FromQueryResult, SelectModel, Selector, entity::prelude::*};

use crate::db::read_in_order;

/// A row of `thorn_event`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub sender: Option<String>,
    pub broadcast: bool,
    pub body: String,
    /// The event's options as JSON, unless they are the defaults, and its own recipients.
    pub options: Option<String>,
    pub created_at: i64,
    /// When the event was fanned out; `None` until then.
    pub relayed_at: Option<i64>,
    /// The number of deliveries it was fanned out to.
    pub fanout: Option<i32>,
    /// The version of the registry at the fan-out.
    pub registry_version: Option<i64>,
    /// When the reconciler compares the fan-out with the recorded deliveries; `None` once nothing is missing.
    pub audit_at: Option<i64>,
    /// The name of the dispatcher that takes the event; `None` means the queue.
    pub dispatcher: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A row that is read in the order of its columns.
pub(crate) trait EventRow: FromQueryResult + Send {
    /// Has the query select the columns.
    fn of(query: Select<Entity>) -> Selector<SelectModel<Self>>;

    fn into_model(self) -> Model;
}

/// All that thorn ever needs of an event.
pub(crate) struct InOrder(pub(crate) Model);

/// An event that nobody has taken, without the columns that are NULL until then. A relay reads more of these rows than of all
/// others.
pub(crate) struct Unrelayed(pub(crate) Model);

macro_rules! event_rows {
    ($($row:ident),*) => {$(
        impl EventRow for $row {
            fn of(query: Select<Entity>) -> Selector<SelectModel<Self>> {
                Self::of(query)
            }

            fn into_model(self) -> Model {
                self.0
            }
        }
    )*};
}

event_rows!(InOrder, Unrelayed);

read_in_order!(InOrder {
    Id => id,
    Name => name,
    Sender => sender,
    Broadcast => broadcast,
    Body => body,
    Options => options,
    CreatedAt => created_at,
    RelayedAt => relayed_at,
    RegistryVersion => registry_version,
    AuditAt => audit_at,
    Dispatcher => dispatcher,
} without { fanout });

read_in_order!(Unrelayed {
    Id => id,
    Name => name,
    Sender => sender,
    Broadcast => broadcast,
    Body => body,
    Options => options,
    CreatedAt => created_at,
} without { relayed_at, fanout, registry_version, audit_at, dispatcher });

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use sea_orm::IntoActiveModel as _;

    use super::*;

    #[tokio::test]
    async fn each_column_is_read_into_its_field() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::db::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let row = Model {
            id: Uuid::new_v4(),
            name: "name".into(),
            sender: Some("sender".into()),
            broadcast: true,
            body: "body".into(),
            options: Some("options".into()),
            created_at: 1,
            relayed_at: Some(2),
            fanout: None,
            registry_version: Some(3),
            audit_at: Some(4),
            dispatcher: Some("dispatcher".into()),
        };
        Entity::insert(row.clone().into_active_model()).exec_without_returning(&db).await.unwrap();
        assert_eq!(InOrder::of(Entity::find()).one(&db).await.unwrap().unwrap().0, row);
        let empty = Model {
            sender: None,
            options: None,
            relayed_at: None,
            registry_version: None,
            audit_at: None,
            dispatcher: None,
            ..row
        };
        Entity::update(empty.clone().into_active_model().reset_all()).exec(&db).await.unwrap();
        assert_eq!(InOrder::of(Entity::find()).one(&db).await.unwrap().unwrap().0, empty);
        assert_eq!(Unrelayed::of(Entity::find()).one(&db).await.unwrap().unwrap().0, empty);
    }
}
