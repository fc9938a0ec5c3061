//! The REST API in which owners manage their subscriptions.

mod state;
mod field_errors;
mod fields;
mod representation;
mod consent;
mod collection;
mod item;
mod stats;
#[cfg(feature = "engine")]
mod description;

use std::{fmt, marker::PhantomData, sync::Arc};

use axum::{
    Extension, Router,
    extract::FromRequestParts,
    routing::{get, post},
};
use thorn_core::Thorn;

#[cfg(feature = "engine")]
pub(crate) use self::description::description;
use crate::http::{BaseUrl, Caller, resource_routes};
use state::HooksState;

/// The REST API of subscriptions.
///
/// It is mounted at `/hooks/`; change that with [`path`](Hooks::path). `C` is your application's
/// extractor that authenticates the [`Caller`].
///
/// | | |
/// |---|---|
/// | `GET /hooks/` | lists the caller's subscriptions as an array, by URL and then newest first; `?limit=` is at most 1000, the default; if there are more, the answer has `Link: <…>; rel="next"` |
/// | `POST /hooks/` | creates a subscription and answers 201; apart from `…/secret/`, only this answer shows `hmac_secret` |
/// | `GET /hooks/{id}/` | shows one subscription |
/// | `PUT /hooks/{id}/` | replaces it; `filter`, `hmac_secret`, `hmac_signer`, `headers`, `rate`, `max_in_flight`, `dialect`, `paused` and `enabled` stay if the body leaves them out |
/// | `PATCH /hooks/{id}/` | changes the fields in the body |
/// | `DELETE /hooks/{id}/` | deletes it and answers 204 |
/// | `GET /hooks/{id}/secret/` | shows its `hmac_secret` |
/// | `GET /hooks/{id}/stats/` | shows its health, its attempts over time and what waits; `?since=`, `?until=` and `?step=` choose the time |
/// | `POST /hooks/{id}/probe/` | ends the wait of a held subscription: its next delivery is the probe. Answers 200 with the subscription, also if nothing is held |
/// | `POST /hooks/{id}/confirm/` | asks its endpoint again whether it wants deliveries, if that is [asked](thorn_core::ThornBuilder::confirm) and it hasn't confirmed. Answers 200 with the subscription |
///
/// | field | |
/// |---|---|
/// | `event` | required: the events to receive, as a [pattern](thorn_core::subscription::Pattern) |
/// | `url` | required: the endpoint that receives them |
/// | `filter` | a condition on the event's data, such as `{"state": "PUBLISHED"}`: a [`Q`](thorn_core::filter::Q) without `now_…` and `changed`; null (default) for none |
/// | `content_type` | `application/json` (default) or `application/x-www-form-urlencoded` |
/// | `hmac_secret` | the secret that signs deliveries; generated if left out |
/// | `hmac_digest` | the hash function of `Hook-HMAC`: `sha256` (default), `sha512`, `sha384`, `sha224`, `sha1` |
/// | `hmac_signer` | the form of `Hook-HMAC`: `hmac`, or `compat` for the form of Python's Thorn; default as configured |
/// | `headers` | headers to send with each delivery, such as `{"Authorization": "Bearer …"}`; they replace all earlier ones. Answers show only their `header_names` |
/// | `rate` | the most deliveries in a period, such as `10/s`, `300/m` or `1000/h`; null (default) for no limit |
/// | `max_in_flight` | the most requests under way at once, 1 to 64; null (default) for no limit |
/// | `dialect` | the protocol of the deliveries: `thorn` (default), or CloudEvents 1.0 as `cloudevents` or `cloudevents-binary`, which the endpoint must [consent](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md) to |
/// | `enabled` | `false` stops deliveries |
/// | `paused` | `true` keeps deliveries until it is `false` again, for at most [7 days](thorn_core::Config::longest_pause). With `false`, `kept` says what becomes of them: `deliver` (default) or `discard` |
/// | `id`, `user`, `header_names`, `configured`, `disabled_reason`, `paused_at`, `failing_since`, `held_until`, `held`, `confirmation`, `confirmation_outcome`, `created_at`, `updated_at`, `subscription` | read-only; ignored in requests |
///
/// Every path works with and without the trailing slash. Bodies are JSON of at most 64 KiB, and errors
/// are [`Problem`](crate::Problem)s. Another owner's subscription answers 404, like one that doesn't exist. An owner
/// who has as many subscriptions as they may have
/// ([`max_subscriptions`](thorn_core::ThornBuilder::max_subscriptions)) gets 409.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use thorn_axum::Caller;
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
/// # impl Caller for User {
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
pub fn hooks<C>(thorn: &Thorn) -> Hooks<C> {
    let hooks = Hooks { thorn: thorn.clone(), path: "/hooks".to_owned(), base_url: None, caller: PhantomData };
    match &thorn.config().base_url {
        Some(url) => hooks.base_url(url),
        None => hooks,
    }
}

/// The router of the [`hooks`] API.
///
/// Pass it to [`Router::merge`]. To add a prefix, pass its [`into_router`](Self::into_router) to
/// [`Router::nest`].
#[must_use = "merge it into the application's router"]
pub struct Hooks<C> {
    thorn: Thorn,
    path: String,
    base_url: Option<String>,
    caller: PhantomData<fn() -> C>,
}

impl<C> Hooks<C> {
    /// Sets the path of the API. Default: `/hooks`.
    pub fn path(mut self, path: &str) -> Self {
        let path = path.trim_matches('/');
        self.path = if path.is_empty() { String::new() } else { format!("/{path}") };
        self
    }

    /// Sets the beginning of absolute links, such as `https://blog.example`.
    ///
    /// Default: the `base_url` of [`Thorn`]. Without one, links use the request's `Host` and
    /// `X-Forwarded-Proto`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        let mut url = url.into();
        url.truncate(url.trim_end_matches('/').len());
        self.base_url = Some(url);
        self
    }

    /// Builds the router. Its routes already begin with [`path`](Self::path).
    pub fn into_router<S>(self) -> Router<S>
    where
        C: Caller + FromRequestParts<S> + Send + 'static,
        S: Clone + Send + Sync + 'static,
    {
        let collection = get(collection::list::<C>).post(collection::create::<C>);
        let item = get(item::show::<C>).put(item::replace::<C>).patch(item::change::<C>).delete(item::delete::<C>);
        let secret = get(item::reveal::<C>);
        let probe = post(item::probe::<C>);
        let confirm = post(item::confirm::<C>);
        let stats = get(stats::show::<C>);

        let router = resource_routes(
            &self.path,
            [
                ("", collection),
                ("/{hook_id}", item),
                ("/{hook_id}/secret", secret),
                ("/{hook_id}/probe", probe),
                ("/{hook_id}/confirm", confirm),
                ("/{hook_id}/stats", stats),
            ],
        );
        let base_url = BaseUrl(self.base_url.map(Arc::from));
        router.layer(Extension(base_url)).layer(Extension(Arc::new(HooksState(self.thorn))))
    }
}

impl<C, S> From<Hooks<C>> for Router<S>
where
    C: Caller + FromRequestParts<S> + Send + 'static,
    S: Clone + Send + Sync + 'static,
{
    fn from(hooks: Hooks<C>) -> Self {
        hooks.into_router()
    }
}

impl<C> fmt::Debug for Hooks<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("path", &self.path).field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
