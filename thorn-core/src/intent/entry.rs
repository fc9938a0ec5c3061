//! One intent, and its row.

use sea_orm::{ActiveValue::Set, DbErr, prelude::Uuid};

use crate::{
    error::Error,
    id::SubscriptionId,
    signing::{Digest, SealedColumn, SealedPlace, Secret, SecretError, SecretKey, seal, unseal},
    spec::{Dialect, derived, normal_host},
    tables::intent::{ActiveModel, Model},
    timestamp::Timestamp,
};

/// The id of the hub's subscription with this topic and this callback. There is only one.
///
/// The topic is in its normal spelling. The callback counts as it was given: two spellings are two subscriptions.
pub(crate) fn of_hub(topic: &str, callback: &str) -> SubscriptionId {
    derived("hub", &[topic, callback])
}

/// The effect of an intent once its callback has confirmed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntentMode {
    /// A subscription.
    Subscribe,
    /// The end of one.
    Unsubscribe,
    /// A new lease of one that nobody has asked for. Only `PubSubHubbub` has this.
    Renew,
    /// Nothing: the callback is told that the hub has ended its subscription.
    Denied,
    /// The confirmation of an owner's endpoint, which sends a challenge back.
    Challenge,
    /// The same by the handshake of CloudEvents.
    Options,
}

impl IntentMode {
    const ALL: [Self; 6] =
        [Self::Subscribe, Self::Unsubscribe, Self::Renew, Self::Denied, Self::Challenge, Self::Options];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Renew => "renew",
            Self::Denied => "denied",
            Self::Challenge => "challenge",
            Self::Options => "options",
        }
    }

    /// The value of `hub.mode` in the request to the callback.
    pub(crate) const fn in_request(self) -> &'static str {
        match self {
            Self::Renew => Self::Subscribe.as_str(),
            other => other.as_str(),
        }
    }
}

/// A subscription that the hub has ended, and why.
#[derive(Clone, Copy)]
pub(crate) struct Ended<'a> {
    pub(crate) dialect: Dialect,
    /// The URL of the topic as the subscriber gave it.
    pub(crate) topic: &'a str,
    pub(crate) callback: &'a str,
    pub(crate) reason: &'a str,
}

/// A request that its callback hasn't confirmed yet.
///
/// `Debug` shows neither the callback nor the secret nor the token.
#[derive(Clone)]
pub(crate) struct Intent {
    /// A repeated request has another one, so that an answer to the request before counts for nothing.
    pub(crate) id: Uuid,
    pub(crate) subscription: SubscriptionId,
    pub(crate) mode: IntentMode,
    pub(crate) dialect: Dialect,
    /// The topic as it was given. For the question to an owner's endpoint: the owner.
    pub(crate) topic: String,
    pub(crate) callback: String,
    pub(crate) host: String,
    pub(crate) address: String,
    pub(crate) digest: Digest,
    pub(crate) secret: Option<Secret>,
    /// The seconds of the lease.
    pub(crate) lease: i64,
    /// The text that the callback gets back.
    pub(crate) verify_token: Option<Secret>,
    pub(crate) reason: Option<String>,
    /// How often the callback was asked.
    pub(crate) attempts: i32,
    pub(crate) created_at: Timestamp,
    /// When the callback is asked next.
    pub(crate) due: Timestamp,
}

