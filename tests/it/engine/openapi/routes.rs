//! The description and the router of the server in this process, one beside the other.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header::ALLOW},
    response::Response,
};
use serde_json::Value;
use thorn::{
    Config,
    api_key::{NewApiKey, Scope, Scopes},
};
use tower::ServiceExt as _;

use crate::app::{self, TestApp};

/// The methods of each path.
type Methods = BTreeMap<String, BTreeSet<String>>;

struct Described {
    app: TestApp,
    router: Router,
    document: Value,
}

impl Described {
    async fn new() -> Self {
        let app = TestApp::with(Config { event_log: true, ..app::config() }).await;
        let router = thorn::engine(&app.thorn, "127.0.0.1:8080".parse().unwrap());
        let answer = send(&router, "GET", "/openapi.json", None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let document = serde_json::from_slice(&to_bytes(answer.into_body(), usize::MAX).await.unwrap()).unwrap();
        Self { app, router, document }
    }

    /// Each operation with its method and its path.
    fn operations(&self) -> impl Iterator<Item = (String, &str, &Value)> {
        let paths = self.document["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods.iter().map(move |(method, one)| (method.to_ascii_uppercase(), path.as_str(), one))
        })
    }

    fn described(&self) -> Methods {
        let mut methods = Methods::new();
        for (method, path, _) in self.operations() {
            methods.entry(path.to_owned()).or_default().insert(method);
        }
        methods
    }

    /// The methods that the router has for a path.
    async fn allowed(&self, path: &str) -> BTreeSet<String> {
        let answer = send(&self.router, "BREW", &filled(path), None).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allow = answer.headers()[ALLOW].to_str().unwrap();
        allow.split(',').filter(|method| *method != "HEAD").map(str::to_owned).collect()
    }
}

/// The paths of a router, which it tells nobody but its `Debug`.
fn paths(router: &Router) -> BTreeSet<String> {
    let shown = format!("{router:?}");
    let (_, below) = shown.split_once("Node { paths: {").expect("axum shows the paths of a router");
    let (own, _) = below.split_once('}').map_or((below, ""), |_| below.split_once("} }").unwrap());
    let paths = own.split('"').skip(1).step_by(2).map(str::to_owned);
    paths.collect()
}

/// The path with something in place of each parameter.
fn filled(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path)
}

/// The differences between the methods that the router allows and those that are described, in words.
fn differences(allowed: &Methods, described: &Methods) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, methods) in allowed {
        // A path works with and without the slash at its end, and the description has one of the two.
        let forms = [path.clone(), without_slash(path).to_owned(), format!("{path}/")];
        let known = forms.iter().find_map(|form| described.get(form)).cloned().unwrap_or_default();
        wrong.extend(methods.difference(&known).map(|method| {
            format!(
                "{method} {path} isn't described: add an operation to the `description()` beside the route, and the \
                 resource to the list in thorn-axum/src/engine.rs"
            )
        }));
        wrong.extend(
            known.difference(methods).map(|method| format!("{method} {path} is described, and isn't allowed there")),
        );
    }
    let gone = described.keys().filter(|path| !allowed.contains_key(*path));
    wrong.extend(gone.map(|path| format!("{path} is described, and there is no such route")));
    wrong
}

