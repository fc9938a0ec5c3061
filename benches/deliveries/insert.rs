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

/// How rows are saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// One `insert` each on the pool; plain, it is a statement that commits itself.
    Alone,
    /// The same; plain, it has the transaction that a row and its event need.
    Own,
    /// All in one transaction.
    Together,
    /// The same; with webhook, it is thorn's, which keeps the events for one statement at its end.
    Thorns,
    /// All with one statement that returns them.
    Many,
    /// The same; plain, it returns the last one's key only.
    Keyless,
}

impl Way {
    const ALL: [Self; 6] = [Self::Own, Self::Together, Self::Thorns, Self::Many, Self::Alone, Self::Keyless];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Own => "`insert`, one transaction each",
            Self::Together => "500 in one transaction",
            Self::Thorns => "500 in one transaction, `Thorn::transaction`",
            Self::Many => "`insert_many` of 500",
            Self::Keyless => "`insert_many` of 500, plain without the rows",
            Self::Alone => "`insert`, plain without a transaction",
        }
    }

    /// Whether the ratio is one of like to like: with the same result, and single saves both in a transaction.
    pub(crate) const fn is_compared(self) -> bool {
        !matches!(self, Self::Alone | Self::Keyless)
    }

    /// Rows of one block, which are measured in one piece.
    const fn rows(self) -> usize {
        match self {
            Self::Alone | Self::Own => 20,
            Self::Together | Self::Thorns | Self::Many | Self::Keyless => 500,
        }
    }

    /// Blocks of one round.
    const fn blocks(self) -> usize {
        match self {
            Self::Alone | Self::Own => 12,
            Self::Together | Self::Thorns => 2,
            Self::Many | Self::Keyless => 6,
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

/// Inserts rows in one transaction, by the `insert` that their own type has.
macro_rules! together {
    ($rows:expr, $db:expr) => {{
        let txn = $db.begin().await?;
        for row in $rows {
            row.insert(&txn).await?;
        }
        txn.commit().await?;
    }};
}

/// Seconds of one block without webhook.
async fn plain(way: Way, Site { db, .. }: &Site) -> anyhow::Result<f64> {
    let (rows, started) = (rows!(plain, way), Instant::now());
    match way {
        Way::Alone => {
            for row in rows {
                row.insert(db).await?;
            }
        }
        Way::Own => {
            for row in rows {
                let txn = db.begin().await?;
                row.insert(&txn).await?;
                txn.commit().await?;
            }
        }
        Way::Together | Way::Thorns => together!(rows, db),
        Way::Many => {
            plain::Entity::insert_many(rows).exec_with_returning(db).await?;
        }
        Way::Keyless => {
            plain::Entity::insert_many(rows).exec(db).await?;
        }
    }
    Ok(started.elapsed().as_secs_f64())
}

/// Seconds of one block with webhook.
async fn announced(way: Way, site: &Site) -> anyhow::Result<f64> {
    let (db, rows, started) = (&site.db, rows!(announced, way), Instant::now());
    match way {
        Way::Alone | Way::Own => {
            for row in rows {
                row.insert(db).await?;
            }
        }
        Way::Together => together!(rows, db),
        Way::Thorns => {
            let saved = site.thorn.transaction(async |txn| {
                for row in rows {
                    row.insert(txn).await?;
                }
                Ok::<_, sea_orm::DbErr>(())
            });
            saved.await?;
        }
        Way::Many | Way::Keyless => {
            thorn::insert_many(rows, db).await?;
        }
    }
    Ok(started.elapsed().as_secs_f64())
}

/// Time without and with webhook for one row, and the ratio. What is compared alternates
/// in small blocks, each time in the other order, so that a slow moment of the machine meets both.
pub(crate) async fn measure(place: Place, rounds: usize) -> anyhow::Result<Vec<(Way, [String; 3])>> {
    let site = Site::new(place).await?;
    let db = &site.db;
    let schema = Schema::new(db.get_database_backend());
    db.execute(&schema.create_table_from_entity(plain::Entity)).await?;
    db.execute(&schema.create_table_from_entity(announced::Entity)).await?;
    let mut measured = Way::ALL.map(|way| (way, Vec::new()));
    // The first round fills caches.
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
