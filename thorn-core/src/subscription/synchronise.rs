//! Synchronises the table with the configured subscriptions.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, prelude::Uuid, sea_query::Expr};

use super::{
    configured::{Configured, ConfiguredSubscription, name_in_file, place},
    entry::Subscription,
    row,
    store::Subscriptions,
    write::Write,
};
use crate::{
    error::Error,
    headers::ExtraHeaders,
    id::SubscriptionId,
    spec::{FieldError, InvalidConfiguration, UrlScrutiny, derived, normal_url},
    tables::subscription::{Column, Entity, Model},
    timestamp::Timestamp,
};

/// The maximum number of ids in one `IN (…)`.
const IDS_PER_QUERY: usize = 500;

/// The changes that make the table equal to the configuration.
#[derive(Default)]
struct Plan {
    /// Subscriptions to add. The flag is `true` if a deleted row with the id exists.
    add: Vec<(Subscription, bool)>,
    /// Subscriptions that differ from their rows.
    change: Vec<(Subscription, Model)>,
    remove: Vec<SubscriptionId>,
    unchanged: usize,
}

impl Subscriptions {
    /// Makes the table's subscriptions of this source equal to `list`.
    ///
    /// Subscriptions are inserted, changed or deleted as needed. An equal subscription isn't touched. A disabled
    /// subscription, for example after its receiver answered "410 Gone", stays disabled until `list` changes it or
    /// an operator enables it.
    ///
    /// Any number of processes may call this function at the same time. The function checks only the text of a URL.
    /// The resolved address is checked on each connection.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] with every mistake, in which case nothing is changed; [`Error::Option`] if the
    /// application keeps its subscriptions in a store of its own; [`Error::Secret`] if a secret or headers can't be
    /// encrypted; [`Error::Database`].
    pub async fn configure(
        &self,
        source: &str,
        list: impl IntoIterator<Item = ConfiguredSubscription>,
    ) -> Result<Configured, Error> {
        if self.store.is_some() {
            let reason = "the application keeps its subscriptions in a store of its own; configure them there";
            return Err(Error::option("configured subscriptions", reason));
        }
        let list: Vec<_> = list.into_iter().collect();
        let wanted = self.check_configured(source, &list).await?;
        let plan = self.plan(&self.db, source, wanted.clone()).await?;
        if plan.is_empty() {
            return Ok(plan.counts());
        }
        let mut write = Write::begin(&self.db).await?;
        let done = self.bring(&mut write, source, wanted).await;
        let counts = write.finish(done).await?;
        let Configured { added, changed, removed, .. } = counts;
        tracing::info!(source, added, changed, removed, "configured subscriptions");
        Ok(counts)
    }

    /// The subscriptions that `list` describes. Fails with every mistake if an entry is invalid.
    async fn check_configured(
        &self,
        source: &str,
        list: &[ConfiguredSubscription],
    ) -> Result<Vec<Subscription>, Error> {
        let mut mistakes = Vec::new();
        let mut wanted = Vec::with_capacity(list.len());
        let (mut ids, mut meanings) = (HashMap::new(), HashMap::new());
        if self.fields().source(Some(source)).is_none() || source.is_empty() {
            mistakes.push("the name of the configuration is empty or longer than 190 characters".to_owned());
        }
        for (index, entry) in list.iter().enumerate() {
            let place = place(index, entry.spec.pattern.as_deref().unwrap_or_default());
            let read = match self.check_one(source, entry).await {
                Ok(read) => read,
                Err(wrong) => {
                    mistakes.extend(wrong.into_iter().map(|wrong| format!("{place}: {wrong}")));
                    continue;
                }
            };
            let filter = read.spec.filter.as_ref().map(ToString::to_string);
            let url = entry.spec.url.as_deref().map(normal_url);
            let meaning = (entry.owner.as_deref(), &entry.spec.pattern, filter, url);
            if let Some(first) = meanings.insert(meaning, index + 1) {
                mistakes.push(format!("{place}: entry {first} has the same owner, event, filter and url"));
            } else if let Some(first) = ids.insert(read.id, index + 1) {
                mistakes.push(format!("{place}: entry {first} has the same id"));
            }
            wanted.push(read);
        }
        if mistakes.is_empty() { Ok(wanted) } else { Err(wrong(source, mistakes)) }
    }

