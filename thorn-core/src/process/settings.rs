//! How events are rendered in this process.

use crate::dispatch::Dispatch;

/// Default size limit of a rendered event: 256 KiB.
const DEFAULT_MAX_EVENT_BYTES: usize = 256 * 1024;

/// Default size limit of a raw body: 1 MiB.
const DEFAULT_MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// The response to a generic save outside a transaction, where the row and its event would be two commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AutocommitPolicy {
    /// The save is refused (the default).
    #[default]
    Deny,
    /// The save goes on, with a warning in the log.
    Warn,
    /// The save goes on.
    Allow,
}

/// How events are rendered in this process. The builder of `Thorn` sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventSettings {
    /// Prefix of an event's reference if that is a path, for example `https://blog.example`.
    pub(crate) base_url: Option<String>,
    /// Largest size of a rendered event in bytes. Default [`DEFAULT_MAX_EVENT_BYTES`].
    pub(crate) max_event_bytes: usize,
    /// Largest size of a raw body in bytes. Default [`DEFAULT_MAX_PAYLOAD_BYTES`].
    pub(crate) max_payload_bytes: usize,
    /// The policy for saves outside a transaction.
    pub(crate) autocommit: AutocommitPolicy,
    /// The dispatch of events that don't set one.
    pub(crate) dispatch: Dispatch,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self {
            base_url: None,
            max_event_bytes: DEFAULT_MAX_EVENT_BYTES,
            max_payload_bytes: DEFAULT_MAX_PAYLOAD_BYTES,
            autocommit: AutocommitPolicy::default(),
            dispatch: Dispatch::default(),
        }
    }
}

impl EventSettings {
    /// The reference as receivers see it.
    pub(crate) fn absolute(&self, reference: String) -> String {
        match &self.base_url {
            Some(base) if reference.starts_with('/') => format!("{}{reference}", base.trim_end_matches('/')),
            _ => reference,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_019_a_path_is_joined_to_the_base_url() {
        let settings = EventSettings { base_url: Some("https://blog.example/".into()), ..EventSettings::default() };
        assert_eq!(settings.absolute("/articles/1/".into()), "https://blog.example/articles/1/");
        assert_eq!(settings.absolute("urn:x:1".into()), "urn:x:1");
        assert_eq!(EventSettings::default().absolute("/a".into()), "/a");
    }
}
