//! Routes of a resource.

use axum::{Router, http::StatusCode, routing::MethodRouter};

use super::problem::Problem;

/// Answers 405. The route adds the `Allow` header.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED)
}

/// Routes below `base`, each with and without the slash at its end. Other methods get 405.
pub(crate) fn resource_routes<S>(
    base: &str,
    routes: impl IntoIterator<Item = (&'static str, MethodRouter<S>)>,
) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    routes.into_iter().fold(Router::new(), |router, (below, methods)| {
        let methods = methods.fallback(method_not_allowed);
        let path = format!("{base}{below}");
        let router = router.route(&format!("{path}/"), methods.clone());
        // The root has no form without the slash.
        if path.is_empty() { router } else { router.route(&path, methods) }
    })
}
