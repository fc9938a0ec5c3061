//! Consumers: readers of the log whose cursor is kept on the server.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};

use super::{
    bounds::{Located, locate},
    cursor::Cursor,
};
use crate::{
    error::Error,
    short_text::check_short_text,
    subscription::Access,
    tables::consumer::{ActiveModel, Column, Entity, Model},
    timestamp::Timestamp,
};

/// The most consumers of one owner, and of all operators together.
const MOST: u64 = 1000;

/// A reader of the log whose cursor is kept on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// The name. Each owner has names of their own, and so have operators.
    pub name: String,
    /// How far the consumer has acknowledged events.
    pub cursor: Cursor,
    /// When the consumer was created.
    pub created_at: Timestamp,
    /// When the cursor was last moved.
    pub updated_at: Timestamp,
}

/// The result of acknowledging a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// The consumer's cursor is this one now.
    Moved(Consumer),
    /// The cursor lies before the consumer's, which stays. Only a seek moves it back.
    Backwards(Consumer),
    /// Events after the cursor are deleted, or it comes from another log.
    Gone {
        /// The first cursor from which every event is there.
        earliest: Cursor,
    },
}

/// The consumers that a caller may see: an owner's own, or those of operators.
#[derive(Clone, Debug)]
pub struct Consumers<'a> {
    db: &'a DatabaseConnection,
    owner: String,
}

impl<'a> Consumers<'a> {
    pub(crate) fn new(db: &'a DatabaseConnection, access: Access<'_>) -> Self {
        Self { db, owner: access.owner_id().unwrap_or_default().to_owned() }
    }

    /// Creates a consumer at this cursor. Returns the consumer, and whether it is new. A consumer that exists already
    /// keeps its cursor.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for a name that is empty, too long or has a NUL, or if the owner has 1,000 consumers already;
    /// [`Error::Database`].
    pub async fn create(&self, name: &str, cursor: Cursor) -> Result<(Consumer, bool), Error> {
        let refused = |reason: String| Err(Error::option("consumer", reason));
        if name.is_empty() {
            return refused("the name is empty".to_owned());
        }
        if let Err(invalid) = check_short_text(name) {
            return refused(format!("the name is invalid: {invalid}"));
        }
        if let Some(consumer) = self.find(name).await? {
            return Ok((consumer, false));
        }
        if Entity::find().filter(Column::Owner.eq(&self.owner)).count(self.db).await? >= MOST {
            return refused(format!("there are {MOST} consumers already; delete one"));
        }
        let now = Timestamp::now().as_millis();
        let row = ActiveModel {
            owner: Set(self.owner.clone()),
            name: Set(name.to_owned()),
            position: Set(cursor.position),
            check_digits: Set(cursor.check.to_string()),
            created_at: Set(now),
            updated_at: Set(now),
        };
        let keep = OnConflict::columns([Column::Owner, Column::Name]).do_nothing_on([Column::Owner]).to_owned();
        let inserted = Entity::insert(row).on_conflict(keep).exec_without_returning(self.db).await?;
        Ok((self.get(name).await?, inserted > 0))
    }

    /// The consumer of this name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], also if it belongs to somebody else; [`Error::Database`].
    pub async fn get(&self, name: &str) -> Result<Consumer, Error> {
        self.find(name).await?.ok_or_else(|| not_found(name))
    }

    /// All consumers, by name.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn list(&self) -> Result<Vec<Consumer>, Error> {
        let rows = Entity::find().filter(Column::Owner.eq(&self.owner)).order_by_asc(Column::Name).all(self.db).await?;
        rows.into_iter().map(Consumer::of_row).collect()
    }

    /// Deletes a consumer.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn delete(&self, name: &str) -> Result<(), Error> {
        if check_short_text(name).is_err() {
            return Err(not_found(name));
        }
        let deleted = Entity::delete_many().filter(self.named(name)).exec(self.db).await?;
        if deleted.rows_affected > 0 { Ok(()) } else { Err(not_found(name)) }
    }

    /// Moves a consumer's cursor. It moves back only with `seek`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn acknowledge(&self, name: &str, cursor: Cursor, seek: bool) -> Result<Acknowledged, Error> {
        self.get(name).await?;
        if let Located::Gone { earliest } = locate(self.db, cursor).await? {
            return Ok(Acknowledged::Gone { earliest });
        }
        let mut here = self.named(name);
        if !seek {
            here = here.add(Column::Position.lte(cursor.position));
        }
        let moved = Entity::update_many()
            .col_expr(Column::Position, Expr::value(cursor.position))
            .col_expr(Column::CheckDigits, Expr::value(cursor.check.to_string()))
            .col_expr(Column::UpdatedAt, Expr::value(Timestamp::now().as_millis()))
            .filter(here)
            .exec(self.db)
            .await?;
        let consumer = self.get(name).await?;
        Ok(if moved.rows_affected > 0 { Acknowledged::Moved(consumer) } else { Acknowledged::Backwards(consumer) })
    }

    async fn find(&self, name: &str) -> Result<Option<Consumer>, Error> {
        // PostgreSQL would refuse to look for a NUL.
        if check_short_text(name).is_err() {
            return Ok(None);
        }
        Entity::find().filter(self.named(name)).one(self.db).await?.map(Consumer::of_row).transpose()
    }

    fn named(&self, name: &str) -> Condition {
        Condition::all().add(Column::Owner.eq(&self.owner)).add(Column::Name.eq(name))
    }
}

fn not_found(name: &str) -> Error {
    Error::NotFound { what: "consumer", id: name.to_owned() }
}

impl Consumer {
    fn of_row(row: Model) -> Result<Self, Error> {
        let check = row.check_digits.parse();
        let check = check.map_err(|error| DbErr::Type(format!("check digits of consumer `{}`: {error}", row.name)))?;
        Ok(Self {
            cursor: Cursor { position: row.position, check },
            name: row.name,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        })
    }
}
