//! Saves rows without announcing them.

tokio::task_local! {
    static SUPPRESSED: ();
}

/// Runs a future in which no model announces its changes.
///
/// Use it for fixtures, imports and repairs. It doesn't cover tasks that the future spawns, nor events that
/// are sent by hand.
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
