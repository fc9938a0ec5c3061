//! The parts of a subscription, and the rules that check them.

mod content_type;
mod destination;
mod dialect;
mod field;
mod json;
mod max_in_flight;
mod rate;
mod draft;
mod fields;
mod host;
mod identity;
mod invalid;
mod invalid_configuration;
mod quota;
mod subscriber;
mod url_check;
mod url_form;

pub use content_type::{ContentType, ParseContentTypeError};
pub use destination::Destination;
pub use dialect::{Dialect, ParseDialectError};
pub(crate) use draft::{SpecChange, spec_setters};
pub use draft::{SpecDraft, SubscriptionSpec};
pub use field::Field;
pub(crate) use fields::Fields;
pub(crate) use host::normal_host;
pub(crate) use identity::{Identity, normal_url};
pub use invalid::{FieldError, FieldErrorKind, InvalidSubscription};
pub use invalid_configuration::InvalidConfiguration;
pub use json::WrongType;
pub use max_in_flight::MaxInFlight;
pub use quota::{Quota, QuotaExceeded, Quotas};
pub use rate::{ParseRateError, Period, Rate};
pub use subscriber::Subscriber;
pub(crate) use subscriber::derived;
pub use url_check::UrlCheck;
pub(crate) use url_check::UrlScrutiny;
