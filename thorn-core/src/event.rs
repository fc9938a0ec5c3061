//! Events: immutable facts that were true when they were written.
//!
//! An [`Event`] is rendered with its data into a [`RenderedEvent`], and the outbox stores the result. After
//! that, Thorn never looks at the row that caused the event.

mod render;
mod reports;

use std::time::Duration;

use serde::Serialize;

use crate::{
    attempt::RetryPolicy,
    cloud_event::{CloudContext, CloudEvent},
    dispatch::Dispatch,
    guard::Validator,
    process,
    rendered::{Members, TopicHead},
    spec::Subscriber,
};
pub use crate::{
    headers::{ExtraHeaders, InvalidHeader},
    name::{
        DELIVERY_FAILED, DISPATCH_FAILED, DISPATCH_REQUEST, DISPATCH_RESPONSE, InvalidEventName, MAX_NAME_LENGTH,
        SUBSCRIPTION_CHALLENGE, SUBSCRIPTION_DISABLED, SUBSCRIPTION_EXPIRING, SUBSCRIPTION_FAILING,
        SUBSCRIPTION_RECOVERED, TOPIC_UPDATED, UNANNOUNCED, check_event_name, escape_segment, is_own_event,
    },
    printable::printable,
    rendered::{
        CallbackError, CallbackFailed, EventInfo, EventOptions, InvalidEventOptions, RawBody, RenderedEvent, Sender,
        SenderId, Subject,
    },
};

/// Describes an event to be sent: its name, who caused it, and how it is delivered.
///
/// # Examples
///
/// ```
/// # async fn example(db: &sea_orm::DatabaseTransaction) -> Result<(), thorn_core::Error> {
/// use thorn_core::event::Event;
///
/// Event::new("user.created")
///     .sender("alice")
///     .send(db, &serde_json::json!({ "name": "Alice" }))
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Event {
    name: String,
    reference: Option<String>,
    sender: Option<SenderId>,
    broadcast: bool,
    /// The request data, or why it couldn't be serialized.
    request_data: Result<Option<Members>, String>,
    subject: Option<Subject>,
    /// The subject's links that changed, if a callback is there to see them.
    links: Option<serde_json::Value>,
    /// The values before a change, as a JSON object.
    previous: Option<String>,
    recipients: Vec<Subscriber>,
    errback: Option<Subscriber>,
    /// The topic of the hub that the event is a new version of.
    topic: Option<TopicHead>,
    callback: Option<Subscriber>,
    keeps_first_response: bool,
    /// The attributes of an event that came as a CloudEvent.
    cloud: Option<Box<CloudContext>>,
    options: EventOptions,
    dispatch: Option<Dispatch>,
}

