//! The facts about a response besides its body. They travel as headers of the event that has the response.

use crate::{headers::ExtraHeaders, id::DeliveryId};

const STATUS: &str = "Thorn-Response-Status";
const TO: &str = "Thorn-Response-To";
const TRUNCATED: &str = "Thorn-Response-Truncated";

/// The head of a response to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// The delivery that was answered.
    pub(crate) delivery: DeliveryId,
    /// Whether the body was longer than what is kept of it.
    pub(crate) is_truncated: bool,
}

impl ResponseHead {
    /// The headers, by name and value.
    pub(crate) fn headers(self) -> Vec<(&'static str, String)> {
        let mut headers = vec![(STATUS, self.status.to_string()), (TO, self.delivery.to_string())];
        if self.is_truncated {
            headers.push((TRUNCATED, "true".to_owned()));
        }
        headers
    }

    /// The head that these headers tell.
    pub(crate) fn of(headers: &ExtraHeaders) -> Option<Self> {
        let value = |wanted| headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        Some(Self {
            status: value(STATUS)?.parse().ok()?,
            delivery: value(TO)?.parse().ok()?,
            is_truncated: value(TRUNCATED).is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EventId, SubscriptionId};

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let delivery = DeliveryId::derive(EventId::generate(), SubscriptionId::generate());
        for is_truncated in [false, true] {
            let head = ResponseHead { status: 503, delivery, is_truncated };
            let headers: ExtraHeaders = head.headers().into_iter().collect();
            headers.check().unwrap();
            assert_eq!(ResponseHead::of(&headers), Some(head));
        }
        assert_eq!(ResponseHead::of(&ExtraHeaders::default()), None);
    }
}
