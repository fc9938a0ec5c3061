//! Dates and times, of chrono and of the crate `time`.

use sea_orm::{
    Set,
    prelude::{TimeDate, TimeDateTime, TimeDateTimeWithTimeZone, TimeTime},
};

use super::{database, lives};

mod chrono_times {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", when = at.changed()),
        on_delete = "row.removed"
    )]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "chrono_times")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub day: Date,
        pub time: Time,
        pub naive: DateTime,
        pub at: DateTimeUtc,
        pub zoned: Option<DateTimeWithTimeZone>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn times_of_chrono_are_iso_8601() {
    lives!(chrono_times, {
            day: "2026-11-29".parse().unwrap(),
            time: "13:05:00".parse().unwrap(),
            naive: "2026-11-29T13:05:00".parse().unwrap(),
            at: "2026-11-29T13:05:00Z".parse().unwrap(),
            zoned: None,
        } => { "id": 1, "day": "2026-11-29", "time": "13:05:00", "naive": "2026-11-29T13:05:00",
               "at": "2026-11-29T13:05:00Z", "zoned": null },
        { at: "2026-11-29T14:05:00Z".parse().unwrap() } =>
        { "id": 1, "day": "2026-11-29", "time": "13:05:00", "naive": "2026-11-29T13:05:00",
          "at": "2026-11-29T14:05:00Z", "zoned": null });
}

mod time_times {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "time_times")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub day: TimeDate,
        pub time: TimeTime,
        pub naive: TimeDateTime,
        pub zoned: TimeDateTimeWithTimeZone,
    }
}

#[tokio::test]
async fn times_of_time_are_the_same() {
    let day = TimeDate::from_ordinal_date(2026, 333).unwrap();
    let time = TimeTime::from_hms(13, 5, 0).unwrap();
    let zoned: TimeDateTimeWithTimeZone = TimeDateTime::new(day, time).assume_utc();
    let later = TimeDateTime::new(day, TimeTime::from_hms(14, 5, 0).unwrap());
    lives!(time_times, { day: day, time: time, naive: TimeDateTime::new(day, time), zoned: zoned } =>
        { "id": 1, "day": "2026-11-29", "time": "13:05:00", "naive": "2026-11-29T13:05:00",
          "zoned": "2026-11-29T13:05:00Z" },
        { naive: later } =>
        { "id": 1, "day": "2026-11-29", "time": "13:05:00", "naive": "2026-11-29T14:05:00",
          "zoned": "2026-11-29T13:05:00Z" });
}

/// The database sets one time on the insert, and a hook of the application sets the other on each save.
mod stamped {
    use sea_orm::{Set, entity::prelude::*};

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", when = updated_at.changed() && !created_at.changed()),
        on_delete = "row.removed",
        custom_behavior
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stamped")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        #[sea_orm(default_expr = "Expr::current_timestamp()")]
        pub created_at: DateTime,
        pub updated_at: i32,
    }

    #[thorn::active_model_behavior]
    #[async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        async fn before_save<C: ConnectionTrait>(mut self, _: &C, _: bool) -> Result<Self, DbErr> {
            let before = self.updated_at.take().unwrap_or_default();
            self.updated_at = Set(before + 1);
            Ok(self)
        }
    }
}

#[tokio::test]
async fn what_the_database_and_own_hooks_set_is_told_too() {
    let test = database(stamped::Entity).await;
    let row = stamped::ActiveModel { title: Set("a".to_owned()), ..Default::default() };
    let row = row.insert(test.db()).await.unwrap();
    let mut change: stamped::ActiveModel = row.clone().into();
    change.title = Set("b".to_owned());
    change.update(test.db()).await.unwrap().delete(test.db()).await.unwrap();
    let told = super::told(&test).await;
    let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["row.created", "row.changed", "row.removed"]);
    let created = row.created_at.format("%Y-%m-%dT%H:%M:%S").to_string();
    assert!(told.iter().all(|(_, data)| data["created_at"].as_str().unwrap().starts_with(&created)), "{told:?}");
    let stamps: Vec<_> = told.iter().map(|(_, data)| data["updated_at"].as_i64().unwrap()).collect();
    assert_eq!(stamps, [1, 2, 2]);
}