impl Event {
    /// Creates an event with this name.
    ///
    /// The name has dot-separated segments and at most 190 characters. It has no `*`, no control characters, no
    /// white space and no empty segment. The name is checked when the event is sent.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            reference: None,
            sender: None,
            broadcast: false,
            request_data: Ok(None),
            subject: None,
            links: None,
            previous: None,
            recipients: Vec::new(),
            errback: None,
            topic: None,
            callback: None,
            keeps_first_response: false,
            cloud: None,
            options: EventOptions::default(),
            dispatch: None,
        }
    }

    /// Creates an event `dispatch.request`, which goes to these recipients. The stand-alone server sends one for each
    /// dispatch.
    ///
    /// It is one of thorn's own events. So it always goes through the queue, and no subscription matches it whose
    /// pattern begins with a wildcard. Deliveries count as the sender's where thorn bounds what one owner may take.
    #[must_use]
    pub fn dispatch_request(recipients: impl IntoIterator<Item = Subscriber>) -> Self {
        Self::new(DISPATCH_REQUEST).internal().to_all(recipients)
    }

    /// Creates an event `topic.updated`, which goes to the topic's subscriptions and no others.
    #[must_use]
    pub(crate) fn topic_updated(topic: TopicHead) -> Self {
        Self { topic: Some(topic), ..Self::new(TOPIC_UPDATED).internal() }
    }

    /// Makes a raw event of a CloudEvent, to be rendered with the body that comes with it. Its type is the name, and its
    /// subject the reference. Deliveries as CloudEvents have all its attributes again.
    #[must_use]
    pub fn of_cloud_event(event: CloudEvent) -> (Self, RawBody) {
        let CloudEvent { event_type, context, media_type, data } = event;
        let made = Self { reference: context.subject.clone(), cloud: Some(Box::new(context)), ..Self::new(event_type) };
        (made, RawBody { media_type, bytes: data })
    }

    /// The event's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets the place where a receiver finds the object. The body has it as `ref`. A path is joined to the
    /// configured base URL.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// Names the sender, who caused the event. Only this owner's subscriptions and global subscriptions receive
    /// the event.
    ///
    /// A sender's id has at most 190 characters and no NUL, as an owner's. It is checked when the event is sent.
    #[must_use]
    pub fn sender(mut self, sender: impl Sender) -> Self {
        self.sender = sender.sender_id();
        self
    }

    /// Sends the event to every owner's matching subscriptions, not only the sender's.
    #[must_use]
    pub const fn broadcast(mut self) -> Self {
        self.broadcast = true;
        self
    }

    /// Sets the total time that an attempt may take, from name resolution to the end of the response.
    /// Default: the worker's timeout (15 s). Zero is refused when the event is sent.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Sets how failed deliveries of this event are retried. Default: the worker's policy.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry = Some(policy);
        self
    }

    /// Adds a header to every delivery.
    ///
    /// `Hook-*`, `webhook-*` and framing headers are protected. A protected header is refused when the event is
    /// sent. So is a value with a line break.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.headers.push(name.into(), value.into());
        self
    }

    /// Sets how the event is dispatched after its commit.
    ///
    /// Default: inline in the scope of [`Thorn::inline`](crate::Thorn::inline), unless the application has disabled
    /// dispatch. Outside such a scope, the application's setting is the default.
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::{Dispatch, Error, event::Event};
    ///
    /// async fn ping(db: &sea_orm::DatabaseConnection) -> Result<(), Error> {
    ///     Event::new("ping").broadcast().dispatch(Dispatch::Inline).send(db, &()).await?;
    ///     Ok(()) // every recipient was called
    /// }
    /// ```
    #[must_use]
    pub fn dispatch(mut self, dispatch: Dispatch) -> Self {
        self.dispatch = Some(dispatch);
        self
    }

    /// Sets whether deliveries may share kept connections with other deliveries. Default: `true`. With `false`,
    /// each attempt opens a connection and closes it afterwards.
    #[must_use]
    pub const fn keep_alive(mut self, keep_alive: bool) -> Self {
        self.options.keep_alive = keep_alive;
        self
    }

    /// Sets the rules for the recipients of this event, in place of the worker's rules.
    ///
    /// The rules hold on each connection of the event's deliveries. An attempt that breaks a rule ends as `blocked`.
    /// An empty list lifts the worker's rules for protocols and ports. Internal addresses are always refused, except
    /// for those that the operator allows (`allow_networks`).
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::{event::Event, guard::Validator};
    ///
    /// let event = Event::new("invoice.paid").validators([Validator::protocols(["https"]), Validator::ports([443])]);
    /// # event.render(&()).unwrap();
    /// ```
    #[must_use]
    pub fn validators(mut self, validators: impl IntoIterator<Item = Validator>) -> Self {
        self.options.validators = Some(validators.into_iter().collect());
        self
    }

    /// Adds a recipient of this event only, besides the subscriptions that match. The event's sender doesn't matter.
    ///
    /// Only the event's row holds the URL and the secret. The secret is encrypted if there is a key. An event for a
    /// custom dispatcher of the application can't have such recipients.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example(db: sea_orm::DatabaseTransaction, callback: &str) -> Result<(), thorn_core::Error> {
    /// use thorn_core::{event::Event, subscription::Subscriber};
    ///
    /// Event::new("export.finished")
    ///     .to(Subscriber::signed(callback, "the-secret-they-gave")?)
    ///     .send(&db, &serde_json::json!({ "rows": 7 }))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn to(self, subscriber: Subscriber) -> Self {
        self.to_all([subscriber])
    }

    /// Adds several recipients, see [`to`](Self::to). If several have the same id, only one of them gets the event.
    #[must_use]
    pub fn to_all(mut self, subscribers: impl IntoIterator<Item = Subscriber>) -> Self {
        self.recipients.extend(subscribers);
        self
    }

    /// Marks the event as one of thorn's own. It goes through the queue, even if the application's events don't.
    #[must_use]
    pub(crate) fn internal(mut self) -> Self {
        self.options.internal = true;
        self.dispatch(Dispatch::Queue)
    }

    /// Sets the row that a model's event is about.
    #[must_use]
    pub(crate) fn about(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Sets the subject's links that changed, if a callback is there to see them.
    #[must_use]
    pub(crate) fn links(mut self, links: impl FnOnce() -> serde_json::Value) -> Self {
        self.links = process::has_callbacks().then(links);
        self
    }

    /// Sets the values before a change, as a JSON object: the field `previous` of the body.
    #[must_use]
    pub(crate) fn previous(mut self, values: Option<String>) -> Self {
        self.previous = values;
        self
    }

    /// Adds top-level fields to the body, after `event`, `ref`, `sender` and `data`.
    ///
    /// The added fields can't replace these four. Another call adds more fields. A later field replaces an added
    /// field of the same name. A value that doesn't make a JSON object is refused when the event is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::event::Event;
    ///
    /// let event = Event::new("user.created").request_data(serde_json::json!({ "tenant": "blue" }));
    /// let body = event.render("Alice")?.body;
    /// assert_eq!(body, r#"{"event":"user.created","ref":null,"sender":null,"data":"Alice","tenant":"blue"}"#);
    /// # Ok::<(), thorn_core::Error>(())
    /// ```
    #[must_use]
    pub fn request_data(mut self, fields: impl Serialize) -> Self {
        match (&mut self.request_data, Members::of(&fields)) {
            (Ok(Some(members)), Ok(more)) => members.merge(more),
            (Ok(none), Ok(members)) => *none = Some(members),
            (Ok(_), Err(error)) => self.request_data = Err(error.to_string()),
            (Err(_), _) => {}
        }
        self
    }
}
