//! Seeding without announcing.

tokio::task_local! {
    static SUPPRESSED: ();
}

/// Runs this future without any event of a model: what it inserts, changes or deletes is not
/// announced. Meant for fixtures, imports and repairs. Tasks spawned inside are not covered, and
/// events that are sent by hand still are.
///
/// # Examples
///
/// ```
/// # async fn seed() {}
/// # async fn example() {
/// thorn_core::model::without_events(seed()).await;
/// # }
/// ```
pub async fn without_events<F: Future>(work: F) -> F::Output {
    SUPPRESSED.scope((), work).await
}

pub(super) fn is_suppressed() -> bool {
    SUPPRESSED.try_with(|()| ()).is_ok()
}
