//! Measures what a webhook adds to a save. It inserts the same rows into two tables, of which one has a
//! webhook.

use std::time::Instant;

use sea_orm::{ActiveModelTrait as _, ConnectionTrait as _, EntityTrait as _, Schema, Set, TransactionTrait as _};

use crate::{
    place::{Place, Site},
    report::median,
};

#[expect(unreachable_pub, reason = "SeaORM's derives need public types")]
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

#[expect(unreachable_pub, reason = "SeaORM's derives need public types")]
mod announced {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "announced.created", payload = [id, title, body], broadcast)]
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

/// How rows are saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// One `insert` for each row, on the pool. The plain one is a statement without a transaction.
    Pool,
    /// The same, but the plain one has a transaction too, like the one that a row and its event need.
    OwnTransactions,
    /// All rows in one transaction.
    OneTransaction,
    /// The same, but the one with a webhook is `Thorn::transaction`, which writes all events in one statement
    /// at its end.
    ThornTransaction,
    /// All rows in one statement that returns them.
    InsertMany,
    /// The same, but the plain one returns only the last row's key.
    InsertManyLastKey,
}

impl Way {
    const ALL: [Self; 6] = [
        Self::OwnTransactions,
        Self::OneTransaction,
        Self::ThornTransaction,
        Self::InsertMany,
        Self::Pool,
        Self::InsertManyLastKey,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OwnTransactions => "`insert`, one transaction each",
            Self::OneTransaction => "500 in one transaction",
            Self::ThornTransaction => "500 in one transaction, `Thorn::transaction`",
            Self::InsertMany => "`insert_many` of 500",
            Self::InsertManyLastKey => "`insert_many` of 500, plain without the rows",
            Self::Pool => "`insert`, plain without a transaction",
        }
    }

    /// Whether both sides do the same: they return the same, and single saves have a transaction.
    pub(crate) const fn is_compared(self) -> bool {
        !matches!(self, Self::Pool | Self::InsertManyLastKey)
    }

    /// Rows of a block. A block is measured as a whole.
    const fn rows(self) -> usize {
        match self {
            Self::Pool | Self::OwnTransactions => 20,
            Self::OneTransaction | Self::ThornTransaction | Self::InsertMany | Self::InsertManyLastKey => 500,
        }
    }

    /// Blocks in a round.
    const fn blocks(self) -> usize {
        match self {
            Self::Pool | Self::OwnTransactions => 12,
            Self::OneTransaction | Self::ThornTransaction => 2,
            Self::InsertMany | Self::InsertManyLastKey => 6,
        }
    }
}

/// The rows of a block.
macro_rules! rows {
    ($module:ident, $way:expr) => {
        (0..$way.rows()).map(|n| $module::ActiveModel {
            title: Set(format!("Title {n}")),
            body: Set("x".repeat(400)),
            ..Default::default()
        })
    };
}

/// Inserts rows in one transaction, with the `insert` of their own type.
macro_rules! insert_in_transaction {
    ($rows:expr, $db:expr) => {{
        let txn = $db.begin().await?;
        for row in $rows {
            row.insert(&txn).await?;
        }
        txn.commit().await?;
    }};
}

/// Seconds that a block takes without a webhook.
async fn plain(way: Way, Site { db, .. }: &Site) -> anyhow::Result<f64> {
    let (rows, started) = (rows!(plain, way), Instant::now());
    match way {
        Way::Pool => {
            for row in rows {
                row.insert(db).await?;
            }
        }
        Way::OwnTransactions => {
            for row in rows {
                let txn = db.begin().await?;
                row.insert(&txn).await?;
                txn.commit().await?;
            }
        }
        Way::OneTransaction | Way::ThornTransaction => insert_in_transaction!(rows, db),
        Way::InsertMany => {
            plain::Entity::insert_many(rows).exec_with_returning(db).await?;
        }
        Way::InsertManyLastKey => {
            plain::Entity::insert_many(rows).exec(db).await?;
        }
    }
    Ok(started.elapsed().as_secs_f64())
}

/// Seconds that a block takes with a webhook.
async fn announced(way: Way, site: &Site) -> anyhow::Result<f64> {
    let (db, rows, started) = (&site.db, rows!(announced, way), Instant::now());
    match way {
        Way::Pool | Way::OwnTransactions => {
            for row in rows {
                row.insert(db).await?;
            }
        }
        Way::OneTransaction => insert_in_transaction!(rows, db),
        Way::ThornTransaction => {
            let saved = site.thorn.transaction(async |txn| {
                for row in rows {
                    row.insert(txn).await?;
                }
                Ok::<_, sea_orm::DbErr>(())
            });
            saved.await?;
        }
        Way::InsertMany | Way::InsertManyLastKey => {
            thorn::insert_many(rows, db).await?;
        }
    }
    Ok(started.elapsed().as_secs_f64())
}

/// Returns the time for one row without and with a webhook, and the ratio.
///
/// The two sides alternate in small blocks and swap their order each time, so that a slow moment of the
/// machine affects both.
pub(crate) async fn measure(place: Place, rounds: usize) -> anyhow::Result<Vec<(Way, [String; 3])>> {
    let site = Site::new(place).await?;
    let db = &site.db;
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(plain::Entity)).await?;
    db.execute(&schema.create_table_from_entity(announced::Entity)).await?;
    let mut measured = Way::ALL.map(|way| (way, Vec::new()));
    // The first round only fills caches.
    for round in 0..=rounds {
        for (way, seconds) in &mut measured {
            let (mut without, mut with) = (0.0, 0.0);
            for block in 0..way.blocks() {
                if (round + block) % 2 == 0 {
                    without += plain(*way, &site).await?;
                    with += announced(*way, &site).await?;
                } else {
                    with += announced(*way, &site).await?;
                    without += plain(*way, &site).await?;
                }
            }
            if round > 0 {
                seconds.push((without, with));
            }
        }
    }
    let row = |(way, seconds): &(Way, Vec<(f64, f64)>)| {
        let each = |time: f64| format!("{:.0} µs", time * 1e6 / (way.rows() * way.blocks()) as f64);
        let without = median(seconds.iter().map(|(without, _)| *without));
        let with = median(seconds.iter().map(|(_, with)| *with));
        let ratio = median(seconds.iter().map(|(without, with)| with / without));
        (*way, [each(without), each(with), format!("{ratio:.2}")])
    };
    Ok(measured.iter().map(row).collect())
}
