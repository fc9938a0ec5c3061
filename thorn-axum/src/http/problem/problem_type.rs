//! The types of problems that have an explanation of their own.

/// A type of problem.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProblemType {
    /// The `type`, a URL that leads to the explanation.
    pub(super) url: &'static str,
    pub(super) title: &'static str,
}

/// A problem with `errors`.
pub(super) const INVALID_FIELDS: ProblemType = ProblemType {
    url: "https://docs.rs/thorn-axum/latest/thorn_axum/struct.Problem.html#invalid-fields",
    title: "Invalid fields",
};

/// The owner has as many subscriptions as they may have.
pub(super) const TOO_MANY_SUBSCRIPTIONS: ProblemType = ProblemType {
    url: "https://docs.rs/thorn-axum/latest/thorn_axum/struct.Problem.html#too-many-subscriptions",
    title: "Too many subscriptions",
};

/// Events behind a cursor are missing.
pub(super) const CURSOR_GONE: ProblemType = ProblemType {
    url: "https://docs.rs/thorn-axum/latest/thorn_axum/struct.Problem.html#cursor-gone",
    title: "Cursor gone",
};
