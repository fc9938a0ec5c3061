//! Renders an event: checks it, and makes its body and its recipients.

use serde::Serialize;

use super::Event;
use crate::{
    dispatch::Dispatch,
    error::Error,
    id::EventId,
    name::check_event_name,
    process,
    rendered::{EventInfo, RenderedEvent, body},
    short_text::check_short_text,
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
    pub fn render<P: Serialize + ?Sized>(self, payload: &P) -> Result<RenderedEvent, Error> {
        check_event_name(&self.name)?;
        if let Some(sender) = &self.sender {
            check_short_text(&sender.id)
                .map_err(|error| Error::option("sender", format!("of event `{}`: {error}", self.name)))?;
        }
        self.options.check()?;
        let settings = process::settings();
        let dispatch = match self.dispatch {
            Some(dispatch) => dispatch,
            // A scope changes how events are dispatched. It doesn't enable a disabled dispatch.
            None if process::in_inline_scope() && settings.dispatch != Dispatch::Disabled => Dispatch::Inline,
            None => settings.dispatch.clone(),
        };
        if let Dispatch::Custom(name) = &dispatch {
            process::check_dispatcher(name)?;
        }
        let reference = self.reference.map(|path| settings.absolute(path));
        let extra = match self.request_data {
            Ok(extra) => extra,
            Err(reason) => return Err(Error::RequestData { event: self.name, reason }),
        };
        let previous = self.previous.as_deref();
        let body = body(&self.name, reference.as_deref(), self.sender.as_ref(), payload, previous, extra.as_ref())
            .map_err(|source| Error::Payload { event: self.name.clone(), source })?;
        if body.len() > settings.max_event_bytes {
            return Err(Error::EventTooLarge { event: self.name, size: body.len(), limit: settings.max_event_bytes });
        }
        let links = self.links;
        let context = self.subject.as_ref().filter(|_| process::has_callbacks()).map(|row| row.context(links));
        let info = EventInfo {
            name: &self.name,
            reference: reference.as_deref(),
            sender: self.sender.as_ref(),
            context: context.as_ref(),
            body: &body,
        };
        // Thorn's own events arise in the worker, outside the application, so no callback is asked about them.
        let recipients = match &dispatch {
            _ if self.options.internal => Vec::new(),
            Dispatch::Disabled => Vec::new(),
            Dispatch::Custom(name) if !self.recipients.is_empty() => {
                let reason =
                    format!("the dispatcher `{name}` takes the event elsewhere and knows none; leave them out");
                return Err(Error::option("recipients", reason));
            }
            Dispatch::Custom(_) => Vec::new(),
            _ => process::gather(self.recipients, &info, self.options.validators.as_deref())?,
        };
        Ok(RenderedEvent {
            id: EventId::generate(),
            broadcast: self.broadcast,
            sender: self.sender.map(|sender| sender.id),
            name: self.name,
            subject: self.subject,
            body,
            options: self.options,
            recipients,
            dispatch,
            created_at: Timestamp::now(),
        })
    }
}
