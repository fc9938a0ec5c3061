//! The description of `/healthz` and `/readyz`.

use crate::http::description::{Operation, Resource, text};

pub(in crate::engine) fn description() -> Resource {
    Resource::new("health", "The state of the server, for whatever runs it.", "")
        .operation(Operation::get("/healthz", "Tells whether the process runs").for_any_host().answers(
            200,
            "It runs.",
            [("text/plain", text())],
        ))
        .operation(
            Operation::get("/readyz", "Tells whether the database answers")
                .for_any_host()
                .answers(200, "It answers.", [("text/plain", text())])
                .problem(503, "It doesn't answer.")
                .with_header(503, "Retry-After", "Seconds."),
        )
}
