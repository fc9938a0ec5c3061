//! The parts of a subscription, and the rules that check them.

mod content_type;
mod destination;
mod field;
mod draft;
mod fields;
mod invalid;
mod invalid_configuration;
mod subscriber;
mod url_check;
mod url_form;

pub use content_type::{ContentType, ParseContentTypeError};
pub use destination::Destination;
pub(crate) use draft::{SpecChange, SpecDraft, SubscriptionSpec, UrlScrutiny};
pub use field::Field;
pub(crate) use fields::Fields;
pub use invalid::{FieldError, FieldErrorKind, InvalidSubscription};
pub use invalid_configuration::InvalidConfiguration;
pub use subscriber::Subscriber;
pub(crate) use subscriber::derived;
pub use url_check::UrlCheck;
