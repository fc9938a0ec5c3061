//! The types of problems that have an explanation of their own.

/// A type of problem.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProblemType {
    /// The `type`, a URL that leads to the explanation.
    pub(crate) url: &'static str,
    pub(crate) title: &'static str,
    /// The explanation, for the server's own description.
    #[cfg_attr(not(feature = "engine"), expect(dead_code, reason = "only the server describes itself"))]
    pub(crate) about: &'static str,
}

/// Every type. A problem of none of them has the type `about:blank`, and its status says everything.
#[cfg(feature = "engine")]
pub(crate) const fn problem_types() -> [ProblemType; 3] {
    [INVALID_FIELDS, TOO_MANY_SUBSCRIPTIONS, CURSOR_GONE]
}

/// A problem with `errors`.
pub(super) const INVALID_FIELDS: ProblemType = ProblemType {
    url: "https://docs.rs/thorn-axum/latest/thorn_axum/struct.Problem.html#invalid-fields",
    title: "Invalid fields",
    about: "`errors` lists the messages of every invalid field. Its key `non_field_errors` has those about several.",
};

/// The owner has as many subscriptions as they may have.
pub(super) const TOO_MANY_SUBSCRIPTIONS: ProblemType = ProblemType {
    url: "https://docs.rs/thorn-axum/latest/thorn_axum/struct.Problem.html#too-many-subscriptions",
    title: "Too many subscriptions",
    about: "The owner has as many subscriptions, or as many to one host, as they may have. Delete one to make a place.",
};

/// Events behind a cursor are missing.
pub(super) const CURSOR_GONE: ProblemType = ProblemType {
    url: "https://docs.rs/thorn-axum/latest/thorn_axum/struct.Problem.html#cursor-gone",
    title: "Cursor gone",
    about: "Events behind the cursor are missing. `earliest` is the first cursor from which every event is there.",
};
