//! Conversion between subscriptions and rows of `thorn_subscription`.

use std::{fmt, sync::Arc};

use sea_orm::{
    ActiveValue::{NotSet, Set},
    DbErr,
};

use super::{
    confirmation::Confirmation,
    entry::{Disabled, Hold, HoldCause, Lease, Subscription, Warning},
};
use crate::{
    attempt::HoldReason,
    error::Error,
    filter::Q,
    headers::ExtraHeaders,
    id::{SubscriptionId, TopicId},
    pattern::Pattern,
    signing::{SealedColumn, SealedPlace, Secret, SecretError, SecretKey, Signing, seal, unseal},
    spec::{Destination, Identity, MaxInFlight, SubscriptionSpec},
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
    let text = unseal(&row.secret, place(row, SealedColumn::Secret), key)?;
    Ok(Some(Secret::new(text)))
}

pub(super) fn headers(row: &Model, key: Option<&SecretKey>) -> Result<ExtraHeaders, Error> {
    let Some(stored) = &row.headers else { return Ok(ExtraHeaders::default()) };
    let id = SubscriptionId::from_uuid(row.id);
    let text = unseal(stored, place(row, SealedColumn::Headers), key)?;
    // The error omits serde's message, because it may quote a header's value.
    serde_json::from_str(&text).map_err(|_| unreadable(id, &"its headers are no list of names and values").into())
}

/// Reads the token of a hub's subscriber.
pub(super) fn verify_token(row: &Model, key: Option<&SecretKey>) -> Result<Option<Secret>, SecretError> {
    let place = place(row, SealedColumn::VerifyToken);
    row.verify_token.as_deref().map(|stored| unseal(stored, place, key).map(Secret::new)).transpose()
}

/// The token of a hub's subscriber for the subscription's row. With a `key`, it is encrypted.
pub(super) fn sealed_token(
    Subscription { id, owner, spec, .. }: &Subscription,
    token: &Secret,
    key: Option<&SecretKey>,
) -> Result<String, SecretError> {
    let (owner, url) = (owner.as_deref(), &*spec.destination.url);
    seal(token.expose(), SealedPlace { column: SealedColumn::VerifyToken, id: *id, owner, url }, key)
}

/// Where an encrypted text of this row belongs.
fn place(row: &Model, column: SealedColumn) -> SealedPlace<'_> {
    SealedPlace { column, id: SubscriptionId::from_uuid(row.id), owner: row.owner.as_deref(), url: &row.url }
}

/// The encrypted texts of a row.
pub(super) struct Sealed {
    pub(super) secret: String,
    pub(super) headers: Option<String>,
    pub(super) verify_token: Option<String>,
}

/// The texts of a row, encrypted anew with the first key and for the row's owner and URL.
pub(super) fn sealed_anew(row: &Model, key: &SecretKey) -> Result<Sealed, SecretError> {
    let anew = |stored: &str, column| {
        let place = place(row, column);
        seal(&unseal(stored, place, Some(key))?, place, Some(key))
    };
    let secret = if row.secret.is_empty() { String::new() } else { anew(&row.secret, SealedColumn::Secret)? };
    let headers = row.headers.as_ref().map(|headers| anew(headers, SealedColumn::Headers)).transpose()?;
    let verify_token = row.verify_token.as_ref().map(|token| anew(token, SealedColumn::VerifyToken)).transpose()?;
    Ok(Sealed { secret, headers, verify_token })
}

