//! Names of configurations that thorn keeps for itself.

/// The beginning of the source of a webhook's subscriptions, before the webhook's id.
const WEBHOOK: &str = "webhook:";

/// The source of the subscriptions of a webhook of the Hooks app.
pub(crate) fn source_of_webhook(id: i64) -> String {
    format!("{WEBHOOK}{id}")
}

/// Whether the source belongs to the webhooks of the Hooks app.
pub(crate) fn is_of_webhook(source: &str) -> bool {
    source.starts_with(WEBHOOK)
}
