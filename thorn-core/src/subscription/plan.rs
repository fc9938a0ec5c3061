//! The changes that make rows equal to the subscriptions that a source wants.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, prelude::Uuid, sea_query::Expr};

use super::{
    configured::{Configured, place},
    entry::Subscription,
    row,
    store::Subscriptions,
    write::Write,
};
use crate::{
    error::Error,
    headers::ExtraHeaders,
    id::SubscriptionId,
    spec::InvalidConfiguration,
    tables::subscription::{Column, Entity, Model},
    timestamp::Timestamp,
};

/// The maximum number of ids in one `IN (…)`.
const IDS_PER_QUERY: usize = 500;

/// The changes that make the table equal to what a source wants.
#[derive(Default)]
pub(super) struct Plan {
    /// Subscriptions to add. The flag is `true` if a deleted row with the id exists.
    pub(super) add: Vec<(Subscription, bool)>,
    /// Subscriptions that differ from their rows.
    pub(super) change: Vec<(Subscription, Model)>,
    remove: Vec<SubscriptionId>,
    unchanged: usize,
}

impl Plan {
    pub(super) const fn is_empty(&self) -> bool {
        self.add.is_empty() && self.change.is_empty() && self.remove.is_empty()
    }

    pub(super) const fn counts(&self) -> Configured {
        Configured {
            added: self.add.len(),
            changed: self.change.len(),
            removed: self.remove.len(),
            unchanged: self.unchanged,
        }
    }
}

/// The rows with these ids, deleted ones included.
pub(super) async fn rows_of<C: ConnectionTrait>(db: &C, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Model>, Error> {
    let mut rows = HashMap::new();
    for ids in ids.chunks(IDS_PER_QUERY) {
        let found = Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?;
        rows.extend(found.into_iter().map(|row| (row.id, row)));
    }
    Ok(rows)
}

impl Subscriptions {
    /// Compares what the source wants with rows: those of the wanted ids, and others of the source, which are to go.
    pub(super) fn compare(
        &self,
        source: &str,
        wanted: Vec<Subscription>,
        rows: &HashMap<Uuid, Model>,
    ) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        let mut mistakes = Vec::new();
        let kept: HashSet<Uuid> = wanted.iter().map(|one| one.id.as_uuid()).collect();
        for (index, one) in wanted.into_iter().enumerate() {
            match rows.get(&one.id.as_uuid()) {
                None => plan.add.push((one, false)),
                Some(row) if row.source.as_deref() != Some(source) => mistakes.push(format!(
                    "{}: its id is that of a subscription that comes from elsewhere",
                    place(index, one.spec.pattern.as_str())
                )),
                Some(row) if row.deleted_at.is_some() => plan.add.push((one, true)),
                Some(row) if self.is_same(row, &one) => plan.unchanged += 1,
                Some(row) => plan.change.push((one, row.clone())),
            }
        }
        let left = rows.values().filter(|row| row.source.as_deref() == Some(source) && row.deleted_at.is_none());
        plan.remove.extend(left.filter(|row| !kept.contains(&row.id)).map(|row| SubscriptionId::from_uuid(row.id)));
        if mistakes.is_empty() { Ok(plan) } else { Err(wrong(source, mistakes)) }
    }

    /// Whether the row equals the wanted subscription. A row that can't be read never does, so it is replaced.
    fn is_same(&self, row: &Model, wanted: &Subscription) -> bool {
        row::read(row.clone(), self.key.as_ref())
            .is_ok_and(|present| present.owner == wanted.owner && present.spec == wanted.spec)
    }

    pub(super) async fn carry_out(&self, write: &mut Write, plan: Plan) -> Result<Configured, Error> {
        let counts = plan.counts();
        for id in plan.remove {
            write.next_row().await?;
            write.delete(id).await?;
        }
        // Two entries may have swapped their identities. Clearing them first avoids a constraint violation.
        let ids: Vec<Uuid> = plan.change.iter().map(|(_, row)| row.id).collect();
        for ids in ids.chunks(IDS_PER_QUERY) {
            let cleared = Entity::update_many().col_expr(Column::Identity, Expr::value(None::<String>));
            cleared.filter(Column::Id.is_in(ids.iter().copied())).exec(&write.transaction).await?;
        }
        for (wanted, row) in plan.change {
            write.next_row().await?;
            let created_at = Timestamp::from_millis(row.created_at);
            // `matches_version` stays only if the present row already matched the same events. A later version keeps
            // the subscription from receiving events from before it matched.
            let present = row::with_unsealed(row.clone(), None, ExtraHeaders::default());
            let heard = present.ok().filter(|present| {
                let same = present.spec.pattern == wanted.spec.pattern && present.spec.filter == wanted.spec.filter;
                same && present.is_matched_by_name()
            });
            let changed = Subscription {
                created_at,
                paused_at: row.paused_at.map(Timestamp::from_millis),
                created_version: row.created_version,
                version: write.version,
                matches_version: heard.map_or(write.version, |present| present.matches_version),
                ..wanted
            };
            let changed = self.confirming(write, changed, Some(&row)).await?;
            write.update(self.row(&changed)?).await?;
            if changed.confirmation.is_some() || row.confirmation.is_some() {
                self.ask(&write.transaction, &changed).await?;
            }
        }
        for (wanted, is_there) in plan.add {
            write.next_row().await?;
            let added = Subscription {
                created_version: write.version,
                version: write.version,
                matches_version: write.version,
                ..wanted
            };
            let added = self.confirming(write, added, None).await?;
            let row = self.row(&added)?;
            if is_there {
                write.update(row).await?;
            } else {
                write.insert(row).await?;
            }
            if added.confirmation.is_some() {
                self.ask(&write.transaction, &added).await?;
            }
        }
        Ok(counts)
    }
}

/// The error for subscriptions of a source that can't be used.
pub(super) fn wrong(source: &str, mistakes: Vec<String>) -> Error {
    InvalidConfiguration { source: source.to_owned(), mistakes }.into()
}
