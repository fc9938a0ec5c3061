//! A change of a subscription whose fields were checked.

use super::change::SubscriptionChange;
use crate::{
    filter::Q,
    headers::ExtraHeaders,
    pattern::Pattern,
    signing::{Digest, Secret, Signer},
    spec::{ContentType, Fields, InvalidSubscription},
};

/// A change whose every field is right.
pub(super) struct CheckedChange {
    pub(super) pattern: Option<Pattern>,
    /// `Some(None)` takes it away.
    pub(super) filter: Option<Option<Q>>,
    pub(super) url: Option<String>,
    /// `Some(None)` takes it away.
    pub(super) secret: Option<Option<Secret>>,
    pub(super) digest: Option<Digest>,
    pub(super) signer: Option<Signer>,
    pub(super) content_type: Option<ContentType>,
    pub(super) headers: Option<ExtraHeaders>,
    pub(super) enabled: Option<bool>,
}

/// Checks every field that is to be changed.
pub(super) async fn check_change(
    mut fields: Fields<'_>,
    change: &SubscriptionChange,
    present_url: &str,
) -> Result<CheckedChange, InvalidSubscription> {
    let url = match change.url.as_deref() {
        // It was checked when it was set, and is again whenever it is used. A name that doesn't
        // resolve just now is no reason to refuse a change of something else.
        Some(url) if url == present_url => None,
        Some(url) => fields.url(url).await,
        None => None,
    };
    let checked = CheckedChange {
        pattern: change.pattern.as_deref().and_then(|text| fields.pattern(text)),
        filter: change.filter.as_ref().and_then(|json| fields.filter(json)),
        url,
        secret: match (&change.secret, change.unsigned) {
            (None, false) => None,
            (None, true) => Some(None),
            (Some(text), unsigned) => fields.signed_or_not(text, unsigned).map(Some),
        },
        digest: change.digest.as_deref().and_then(|text| fields.digest(text)),
        signer: change.signer.as_deref().and_then(|text| fields.signer(text)),
        content_type: change.content_type.as_deref().and_then(|text| fields.content_type(text)),
        headers: change.headers.as_ref().and_then(|headers| fields.headers(headers)),
        enabled: change.enabled,
    };
    if fields.is_right() { Ok(checked) } else { Err(fields.refusal()) }
}
