//! HA9: programs in Python that judge the description, and the server by it.

use std::process::Command;

use serde_json::json;
use thorn_test_support::python;

use crate::engine::server::{Caller, Server};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/python");

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance,unsupported_method";

/// Settings of a server that a fuzzer may ask for anything. It contacts nobody, because no worker runs.
const SETTINGS: [(&str, &str); 1] = [("THORN_STREAMS_PER_SOURCE", "1000")];

/// A server with something of each kind in it, and an operator's key for everything.
async fn server() -> (Server, Caller) {
    let server = Server::on(thorn_test_support::Place::new().await, &["--no-worker"], &SETTINGS).await;
    let key = server.said().into_iter().find(|line| line.starts_with("thk_")).unwrap();
    let operator = server.caller(key);
    operator.subscribe("a.*", "http://127.0.0.1:9/").await;
    operator.publish(json!({ "event": "a.b", "data": { "x": 1 } })).await;
    (server, operator)
}

#[tokio::test(flavor = "multi_thread")]
async fn ha9_openapi_spec_validator_finds_the_description_valid() {
    let Some(python) = python("openapi_spec_validator") else { return };
    let (_server, operator) = server().await;
    let url = format!("http://127.0.0.1:{}/openapi.json", operator.port());
    let output = Command::new(python).args([&format!("{FOLDER}/openapi.py"), &url]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "3.1.1");
}

/// Schemathesis makes up requests by the description, good ones and bad ones. It fails at a status of 500 or more, and
/// at any status, media type or JSON that isn't described. `THORN_TEST_EXAMPLES` asks for more requests to each operation.
#[tokio::test(flavor = "multi_thread")]
async fn ha9_a_fuzzer_finds_no_failure_and_nothing_that_is_not_described() {
    let Some(python) = python("schemathesis") else { return };
    let (server, operator) = server().await;
    let examples = std::env::var("THORN_TEST_EXAMPLES").unwrap_or_else(|_| "8".to_owned());
    let url = format!("http://127.0.0.1:{}/openapi.json", operator.port());
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(python)
        .current_dir(folder.path())
        .env("PYTHONPATH", FOLDER)
        .env("SCHEMATHESIS_HOOKS", "openapi_hooks")
        .args(["-m", "schemathesis.cli", "run", &url, "--no-color"])
        .args(["--header", &format!("Authorization: Bearer {}", operator.key())])
        .args([
            "--phases",
            "examples,coverage,fuzzing,stateful",
            "--max-examples",
            &examples,
            "--generation-deterministic",
        ])
        .args(["--checks", CHECKS, "--request-timeout", "20", "--continue-on-failure", "--no-shrink", "--workers", "2"])
        .output()
        .unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{errors}");
    // It has tried every operation. It takes no OPTIONS for one.
    let document = server.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let operations: usize =
        paths.values().flat_map(|path| path.as_object().unwrap().keys()).filter(|method| *method != "options").count();
    assert!(said.contains(&format!("Selected: {operations}/{operations}")), "{said}");
    assert!(said.contains(&format!("Tested: {operations}")), "{said}");
    server.get("/readyz").await.expect(200);
}
