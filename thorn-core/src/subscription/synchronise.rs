//! Synchronises the table with the configured subscriptions.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, prelude::Uuid};

use super::{
    configured::{Configured, ConfiguredSubscription, name_in_file, place},
    entry::Subscription,
    plan::{Plan, rows_of, wrong},
    store::Subscriptions,
    write::Write,
};
use crate::{
    error::Error,
    spec::{FieldError, UrlScrutiny, derived, is_of_webhook, normal_url},
    tables::subscription::{Column, Entity, Model},
};

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
        if is_of_webhook(source) {
            mistakes.push("names that begin with `webhook:` belong to the webhooks of the Hooks app".to_owned());
        } else if self.fields().source(Some(source)).is_none() || source.is_empty() {
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
        let mut fields = self.fields_of_operator();
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
        let ids = wanted.iter().map(|one| one.id.as_uuid()).filter(|id| !rows.contains_key(id));
        let others = rows_of(db, ids.collect()).await?;
        rows.extend(others);
        self.compare(source, wanted, &rows)
    }

    /// Makes the plan again and carries it out. Another process may have written since the first plan.
    async fn bring(&self, write: &mut Write, source: &str, wanted: Vec<Subscription>) -> Result<Configured, Error> {
        let plan = self.plan(&write.transaction, source, wanted).await?;
        self.carry_out(write, plan).await
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