/// Reads a row, but takes `secret` and `headers` instead of the row's own.
pub(super) fn with_unsealed(row: Model, secret: Option<Secret>, headers: ExtraHeaders) -> Result<Subscription, Error> {
    let (id, held, lease) = (SubscriptionId::from_uuid(row.id), hold(&row), lease(&row));
    Ok(Subscription {
        id,
        spec: SubscriptionSpec {
            pattern: Pattern::parse(&row.pattern).map_err(|error| unreadable(id, &error))?,
            filter: match &row.filter {
                Some(text) => Some(Q::of_stored(text).map_err(|error| unreadable(id, &error))?),
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
            max_in_flight: match row.max_in_flight {
                Some(number) => Some(
                    MaxInFlight::from_number(number.into())
                        .ok_or_else(|| unreadable(id, &format!("{number} isn't a number of requests at once")))?,
                ),
                None => None,
            },
            rate: row.rate.map(|text| text.parse()).transpose().map_err(|error| unreadable(id, &error))?,
            dialect: row.dialect.parse().map_err(|error| unreadable(id, &error))?,
        },
        source: row.source,
        disabled: row.disabled_at.map(|at| {
            let reason = row.disabled_reason.unwrap_or_default();
            Box::new(Disabled { at: Timestamp::from_millis(at), reason })
        }),
        failing_since: row.failing_since.map(Timestamp::from_millis),
        warned: Warning::from_number(row.warned),
        paused_at: row.paused_at.map(Timestamp::from_millis),
        held,
        lease,
        confirmation: match &row.confirmation {
            Some(text) => {
                let read = Confirmation::of_stored(text);
                Some(read.ok_or_else(|| unreadable(id, &format!("`{text}` is no confirmation")))?)
            }
            None => None,
        },
        owner: row.owner,
        created_at: Timestamp::from_millis(row.created_at),
        updated_at: Timestamp::from_millis(row.updated_at),
        created_version: row.created_version,
        version: row.version,
        matches_version: row.hears_version,
    })
}

/// The hold of a row's subscription.
pub(super) fn hold(row: &Model) -> Option<Box<Hold>> {
    Some(Box::new(Hold {
        until: Timestamp::from_millis(row.held_until?),
        step: row.held_step.try_into().unwrap_or(0),
        probed_until: row.probed_until.map(Timestamp::from_millis),
        cause: hold_cause(row).map(Arc::new),
    }))
}

/// Why and since when. `None` for a hold that an earlier release has begun.
fn hold_cause(row: &Model) -> Option<HoldCause> {
    Some(HoldCause {
        since: Timestamp::from_millis(row.held_since?),
        reason: HoldReason::of_stored(row.held_reason.as_deref()?)?,
        status: row.held_status.and_then(|status| status.try_into().ok()),
        error: row.held_error.clone(),
    })
}

/// The topic and the lease of a row's subscription. A subscription of a topic without an end would have ended.
fn lease(row: &Model) -> Option<Box<Lease>> {
    Some(Box::new(Lease {
        topic: TopicId::from_uuid(row.topic_id?),
        topic_given: row.topic_given.clone().unwrap_or_default(),
        expires_at: Timestamp::from_millis(row.expires_at.unwrap_or_default()),
        renew_at: row.renew_at.map(Timestamp::from_millis),
    }))
}

/// The row of a subscription. With a `key`, the secret and the headers are encrypted. The token of a hub's subscriber stays
/// as it is.
pub(super) fn write(subscription: &Subscription, key: Option<&SecretKey>) -> Result<ActiveModel, SecretError> {
    let disabled = subscription.disabled.as_ref();
    let Destination { url, signing, content_type, headers } = &subscription.spec.destination;
    let sealed = |text: &str, column| {
        let owner = subscription.owner.as_deref();
        seal(text, SealedPlace { column, id: subscription.id, owner, url }, key)
    };
    let secret = match &signing.secret {
        Some(secret) => sealed(secret.expose(), SealedColumn::Secret)?,
        None => String::new(),
    };
    let headers = match headers.is_empty() {
        true => None,
        false => Some(sealed(&json(headers), SealedColumn::Headers)?),
    };
    let identity = identity(subscription);
    let lease = subscription.lease.as_ref();
    let held = subscription.held.as_ref();
    let cause = held.and_then(|hold| hold.cause.as_deref());
    Ok(ActiveModel {
        id: Set(subscription.id.as_uuid()),
        owner: Set(subscription.owner.clone()),
        pattern: Set(subscription.spec.pattern.as_str().to_owned()),
        url: Set(url.clone()),
        secret: Set(secret),
        digest: Set(signing.digest.as_str().to_owned()),
        content_type: Set(content_type.as_str().to_owned()),
        headers: Set(headers),
        signer: Set(signing.signer.as_str().to_owned()),
        rate: Set(subscription.spec.rate.map(|rate| rate.to_string())),
        max_in_flight: Set(subscription.spec.max_in_flight.map(MaxInFlight::number)),
        source: Set(subscription.source.clone()),
        disabled_at: Set(disabled.map(|disabled| disabled.at.as_millis())),
        disabled_reason: Set(disabled.map(|disabled| disabled.reason.clone())),
        failing_since: Set(subscription.failing_since.map(Timestamp::as_millis)),
        warned: Set(subscription.warned.map_or(0, Warning::number)),
        paused_at: Set(subscription.paused_at.map(Timestamp::as_millis)),
        held_until: Set(held.map(|hold| hold.until.as_millis())),
        held_step: Set(held.map_or(0, |hold| hold.step.try_into().unwrap_or(i32::MAX))),
        probed_until: Set(held.and_then(|hold| hold.probed_until).map(Timestamp::as_millis)),
        held_since: Set(cause.map(|cause| cause.since.as_millis())),
        held_reason: Set(cause.map(|cause| cause.reason.as_str().to_owned())),
        held_status: Set(cause.and_then(|cause| cause.status).map(i32::from)),
        held_error: Set(cause.and_then(|cause| cause.error.clone())),
        // The id of a hub's subscription says whether there is another one.
        identity: Set(lease.is_none().then(|| identity.hash())),
        created_at: Set(subscription.created_at.as_millis()),
        updated_at: Set(subscription.updated_at.as_millis()),
        deleted_at: Set(None),
        created_version: Set(subscription.created_version),
        version: Set(subscription.version),
        filter: Set(subscription.spec.filter.as_ref().map(ToString::to_string)),
        hears_version: Set(subscription.matches_version),
        counted_host: Set(identity.counted_host()),
        dialect: Set(subscription.spec.dialect.as_str().to_owned()),
        topic_id: Set(lease.map(|lease| lease.topic.as_uuid())),
        topic_given: Set(lease.map(|lease| lease.topic_given.clone())),
        expires_at: Set(lease.map(|lease| lease.expires_at.as_millis())),
        renew_at: Set(lease.and_then(|lease| lease.renew_at).map(Timestamp::as_millis)),
        verify_token: NotSet,
        confirmation: Set(subscription.confirmation.map(Confirmation::stored)),
    })
}

fn json(headers: &ExtraHeaders) -> String {
    // Serializing pairs of strings can't fail.
    serde_json::to_string(headers).unwrap_or_default()
}

/// The values that make the subscription unique.
pub(super) fn identity(subscription: &Subscription) -> Identity<'_> {
    let SubscriptionSpec { pattern, filter, destination, .. } = &subscription.spec;
    Identity {
        owner: subscription.owner.as_deref(),
        url: &destination.url,
        pattern: pattern.as_str(),
        filter: filter.as_ref().map(|filter| filter.to_string().into()),
        source: subscription.source.as_deref(),
    }
}

fn unreadable(id: SubscriptionId, error: &dyn fmt::Display) -> DbErr {
    DbErr::Type(format!("row {id} of thorn_subscription is unreadable: {error}"))
}
