//! The names of a subscription's fields in the REST API.

use thorn_core::subscription::Field;

use super::NON_FIELD_ERRORS;

/// The key of `errors` for a field.
pub(crate) const fn field_name(field: Field) -> &'static str {
    match field {
        Field::Pattern => "event",
        Field::Secret => "hmac_secret",
        Field::Digest => "hmac_digest",
        Field::Signer => "hmac_signer",
        Field::Owner => "user",
        Field::Several => NON_FIELD_ERRORS,
        other => other.as_str(),
    }
}
