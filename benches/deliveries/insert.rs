//! What a webhook adds to a save: the same rows into two tables, one of which announces them.

use std::time::Instant;

use sea_orm::{ActiveModelTrait as _, ConnectionTrait as _, EntityTrait as _, Schema, Set, TransactionTrait as _};

use crate::{
    place::{Place, Site},
    report::median,
};

#[expect(unreachable_pub, reason = "SeaORM's derives want public types")]
mod plain {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plain")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub body: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

#[expect(unreachable_pub, reason = "SeaORM's derives want public types")]
mod announced {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "announced.created", payload = [id, title, body])]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "announced")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub body: String,
    }
}

/// Rows of one transaction, and of one statement.
const MANY: usize = 500;
/// Rows each in a transaction of their own.
const SINGLE: usize = 300;

/// Seconds that the body takes, for each of the two tables.
macro_rules! seconds {
    ($module:ident, $db:expr) => {{
        let db = $db;
        let row = |n: usize| $module::ActiveModel {
            title: Set(format!("Title {n}")),
            body: Set("x".repeat(400)),
            ..Default::default()
        };
        let alone = Instant::now();
        for n in 0..SINGLE {
            row(n).insert(db).await?;
        }
        let alone = alone.elapsed();
        let together = Instant::now();
        let txn = db.begin().await?;
        for n in 0..MANY {
            row(n).insert(&txn).await?;
        }
        txn.commit().await?;
        let together = together.elapsed();
        let many = Instant::now();
        insert_many!($module, db, (0..MANY).map(row));
        [alone.as_secs_f64(), together.as_secs_f64(), many.elapsed().as_secs_f64()]
    }};
}

/// The way each table's users have.
macro_rules! insert_many {
    (plain, $db:expr, $rows:expr) => {
        plain::Entity::insert_many($rows).exec($db).await?;
    };
    (announced, $db:expr, $rows:expr) => {
        thorn::insert_many($rows, $db).await?;
    };
}

/// Rows of the table: time without and with webhook for one row, and the ratio.
pub(crate) async fn measure(place: Place, rounds: usize) -> anyhow::Result<Vec<Vec<String>>> {
    let site = Site::new(place).await?;
    let db = &site.db;
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(plain::Entity)).await?;
    db.execute(&schema.create_table_from_entity(announced::Entity)).await?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    // The first round fills caches.
    for round in 0..=rounds {
        let measured: ([f64; 3], [f64; 3]) = (seconds!(plain, db), seconds!(announced, db));
        if round > 0 {
            without.push(measured.0);
            with.push(measured.1);
        }
    }
    let kinds = [("one transaction each", SINGLE), ("500 in one transaction", MANY), ("`insert_many` of 500", MANY)];
    let row = |(kind, (what, rows)): (usize, (&str, usize))| {
        let micros = |times: &[[f64; 3]]| median(times.iter().map(|times| times[kind])) * 1e6 / rows as f64;
        let ratio = median(with.iter().zip(&without).map(|(with, without)| with[kind] / without[kind]));
        let [without, with] = [micros(&without), micros(&with)].map(|time| format!("{time:.0} µs"));
        vec![format!("{place}, {what}"), without, with, format!("{ratio:.2}")]
    };
    Ok(kinds.into_iter().enumerate().map(row).collect())
}
