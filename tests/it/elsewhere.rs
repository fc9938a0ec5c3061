//! Subscriptions kept in a store of the application's own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::FromRequestParts,
    http::{Request, StatusCode, request::Parts},
};
use serde_json::{Value, json};
use thorn::{
    Config, Error, Event, SubscriptionId, Thorn,
    attempt::{HoldPolicy, HoldReason},
    subscription::{
        Access, ChangeSubscription, InvalidSubscription, MakeSubscription, NewSubscription, Page, StoredChange,
        Subscription, SubscriptionChange, SubscriptionStore,
    },
};
use thorn_axum::{Caller, Unauthenticated, hooks};
use thorn_core::testing::Reply;
use tower::ServiceExt as _;

use crate::app::{self, TestApp, eventually};

/// A store in memory.
#[derive(Debug, Default)]
struct Memory(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    version: i64,
    by_id: HashMap<SubscriptionId, StoredChange>,
}

impl Memory {
    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    fn living(&self) -> impl Iterator<Item = &Subscription> {
        self.by_id.values().filter_map(|one| one.subscription.as_ref())
    }

    fn keep(&mut self, id: SubscriptionId, subscription: Option<Subscription>) -> Result<(), Error> {
        if let Some(new) = &subscription {
            let meaning =
                |one: &Subscription| (one.owner.clone(), one.spec.pattern.clone(), one.spec.destination.url.clone());
            if self.living().any(|other| other.id != id && meaning(other) == meaning(new)) {
                return Err(InvalidSubscription::duplicate().into());
            }
        }
        self.version += 1;
        self.by_id.insert(id, StoredChange { id, version: self.version, subscription });
        Ok(())
    }
}

#[thorn::async_trait]
impl SubscriptionStore for Memory {
    async fn list(&self, access: Access<'_>, page: Page) -> Result<Vec<Subscription>, Error> {
        let sees = |one: &&Subscription| access.owner_id().is_none_or(|owner| one.owner.as_deref() == Some(owner));
        let mut all: Vec<_> = self.with(|kept| kept.living().filter(sees).cloned().collect());
        all.sort_by(|a: &Subscription, b| {
            (&a.spec.destination.url, b.created_at, b.id).cmp(&(&b.spec.destination.url, a.created_at, a.id))
        });
        let begin = page.after.and_then(|after| all.iter().position(|one| one.id == after)).map_or(0, |last| last + 1);
        Ok(all.into_iter().skip(begin).take(usize::try_from(page.limit).unwrap_or(usize::MAX)).collect())
    }

    async fn find(&self, id: SubscriptionId) -> Result<Option<Subscription>, Error> {
        Ok(self.with(|kept| kept.by_id.get(&id)?.subscription.clone()))
    }

    async fn insert(&self, make: &MakeSubscription<'_>) -> Result<Subscription, Error> {
        self.with(|kept| {
            let made = make(kept.version + 1);
            kept.keep(made.id, Some(made.clone())).map(|()| made)
        })
    }

    async fn update(&self, id: SubscriptionId, change: &ChangeSubscription<'_>) -> Result<Option<Subscription>, Error> {
        self.with(|kept| {
            let version = kept.version + 1;
            let Some(before) = kept.living().find(|one| one.id == id).cloned() else { return Ok(None) };
            let Some(changed) = change(&before, version) else { return Ok(Some(before)) };
            kept.keep(id, Some(changed.clone())).map(|()| Some(changed))
        })
    }

    async fn delete(&self, id: SubscriptionId) -> Result<bool, Error> {
        self.with(|kept| match kept.by_id.get(&id) {
            Some(StoredChange { subscription: Some(_), .. }) => kept.keep(id, None).map(|()| true),
            _ => Ok(false),
        })
    }

    async fn version(&self) -> Result<i64, Error> {
        Ok(self.with(|kept| kept.version))
    }

    async fn changes(&self, after: i64, limit: usize) -> Result<Vec<StoredChange>, Error> {
        let mut all: Vec<_> =
            self.with(|kept| kept.by_id.values().filter(|one| one.version > after).cloned().collect());
        all.sort_by_key(|one| one.version);
        all.truncate(limit);
        Ok(all)
    }
}

/// The user named by the header `x-user`.
struct User(String);

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Unauthenticated;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Unauthenticated> {
        let name = parts.headers.get("x-user").and_then(|value| value.to_str().ok());
        name.map(|name| Self(name.to_owned())).ok_or_else(|| Unauthenticated::basic("blog"))
    }
}

impl Caller for User {
    fn access(&self) -> Access<'_> {
        Access::Owner(&self.0)
    }
}

async fn request(router: &Router, method: &str, path: &str, user: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).header("host", "blog.test").header("x-user", user);
    let request = request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    (parts.status, serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap_or_default())
}

