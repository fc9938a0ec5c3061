//! The REST API with which owners manage their subscriptions.

mod collection;
mod fields;
mod item;
mod json;
mod links;
mod owner;
mod page;
mod representation;
mod unauthenticated;

pub use owner::HookOwner;
pub use unauthenticated::Unauthenticated;

use std::{fmt, marker::PhantomData, sync::Arc};

use axum::{
    Extension, Router,
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, StatusCode, header::CACHE_CONTROL},
    routing::get,
};
use thorn_core::{Thorn, subscription::Subscriptions};

use crate::Problem;

/// The largest body of a request.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The REST API of subscriptions, at `/hooks/` unless [`path`](Hooks::path) says otherwise. `O` is
/// the application's own extractor that tells who is asking, see [`HookOwner`].
///
/// | | |
/// |---|---|
/// | `GET /hooks/` | the caller's subscriptions: an array, by URL, the newest first within one; `?limit=` (at most 1000, the default) with `Link: <…>; rel="next"` if there are more |
/// | `POST /hooks/` | a new one, 201; the only answer that shows `hmac_secret` unasked |
/// | `GET /hooks/{id}/` | one |
/// | `PUT /hooks/{id}/` | replaces it; of `filter`, `hmac_secret`, `hmac_signer`, `headers` and `enabled` what isn't given stays |
/// | `PATCH /hooks/{id}/` | changes the fields given |
/// | `DELETE /hooks/{id}/` | 204, and it hears no more |
/// | `GET /hooks/{id}/secret/` | its `hmac_secret` |
///
/// | field | |
/// |---|---|
/// | `event`, `url` | required: a [pattern](thorn_core::subscription::Pattern) and where deliveries go |
/// | `filter` | what must hold of the event's data, `{"state": "PUBLISHED"}`, as a [`Q`](thorn_core::filter::Q) without `now_…` and `changed`; null (default) for none |
/// | `content_type` | `application/json` (default) or `application/x-www-form-urlencoded` |
/// | `hmac_secret` | what deliveries are signed with; generated if left out |
/// | `hmac_digest` | hash function of `Hook-HMAC`: `sha256` (default), `sha512`, `sha384`, `sha224`, `sha1` |
/// | `hmac_signer` | form of `Hook-HMAC`: `hmac`, or `compat` as Python's Thorn makes it; default as configured |
/// | `headers` | headers sent with each delivery, `{"Authorization": "Bearer …"}`; replaces all there were. Never shown again, only their `header_names` |
/// | `enabled` | `false` silences it |
/// | `id`, `user`, `header_names`, `configured`, `disabled_reason`, `failing_since`, `created_at`, `updated_at`, `subscription` | shown only; ignored when sent |
///
/// Each with or without the trailing slash. Bodies are JSON, 64 kilobytes at most, errors are
/// [`Problem`]s. What belongs to somebody else answers 404, like what doesn't exist.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use thorn_axum::HookOwner;
/// use thorn_core::Thorn;
/// # #[derive(Clone)] struct AppState;
/// # struct User;
/// # impl axum::extract::FromRequestParts<AppState> for User {
/// #     type Rejection = thorn_axum::Unauthenticated;
/// #     async fn from_request_parts(
/// #         _: &mut axum::http::request::Parts,
/// #         _: &AppState,
/// #     ) -> Result<Self, Self::Rejection> { Ok(User) }
/// # }
/// # impl HookOwner for User {
/// #     fn access(&self) -> thorn_core::subscription::Access<'_> { thorn_core::subscription::Access::Owner("1") }
/// # }
///
/// fn app(thorn: &Thorn, state: AppState) -> Router {
///     Router::new()
///         .route("/", get(|| async { "a blog" }))
///         .merge(thorn_axum::hooks::<User>(thorn))
///         .with_state(state)
/// }
/// ```
pub fn hooks<O>(thorn: &Thorn) -> Hooks<O> {
    let hooks = Hooks { thorn: thorn.clone(), path: "/hooks".to_owned(), base_url: None, owner: PhantomData };
    match &thorn.config().base_url {
        Some(url) => hooks.base_url(url),
        None => hooks,
    }
}

/// The router of the [`hooks`] API, on its way into the application's: give it to
/// [`Router::merge`], or to [`Router::nest`] as [`into_router`](Self::into_router), which adds a prefix.
#[must_use = "merge it into the application's router"]
pub struct Hooks<O> {
    thorn: Thorn,
    path: String,
    base_url: Option<String>,
    owner: PhantomData<fn() -> O>,
}

impl<O> Hooks<O> {
    /// Where it is mounted; default `/hooks`.
    pub fn path(mut self, path: &str) -> Self {
        let path = path.trim_matches('/');
        self.path = if path.is_empty() { String::new() } else { format!("/{path}") };
        self
    }

    /// What absolute links begin with, for example `https://blog.example`. Default: the `base_url` of
    /// [`Thorn`], or without one the host and the `X-Forwarded-Proto` of the request.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        let mut url = url.into();
        url.truncate(url.trim_end_matches('/').len());
        self.base_url = Some(url);
        self
    }

    /// The router. Its routes already begin with [`path`](Self::path).
    pub fn into_router<S>(self) -> Router<S>
    where
        O: HookOwner + FromRequestParts<S> + Send + 'static,
        S: Clone + Send + Sync + 'static,
    {
        let collection = get(collection::list::<O>).post(collection::create::<O>);
        let item = get(item::show::<O>).put(item::replace::<O>).patch(item::change::<O>).delete(item::delete::<O>);
        let secret = get(item::reveal::<O>);

        let base = &self.path;
        let routes =
            [(String::new(), collection), ("/{hook_id}".to_owned(), item), ("/{hook_id}/secret".to_owned(), secret)];
        let router = routes.into_iter().fold(Router::new(), |router, (below, methods)| {
            let methods = methods.fallback(method_not_allowed);
            let path = format!("{base}{below}");
            let router = router.route(&format!("{path}/"), methods.clone());
            // At the root there is no form without a slash.
            if path.is_empty() { router } else { router.route(&path, methods) }
        });
        let state = HooksState { thorn: self.thorn, base_url: self.base_url };
        router.layer(Extension(Arc::new(state)))
    }
}

/// What the handlers need. It travels with the request, because the router's own state is the
/// application's, for the application's extractor.
struct HooksState {
    thorn: Thorn,
    base_url: Option<String>,
}

impl HooksState {
    fn subscriptions(&self) -> &Subscriptions {
        self.thorn.subscriptions()
    }
}

type State = Arc<HooksState>;

/// Answers here are about one caller, and some hold a secret: no cache keeps them.
const NO_STORE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// The `Allow` header comes from the route.
async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED)
}

impl<O, S> From<Hooks<O>> for Router<S>
where
    O: HookOwner + FromRequestParts<S> + Send + 'static,
    S: Clone + Send + Sync + 'static,
{
    fn from(hooks: Hooks<O>) -> Self {
        hooks.into_router()
    }
}

impl<O> fmt::Debug for Hooks<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("path", &self.path).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