    async fn check_one(&self, source: &str, entry: &ConfiguredSubscription) -> Result<Subscription, Vec<String>> {
        let mut fields = self.fields();
        let owner = fields.owner(entry.owner.as_deref());
        let spec = entry.spec.check_new(&mut fields, UrlScrutiny::TextOnly, self.signer).await;
        let (Some(owner), Some(spec), true) = (owner, spec, fields.is_valid()) else {
            let message = |error: FieldError| format!("{}: {}", name_in_file(error.field), error.message);
            return Err(fields.into_errors().errors.into_iter().map(message).collect());
        };
        let id = entry.id.unwrap_or_else(|| {
            let owned = entry.owner.as_ref().map_or("", |_| "owned");
            let owner = entry.owner.as_deref().unwrap_or_default();
            let filter = spec.filter.as_ref().map(ToString::to_string).unwrap_or_default();
            let url = normal_url(&spec.destination.url);
            derived("configured", &[source, owned, owner, spec.pattern.as_str(), &url, &filter])
        });
        Ok(Subscription::new(id, owner, Some(source.to_owned()), spec))
    }

    async fn plan<C: ConnectionTrait>(&self, db: &C, source: &str, wanted: Vec<Subscription>) -> Result<Plan, Error> {
        let mut rows: HashMap<Uuid, Model> = HashMap::new();
        for row in Entity::find().filter(Column::Source.eq(source)).all(db).await? {
            rows.insert(row.id, row);
        }
        let ids: Vec<Uuid> = wanted.iter().map(|one| one.id.as_uuid()).filter(|id| !rows.contains_key(id)).collect();
        for ids in ids.chunks(IDS_PER_QUERY) {
            for row in Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await? {
                rows.insert(row.id, row);
            }
        }
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

    /// Whether the row equals the configured subscription. A row that can't be read never does, so it is replaced.
    fn is_same(&self, row: &Model, wanted: &Subscription) -> bool {
        row::read(row.clone(), self.key.as_ref())
            .is_ok_and(|present| present.owner == wanted.owner && present.spec == wanted.spec)
    }

    /// Makes the plan again and carries it out. Another process may have written since the first plan.
    async fn bring(&self, write: &mut Write, source: &str, wanted: Vec<Subscription>) -> Result<Configured, Error> {
        let plan = self.plan(&write.transaction, source, wanted).await?;
        let counts = plan.counts();
        let mut is_first = true;
        for id in plan.remove {
            step(write, &mut is_first).await?;
            write.delete(id).await?;
        }
        // Two entries may have swapped their identities. Clearing them first avoids a constraint violation.
        let ids: Vec<Uuid> = plan.change.iter().map(|(_, row)| row.id).collect();
        for ids in ids.chunks(IDS_PER_QUERY) {
            let cleared = Entity::update_many().col_expr(Column::Identity, Expr::value(None::<String>));
            cleared.filter(Column::Id.is_in(ids.iter().copied())).exec(&write.transaction).await?;
        }
        for (wanted, row) in plan.change {
            step(write, &mut is_first).await?;
            let created_at = Timestamp::from_millis(row.created_at);
            // `matches_version` stays only if the present row already matched the same events. A later version keeps
            // the subscription from receiving events from before it matched.
            let present = row::with_unsealed(row.clone(), None, ExtraHeaders::default());
            let heard = present.ok().filter(|present| {
                let same = present.spec.pattern == wanted.spec.pattern && present.spec.filter == wanted.spec.filter;
                same && present.disabled.is_none()
            });
            let changed = Subscription {
                created_at,
                paused_at: row.paused_at.map(Timestamp::from_millis),
                created_version: row.created_version,
                version: write.version,
                matches_version: heard.map_or(write.version, |present| present.matches_version),
                ..wanted
            };
            write.update(self.row(&changed)?).await?;
        }
        for (wanted, is_there) in plan.add {
            step(write, &mut is_first).await?;
            let added = Subscription {
                created_version: write.version,
                version: write.version,
                matches_version: write.version,
                ..wanted
            };
            let row = self.row(&added)?;
            if is_there { write.update(row).await? } else { write.insert(row).await? }
        }
        Ok(counts)
    }
}

/// Takes a new version for each row but the first, whose version the transaction took when it began.
async fn step(write: &mut Write, is_first: &mut bool) -> Result<(), Error> {
    if !std::mem::take(is_first) {
        write.step().await?;
    }
    Ok(())
}

impl Plan {
    const fn is_empty(&self) -> bool {
        self.add.is_empty() && self.change.is_empty() && self.remove.is_empty()
    }

    const fn counts(&self) -> Configured {
        Configured {
            added: self.add.len(),
            changed: self.change.len(),
            removed: self.remove.len(),
            unchanged: self.unchanged,
        }
    }
}

fn wrong(source: &str, mistakes: Vec<String>) -> Error {
    InvalidConfiguration { source: source.to_owned(), mistakes }.into()
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