async fn with_store(app: &TestApp) -> Thorn {
    let builder = Thorn::builder(app.db().clone()).config(app::config());
    builder.subscription_store(Arc::new(Memory::default())).build().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_103_a_store_of_the_application_s_own_is_subscribed_to_matched_and_obeyed() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let thorn = with_store(&app).await;
    let router: Router = Router::new().merge(hooks::<User>(&thorn));
    let worker = thorn.start_worker().await.unwrap();
    let new = json!({ "event": "article.*", "url": receiver.url("/a") });
    let (status, made) = request(&router, "POST", "/hooks/", "alice", &new).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(request(&router, "POST", "/hooks/", "alice", &new).await.0, StatusCode::BAD_REQUEST);
    let path = format!("/hooks/{}/", made["id"].as_str().unwrap());
    assert_eq!(request(&router, "GET", &path, "bob", &Value::Null).await.0, StatusCode::NOT_FOUND);
    assert_eq!(request(&router, "DELETE", &path, "bob", &Value::Null).await.0, StatusCode::NOT_FOUND);

    let send = || async { Event::new("article.created").sender("alice").send(thorn.db(), &1).await.unwrap() };
    send().await;
    let first = receiver.wait_for(1, app::PATIENCE).await.unwrap().remove(0);
    assert_eq!((first.path.as_str(), first.header("hook-subscription")), ("/a", made["id"].as_str().unwrap()));
    let (status, changed) = request(&router, "PATCH", &path, "alice", &json!({ "url": receiver.url("/b") })).await;
    assert_eq!((status, &changed["url"]), (StatusCode::OK, &json!(receiver.url("/b"))));
    send().await;
    assert_eq!(receiver.wait_for(2, app::PATIENCE).await.unwrap()[1].path, "/b");
    let (_, listed) = request(&router, "GET", "/hooks/", "alice", &Value::Null).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);

    assert_eq!(request(&router, "DELETE", &path, "alice", &Value::Null).await.0, StatusCode::NO_CONTENT);
    assert_eq!(request(&router, "DELETE", &path, "alice", &Value::Null).await.0, StatusCode::NOT_FOUND);
    send().await;
    app.settled().await;
    assert_eq!(receiver.received().len(), 2);
    assert!(app.text("SELECT url AS text FROM thorn_subscription").await.is_empty(), "the table holds none");
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_103_142_a_receiver_that_is_gone_is_disabled_in_the_store_and_can_be_enabled() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let thorn = with_store(&app).await;
    let new = |event: &str, path: &str| NewSubscription::new(event, receiver.url(path));
    let one = thorn.subscriptions().create(new("a.b", "/")).await.unwrap();
    let worker = thorn.start_worker().await.unwrap();
    receiver.reply(Reply::status(410));
    let send = || async { Event::new("a.b").send(thorn.db(), &1).await.unwrap() };
    send().await;
    let present = || thorn.subscriptions().get(Access::Operator, one.id);
    eventually("the subscription disabled", || async {
        let one = present().await.unwrap();
        if one.disabled.is_some() { Ok(()) } else { Err(format!("{one:?}")) }
    })
    .await;
    // Told to nobody now, and to whoever asks for it from then on.
    receiver.reply(Reply::status(204));
    let enable = SubscriptionChange::default().enabled(true);
    thorn.subscriptions().update(Access::Operator, one.id, enable).await.unwrap();
    send().await;
    app.deliveries(&one, app::is_delivered).await;
    let failing = thorn.configure_subscriptions("blog", []).await.unwrap_err();
    assert!(failing.to_string().contains("store of its own"), "{failing}");
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_and_its_cause_are_kept_in_the_store_and_counted_there() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let hold = HoldPolicy { after: Some(1), first: Duration::from_secs(3_600), longest: Duration::from_secs(3_600) };
    let config = Config { hold, ..app::config() };
    let builder = Thorn::builder(app.db().clone()).config(config);
    let thorn = builder.subscription_store(Arc::new(Memory::default())).build().await.unwrap();
    let one = thorn.subscriptions().create(NewSubscription::new("a.b", receiver.url("/"))).await.unwrap();
    assert_eq!(thorn.status().await.unwrap().held, 0);
    let worker = thorn.start_worker().await.unwrap();
    receiver.reply(Reply::status(500));
    Event::new("a.b").send(thorn.db(), &1).await.unwrap();
    eventually("a hold", || async {
        let held = thorn.status().await.unwrap().held;
        if held == 1 { Ok(()) } else { Err(held.to_string()) }
    })
    .await;
    let cause = thorn.subscriptions().get(Access::Operator, one.id).await.unwrap().held.unwrap().cause.unwrap();
    assert_eq!((cause.reason, cause.status), (HoldReason::Rejected, Some(500)));
    receiver.reply(Reply::status(204));
    thorn.subscriptions().probe(Access::Operator, one.id).await.unwrap();
    app.deliveries(&one, app::is_delivered).await;
    eventually("no hold", || async {
        let held = thorn.status().await.unwrap().held;
        if held == 0 { Ok(()) } else { Err(held.to_string()) }
    })
    .await;
    worker.stop().await.unwrap();
}
