//! The REST API of subscriptions, as an application serves it.

mod access;
mod body;
mod configured;
mod failure;
mod item;
mod list;
mod log;
mod names;
mod quota;
mod stats;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::FromRequestParts,
    http::{HeaderMap, Method, Request, StatusCode, request::Parts},
};
use serde_json::{Value, json};
use thorn::{Config, subscription::Access};
use thorn_axum::{Caller, Hooks, Unauthenticated, hooks};
use tower::ServiceExt as _;

use crate::app;

/// The state of an application: its sign for "everybody may do everything".
#[derive(Clone)]
struct AppState {
    operator: &'static str,
}

/// The application's own extractor: the header `x-user`, judged with the application's state.
struct User {
    id: String,
    is_operator: bool,
}

impl FromRequestParts<AppState> for User {
    type Rejection = Unauthenticated;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Unauthenticated> {
        let id = parts.headers.get("x-user").and_then(|value| value.to_str().ok());
        let id = id.ok_or_else(|| Unauthenticated::basic("blog").or_bearer())?;
        Ok(Self { is_operator: id == state.operator, id: id.to_owned() })
    }
}

impl Caller for User {
    fn access(&self) -> Access<'_> {
        if self.is_operator { Access::Operator } else { Access::Owner(&self.id) }
    }
}

/// An application with the API, and a database of its own.
struct Api {
    router: Router,
    base: app::TestApp,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Api {
    async fn new() -> Self {
        Self::with(Config::default(), |hooks| Router::new().merge(hooks)).await
    }

    /// Subscriptions may go to 127.9.x.x, and to no other network that isn't public.
    async fn with(config: Config, mount: impl FnOnce(Hooks<User>) -> Router<AppState>) -> Self {
        let base = app::TestApp::with(Config { allow_networks: vec!["127.9.0.0/16".parse().unwrap()], ..config }).await;
        let router = mount(hooks::<User>(&base.thorn)).with_state(AppState { operator: "root" });
        Self { router, base }
    }

    async fn request(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request of this user with this JSON.
    async fn send(&self, method: Method, user: &str, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(path).header("host", "blog.example").header("x-user", user);
        let request = match body {
            Value::Null => request.body(Body::empty()),
            body => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        };
        self.request(request.unwrap()).await
    }

    async fn get(&self, user: &str, path: &str) -> Answer {
        self.send(Method::GET, user, path, Value::Null).await
    }

    async fn post(&self, user: &str, body: Value) -> Answer {
        self.send(Method::POST, user, "/hooks/", body).await
    }

    /// Creates a subscription and gives what the API said of it.
    async fn create(&self, user: &str, event: &str, url: &str) -> Value {
        let answer = self.post(user, json!({ "event": event, "url": url })).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.body
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The fields that it calls wrong, in alphabetical order.
    fn wrong(&self) -> Vec<&str> {
        assert_eq!(self.status, StatusCode::BAD_REQUEST, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let errors = self.body["errors"].as_object().unwrap();
        assert!(errors.values().all(|messages| messages[0].as_str().is_some_and(|text| !text.is_empty())));
        errors.keys().map(String::as_str).collect()
    }
}

/// The path of a subscription, from what the API said of it.
fn path(subscription: &Value) -> String {
    format!("/hooks/{}/", subscription["id"].as_str().unwrap())
}