impl std::fmt::Debug for Intent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intent")
            .field("subscription", &self.subscription)
            .field("mode", &self.mode)
            .field("host", &self.host)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl Intent {
    /// Tells a callback that the hub has ended its subscription.
    pub(crate) fn denial(subscription: SubscriptionId, about: Ended<'_>, now: Timestamp) -> Self {
        Self {
            dialect: about.dialect,
            reason: Some(about.reason.to_owned()),
            ..Self::new(IntentMode::Denied, subscription, about.topic, about.callback, now)
        }
    }

    /// Asks an owner's endpoint whether it wants the deliveries of a subscription.
    pub(crate) fn question(
        mode: IntentMode,
        subscription: SubscriptionId,
        owner: &str,
        url: &str,
        now: Timestamp,
    ) -> Self {
        Self::new(mode, subscription, owner, url, now)
    }

    /// An intent without a secret, due now.
    fn new(mode: IntentMode, subscription: SubscriptionId, topic: &str, callback: &str, now: Timestamp) -> Self {
        Self {
            id: Uuid::now_v7(),
            subscription,
            mode,
            dialect: Dialect::default(),
            topic: topic.to_owned(),
            callback: callback.to_owned(),
            host: normal_host(callback),
            address: String::new(),
            digest: Digest::default(),
            secret: None,
            lease: 0,
            verify_token: None,
            reason: None,
            attempts: 0,
            created_at: now,
            due: now,
        }
    }

    /// The owner of the subscription, if the intent asks an owner's endpoint.
    pub(crate) fn owner(&self) -> Option<&str> {
        matches!(self.mode, IntentMode::Challenge | IntentMode::Options).then_some(&*self.topic)
    }

    /// Reads a row. Fails if the secret or the token can't be decrypted, or if another program wrote invalid values.
    pub(super) fn read(row: Model, key: Option<&SecretKey>) -> Result<Self, Error> {
        let unreadable = |what: &str| DbErr::Type(format!("row {} of thorn_intent has an unknown {what}", row.id));
        let subscription = SubscriptionId::from_uuid(row.subscription_id);
        let unsealed = |text: &str, column| {
            let place = place(column, subscription, &row.callback);
            Ok::<_, SecretError>(Secret::new(unseal(text, place, key)?))
        };
        let secret = match row.secret.is_empty() {
            true => None,
            false => Some(unsealed(&row.secret, SealedColumn::Secret)?),
        };
        let token = row.verify_token.as_deref();
        let verify_token = token.map(|token| unsealed(token, SealedColumn::VerifyToken)).transpose()?;
        let mode = IntentMode::ALL.into_iter().find(|mode| mode.as_str() == row.mode);
        Ok(Self {
            id: row.id,
            subscription,
            mode: mode.ok_or_else(|| unreadable("mode"))?,
            dialect: row.dialect.parse().map_err(|_| unreadable("dialect"))?,
            digest: row.digest.parse().map_err(|_| unreadable("digest"))?,
            topic: row.topic,
            callback: row.callback,
            host: row.host,
            address: row.address,
            secret,
            lease: row.lease,
            verify_token,
            reason: row.reason,
            attempts: row.attempts,
            created_at: Timestamp::from_millis(row.created_at),
            due: Timestamp::from_millis(row.due),
        })
    }

    /// The row, with the secret and the token encrypted as in the subscription's row.
    pub(super) fn write(&self, key: Option<&SecretKey>) -> Result<ActiveModel, SecretError> {
        let sealed = |text: &Secret, column| seal(text.expose(), place(column, self.subscription, &self.callback), key);
        let secret = match &self.secret {
            Some(secret) => sealed(secret, SealedColumn::Secret)?,
            None => String::new(),
        };
        let verify_token =
            self.verify_token.as_ref().map(|token| sealed(token, SealedColumn::VerifyToken)).transpose()?;
        Ok(ActiveModel {
            id: Set(self.id),
            subscription_id: Set(self.subscription.as_uuid()),
            mode: Set(self.mode.as_str().to_owned()),
            dialect: Set(self.dialect.as_str().to_owned()),
            topic: Set(self.topic.clone()),
            callback: Set(self.callback.clone()),
            host: Set(self.host.clone()),
            address: Set(self.address.clone()),
            digest: Set(self.digest.as_str().to_owned()),
            secret: Set(secret),
            lease: Set(self.lease),
            verify_token: Set(verify_token),
            reason: Set(self.reason.clone()),
            attempts: Set(self.attempts),
            created_at: Set(self.created_at.as_millis()),
            due: Set(self.due.as_millis()),
        })
    }
}

/// Where an encrypted text belongs: to the subscription that it becomes a part of. The hub's subscriptions have no owner.
const fn place(column: SealedColumn, id: SubscriptionId, callback: &str) -> SealedPlace<'_> {
    SealedPlace { column, id, owner: None, url: callback }
}
