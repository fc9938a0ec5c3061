//! Renders an event: checks it, and makes its body and its recipients.

use std::sync::Arc;

use serde::Serialize;

use super::Event;
use crate::{
    dispatch::Dispatch,
    error::Error,
    id::EventId,
    name::check_event_name,
    process::{self, EventSettings},
    rendered::{EventInfo, RawBody, RawHead, RenderedEvent, body},
    short_text::check_short_text,
    spec::Subscriber,
    timestamp::Timestamp,
};

impl Event {
    /// Renders the event with its data now, without writing it.
    ///
    /// # Errors
    ///
    /// [`Error::EventName`], [`Error::Payload`], [`Error::EventTooLarge`], [`Error::Header`],
    /// [`Error::RequestData`], [`Error::Target`], [`Error::Callback`] and [`Error::Option`]. An unknown dispatcher
    /// is an [`Error::Option`], too.
    pub fn render<P: Serialize + ?Sized>(mut self, payload: &P) -> Result<RenderedEvent, Error> {
        let settings = self.prepare()?;
        let extra = match self.request_data {
            Ok(ref extra) => extra.as_ref(),
            Err(reason) => return Err(Error::RequestData { event: self.name, reason }),
        };
        let (reference, previous) = (self.reference.as_deref(), self.previous.as_deref());
        let body = body(&self.name, reference, self.sender.as_ref(), payload, previous, extra)
            .map_err(|source| Error::Payload { event: self.name.clone(), source })?;
        if body.len() > settings.max_event_bytes {
            return Err(Error::EventTooLarge { event: self.name, size: body.len(), limit: settings.max_event_bytes });
        }
        self.finish(&settings, body, None)
    }

    /// Renders the event with these bytes as its body now, without writing it. See [`send_raw`](Self::send_raw).
    ///
    /// # Errors
    ///
    /// As [`render`](Self::render). [`Error::PayloadTooLarge`] if there are more bytes than `max_payload_bytes`.
    /// [`Error::Header`] if the media type can't be sent. [`Error::Option`] if the event has request data, which has no
    /// place in a raw body.
    pub fn render_raw(mut self, body: RawBody) -> Result<RenderedEvent, Error> {
        let settings = self.prepare()?;
        if !matches!(self.request_data, Ok(None)) {
            let reason = format!("a raw body has no place for it; leave it out of event `{}`", self.name);
            return Err(Error::option("request_data", reason));
        }
        body.check()?;
        let (size, limit) = (body.bytes.len(), settings.max_payload_bytes);
        if size > limit {
            return Err(Error::PayloadTooLarge { event: self.name, size, limit });
        }
        let sender = self.sender.as_ref().map(|sender| sender.label.clone());
        let head = body.head(self.reference.clone(), sender);
        self.options.raw = Some(Box::new(RawHead { topic: self.topic.take(), cloud: self.cloud.take(), ..head }));
        self.finish(&settings, String::new(), Some(body))
    }

    /// Checks everything but the body, and completes the reference.
    fn prepare(&mut self) -> Result<Arc<EventSettings>, Error> {
        check_event_name(&self.name)?;
        if let Some(sender) = &self.sender {
            check_short_text(&sender.id)
                .map_err(|error| Error::option("sender", format!("of event `{}`: {error}", self.name)))?;
        }
        self.options.check()?;
        let settings = process::settings();
        self.reference = self.reference.take().map(|path| settings.absolute(path));
        Ok(settings)
    }

    /// Finds the event's dispatch and its recipients.
    fn finish(self, settings: &EventSettings, body: String, raw: Option<RawBody>) -> Result<RenderedEvent, Error> {
        let dispatch = match self.dispatch {
            Some(dispatch) => dispatch,
            // A scope changes how events are dispatched. It doesn't enable a disabled dispatch.
            None if process::in_inline_scope() && settings.dispatch != Dispatch::Disabled => Dispatch::Inline,
            None => settings.dispatch.clone(),
        };
        if let Dispatch::Custom(name) = &dispatch {
            process::check_dispatcher(name)?;
        }
        let links = self.links;
        let context = self.subject.as_ref().filter(|_| process::has_callbacks()).map(|row| row.context(links));
        let info = EventInfo {
            name: &self.name,
            reference: self.reference.as_deref(),
            sender: self.sender.as_ref(),
            context: context.as_ref(),
            body: &body,
            raw: raw.as_ref(),
        };
        let recipients = match &dispatch {
            Dispatch::Disabled => Vec::new(),
            Dispatch::Custom(name) if !self.recipients.is_empty() => {
                let reason =
                    format!("the dispatcher `{name}` takes the event elsewhere and knows none; leave them out");
                return Err(Error::option("recipients", reason));
            }
            Dispatch::Custom(_) => Vec::new(),
            // Thorn's own events arise outside the application, so no callback is asked about them.
            _ if self.options.internal => process::admit(self.recipients, self.options.validators.as_deref())?,
            _ => process::gather(self.recipients, &info, self.options.validators.as_deref())?,
        };
        let admitted = |subscriber: Option<Subscriber>| match subscriber {
            Some(one) => Ok(process::admit(vec![one], self.options.validators.as_deref())?.pop()),
            None => Ok::<_, Error>(None),
        };
        let (errback, callback) = (admitted(self.errback)?, admitted(self.callback)?);
        Ok(RenderedEvent {
            id: EventId::generate(),
            broadcast: self.broadcast,
            sender: self.sender.map(|sender| sender.id),
            name: self.name,
            subject: self.subject,
            body,
            raw,
            options: self.options,
            recipients,
            errback,
            callback,
            keeps_first_response: self.keeps_first_response,
            dispatch,
            created_at: Timestamp::now(),
        })
    }
}
