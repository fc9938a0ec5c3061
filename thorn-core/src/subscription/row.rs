//! Conversion between subscriptions and rows of `thorn_subscription`.

use std::fmt;

use sea_orm::{ActiveValue::Set, DbErr};
use sha2::{Digest as _, Sha256};

use super::entry::{Disabled, Subscription};
use crate::{
    error::Error,
    filter::InvalidQ,
    headers::ExtraHeaders,
    id::SubscriptionId,
    pattern::Pattern,
    signing::{SealedColumn, Secret, SecretError, SecretKey, Signing, seal, unseal},
    spec::Destination,
    tables::subscription::{ActiveModel, Model},
    timestamp::Timestamp,
};

/// Reads a row. Fails if the secret or the headers can't be decrypted, or if another program wrote invalid values.
pub(super) fn read(row: Model, key: Option<&SecretKey>) -> Result<Subscription, Error> {
    let (secret, headers) = (secret(&row, key)?, headers(&row, key)?);
    with_unsealed(row, secret, headers)
}

/// Reads the secret. An empty column means that the subscription is unsigned.
pub(super) fn secret(row: &Model, key: Option<&SecretKey>) -> Result<Option<Secret>, Error> {
    if row.secret.is_empty() {
        return Ok(None);
    }
    let text = unseal(&row.secret, SealedColumn::Secret, SubscriptionId::from_uuid(row.id), key)?;
    Ok(Some(Secret::new(text)))
}

pub(super) fn headers(row: &Model, key: Option<&SecretKey>) -> Result<ExtraHeaders, Error> {
    let Some(stored) = &row.headers else { return Ok(ExtraHeaders::default()) };
    let id = SubscriptionId::from_uuid(row.id);
    let text = unseal(stored, SealedColumn::Headers, id, key)?;
    // The error omits serde's message, because it may quote a header's value.
    serde_json::from_str(&text).map_err(|_| unreadable(id, &"its headers are no list of names and values").into())
}

/// Reads a row, but takes `secret` and `headers` instead of the row's own.
pub(super) fn with_unsealed(row: Model, secret: Option<Secret>, headers: ExtraHeaders) -> Result<Subscription, Error> {
    let id = SubscriptionId::from_uuid(row.id);
    Ok(Subscription {
        id,
        pattern: Pattern::parse(&row.pattern).map_err(|error| unreadable(id, &error))?,
        filter: match &row.filter {
            Some(text) => Some(text.parse().map_err(|error: InvalidQ| unreadable(id, &error))?),
            None => None,
        },
        destination: Destination {
            url: row.url,
            signing: Signing {
                secret,
                digest: row.digest.parse().map_err(|error| unreadable(id, &error))?,
                signer: row.signer.parse().map_err(|error| unreadable(id, &error))?,
            },
            content_type: row.content_type.parse().map_err(|error| unreadable(id, &error))?,
            headers,
        },
        source: row.source,
        disabled: row
            .disabled_at
            .map(|at| Disabled { at: Timestamp::from_millis(at), reason: row.disabled_reason.unwrap_or_default() }),
        failing_since: row.failing_since.map(Timestamp::from_millis),
        owner: row.owner,
        created_at: Timestamp::from_millis(row.created_at),
        updated_at: Timestamp::from_millis(row.updated_at),
        created_version: row.created_version,
        version: row.version,
        matches_version: row.hears_version,
    })
}

/// The row of a subscription. With a `key`, the secret and the headers are encrypted.
pub(super) fn write(subscription: &Subscription, key: Option<&SecretKey>) -> Result<ActiveModel, SecretError> {
    let disabled = subscription.disabled.as_ref();
    let Destination { url, signing, content_type, headers } = &subscription.destination;
    let sealed = |text: &str, part| seal(text, part, subscription.id, key);
    let secret = match &signing.secret {
        Some(secret) => sealed(secret.expose(), SealedColumn::Secret)?,
        None => String::new(),
    };
    let headers = match headers.is_empty() {
        true => None,
        false => Some(sealed(&json(headers), SealedColumn::Headers)?),
    };
    Ok(ActiveModel {
        id: Set(subscription.id.as_uuid()),
        owner: Set(subscription.owner.clone()),
        pattern: Set(subscription.pattern.as_str().to_owned()),
        url: Set(url.clone()),
        secret: Set(secret),
        digest: Set(signing.digest.as_str().to_owned()),
        content_type: Set(content_type.as_str().to_owned()),
        headers: Set(headers),
        signer: Set(signing.signer.as_str().to_owned()),
        source: Set(subscription.source.clone()),
        disabled_at: Set(disabled.map(|disabled| disabled.at.as_millis())),
        disabled_reason: Set(disabled.map(|disabled| disabled.reason.clone())),
        failing_since: Set(subscription.failing_since.map(Timestamp::as_millis)),
        identity: Set(Some(identity(subscription))),
        created_at: Set(subscription.created_at.as_millis()),
        updated_at: Set(subscription.updated_at.as_millis()),
        deleted_at: Set(None),
        created_version: Set(subscription.created_version),
        version: Set(subscription.version),
        filter: Set(subscription.filter.as_ref().map(ToString::to_string)),
        hears_version: Set(subscription.matches_version),
    })
}

fn json(headers: &ExtraHeaders) -> String {
    // Serializing pairs of strings can't fail.
    serde_json::to_string(headers).unwrap_or_default()
}

/// A hash of every value that makes a subscription unique. Every database can index a hash of this length.
fn identity(subscription: &Subscription) -> String {
    let mut hash = Sha256::new();
    // Each part follows its length, so that two different lists of parts never give the same bytes.
    let filter = subscription.filter.as_ref().map(ToString::to_string);
    let parts =
        [subscription.owner.as_deref(), Some(&subscription.destination.url), Some(subscription.pattern.as_str())];
    // A configured subscription may equal a user's subscription, so the source is a part of the identity.
    let source = subscription.source.as_deref().map(|source| [None, Some(source)]);
    let more = filter.as_deref().map(Some).into_iter().chain(source.into_iter().flatten());
    for part in parts.into_iter().chain(more) {
        hash.update([u8::from(part.is_some())]);
        let part = part.unwrap_or_default();
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unreadable(id: SubscriptionId, error: &dyn fmt::Display) -> DbErr {
    DbErr::Type(format!("row {id} of thorn_subscription is unreadable: {error}"))
}
