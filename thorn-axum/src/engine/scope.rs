//! The scope that each resource asks for, as types.

use thorn_core::api_key::{Scope, Scopes};

/// A scope that [`Authorized`](super::authorized::Authorized) asks for.
pub(super) trait Required {
    /// The scope's name, for the answer to callers without it.
    const NAME: &str;

    /// Whether a key with these scopes may use the resource.
    fn is_in(scopes: &Scopes) -> bool;
}

macro_rules! required {
    ($($name:ident: $text:literal),* $(,)?) => {$(
        #[doc = concat!("The scope `", $text, "`.")]
        pub(super) struct $name;

        impl Required for $name {
            const NAME: &str = $text;

            fn is_in(scopes: &Scopes) -> bool {
                scopes.contains(&Scope::$name)
            }
        }
    )*};
}

/// The scope `stream`, or `stream:PATTERN` for some of the events.
pub(super) struct Stream;

impl Required for Stream {
    const NAME: &str = "stream";

    fn is_in(scopes: &Scopes) -> bool {
        scopes.iter().any(|scope| matches!(scope, Scope::Stream | Scope::StreamOf(_)))
    }
}

required! {
    Dispatch: "dispatch",
    Publish: "publish",
    Hooks: "hooks",
    Read: "read",
    Resend: "resend",
    HubPublish: "hub.publish",
    Admin: "admin",
}
