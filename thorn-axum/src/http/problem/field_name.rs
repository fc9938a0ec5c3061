//! The names of a subscription's fields in the REST API.

use thorn_core::subscription::Field;

use super::NON_FIELD_ERRORS;

/// The key of `errors` for a field.
pub(crate) const fn field_name(field: Field) -> &'static str {
    match field {
        Field::Pattern => "event",
        Field::Filter => "filter",
        Field::Url => "url",
        Field::Secret => "hmac_secret",
        Field::Digest => "hmac_digest",
        Field::Signer => "hmac_signer",
        Field::ContentType => "content_type",
        Field::Headers => "headers",
        Field::Owner => "user",
        Field::Source => "source",
        _ => NON_FIELD_ERRORS,
    }
}