async fn send(router: &Router, method: &str, path: &str, token: Option<&str>) -> Response {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[test]
fn ha9_a_route_or_a_description_that_is_missing_is_told() {
    let methods = |paths: &[(&str, &[&str])]| -> Methods {
        let set = |methods: &[&str]| methods.iter().map(|&method| method.to_owned()).collect();
        paths.iter().map(|(path, methods)| ((*path).to_owned(), set(methods))).collect()
    };
    let allowed = methods(&[("/a", &["GET"]), ("/a/", &["GET"]), ("/keys/{id}/", &["GET", "DELETE"])]);
    assert!(differences(&allowed, &methods(&[("/a/", &["GET"]), ("/keys/{id}/", &["GET", "DELETE"])])).is_empty());
    let found =
        differences(&allowed, &methods(&[("/a", &["GET", "PUT"]), ("/keys/{id}/", &["GET"]), ("/b", &["GET"])]));
    let beginnings =
        ["PUT /a is", "PUT /a/ is", "DELETE /keys/{id}/ isn't described", "/b is described, and there is no"];
    assert_eq!(found.len(), beginnings.len(), "{found:#?}");
    for (found, beginning) in found.iter().zip(beginnings) {
        assert!(found.starts_with(beginning), "{found}");
    }
}

#[tokio::test]
async fn ha9_every_route_is_described_and_every_description_has_its_route() {
    let server = Described::new().await;
    let described = server.described();
    let routes = paths(&server.router);
    assert!(routes.len() > 20 && routes.contains("/events/{event_id}"), "{routes:?}");
    let mut allowed = Methods::new();
    for path in routes {
        // The paths of the Hooks app end with a slash. Without it, a GET is only led there.
        if send(&server.router, "GET", &filled(&path), None).await.status() != StatusCode::MOVED_PERMANENTLY {
            let methods = server.allowed(&path).await;
            allowed.insert(path, methods);
        }
    }
    let wrong = differences(&allowed, &described);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn ha9_each_operation_names_the_scope_that_the_server_asks_for() {
    let server = Described::new().await;
    let listed = server.document["components"]["securitySchemes"]["apiKey"]["x-scopes"].as_object().unwrap();
    let scopes: Vec<Scope> = listed.keys().map(|scope| scope.replace("PATTERN", "a.*").parse().unwrap()).collect();
    let unknown = "x".parse::<Scope>().unwrap_err().to_string();
    for scope in unknown.split_once("the scopes are ").unwrap().1.split(", ").flat_map(|part| part.split(" and ")) {
        assert!(listed.contains_key(scope), "{scope} isn't described");
    }
    let mut tokens = BTreeMap::new();
    for (method, path, operation) in server.operations() {
        let id = format!("{method} {path}");
        let without_key = send(&server.router, &method, &filled(path), None).await;
        let Some(needed) = operation["security"][0]["apiKey"][0].as_str() else {
            assert_ne!(without_key.status(), StatusCode::UNAUTHORIZED, "{id} needs a key");
            continue;
        };
        assert_eq!(without_key.status(), StatusCode::UNAUTHORIZED, "{id}");
        assert!(operation["responses"]["401"].is_object() && operation["responses"]["403"].is_object(), "{id}");
        if !tokens.contains_key(needed) {
            let others = scopes.iter().filter(|scope| scope.to_string().split(':').next() != Some(needed)).cloned();
            let key = NewApiKey::new(Scopes::new(others).unwrap());
            let (_, token) = server.app.thorn.api_keys().create(key).await.unwrap();
            tokens.insert(needed.to_owned(), token);
        }
        let refused = send(&server.router, &method, &filled(path), Some(tokens[needed].expose())).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{id} works without the scope {needed}");
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains(&format!("scope=\"{needed}\"")), "{id}: {challenge}");
    }
    assert!(tokens.len() >= 6, "{:?}", tokens.keys());
}

/// The types that the crate's documentation explains.
#[tokio::test]
async fn ha9_every_type_of_problem_is_listed() {
    let server = Described::new().await;
    let source = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/thorn-axum/src/http/problem/problem_type.rs"));
    let urls: BTreeSet<_> = source.split('"').filter(|text| text.starts_with("https://")).collect();
    let listed: BTreeSet<_> =
        server.document["x-problem-types"].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(!urls.is_empty());
    assert_eq!(listed, urls, "`problem_types()` lists every type");
}

#[tokio::test]
async fn a_server_without_a_log_describes_no_streams() {
    let app = TestApp::new().await;
    let router = thorn::engine(&app.thorn, "127.0.0.1:8080".parse().unwrap());
    let answer = send(&router, "GET", "/openapi.json", None).await;
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    assert!(document["paths"]["/stream"].is_null() && document["paths"]["/events/"].is_object());
    assert_eq!(document["servers"][0]["url"], "http://127.0.0.1:8080");
}
