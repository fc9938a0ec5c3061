//! Settings, keys and exit codes of the program, and its end.

use std::process::Command;

use serde_json::json;
use thorn_core::testing::Receiver;
use thorn_test_support::Place;

use super::server::{Server, are, thorn};
use crate::{app::PATIENCE, process};

/// The exit code and the lines on stderr of a program that ends by itself.
fn refused(command: &mut Command) -> (Option<i32>, Vec<String>) {
    let output = process::output(command);
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), stderr.lines().map(str::to_owned).collect())
}

#[tokio::test]
async fn ac1_the_server_is_healthy_and_says_each_bad_setting_on_one_line_before_it_listens() {
    let (server, _) = Server::start().await;
    assert_eq!(server.get("/healthz").await.expect(200).text, "ok\n");
    assert_eq!(server.get("/readyz").await.expect(200).text, "ready\n");

    let mut wrong = thorn("sqlite::memory:");
    wrong.arg("server").env("THORN_LISTEN", "x").env("THORN_HUB", "y");
    let (code, lines) = refused(&mut wrong);
    assert_eq!((code, lines.len()), (Some(2), 2), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("THORN_LISTEN=x: expected an address with a port")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("THORN_HUB=y: expected")), "{lines:?}");

    for (name, value) in [
        ("THORN_ALLOWED_HOSTS", "a.example:80"),
        ("THORN_CORS_ORIGINS", "*"),
        ("THORN_CORS_ORIGINS", "https://a.example/"),
        ("THORN_BASE_URL", "https://"),
        ("THORN_MAX_PAYLOAD_BYTES", "0"),
        ("THORN_MAX_PAYLOAD_BYTES", "y"),
        ("THORN_STREAM_HEARTBEAT", "0"),
        ("THORN_LISTEM", "127.0.0.1:0"),
        ("THORN_EVENT_TIMEOUT", "soon"),
    ] {
        let (code, lines) = refused(thorn("sqlite::memory:").arg("server").env(name, value));
        assert_eq!((code, lines.len()), (Some(2), 1), "{name}={value}: {lines:?}");
        assert!(lines[0].contains(name), "{lines:?}");
    }
}

#[tokio::test]
async fn only_loopback_needs_no_key_made_before_and_the_first_key_is_printed_once() {
    let place = Place::new().await;
    let open = ["server", "--create"];
    let (code, lines) = refused(thorn(&place.url).args(open).env("THORN_LISTEN", "0.0.0.0:0"));
    assert_eq!(code, Some(2), "{lines:?}");
    assert!(lines.concat().contains("thorn key create"), "{lines:?}");

    let server = Server::on(place, &[], &[]).await;
    let keys: Vec<_> = server.said().into_iter().filter(|line| line.starts_with("thk_")).collect();
    assert_eq!(keys.len(), 1, "{:?}", server.said());
    server.caller(&keys[0]).get("/hooks/").await.expect(200);
    let again = Server::on(server.kill(), &[], &[]).await;
    assert!(!again.said().iter().any(|line| line.contains("thk_")), "{:?}", again.said());
    again.caller(&keys[0]).get("/hooks/").await.expect(200);
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked_by_the_program() {
    let (server, operator) = Server::start().await;
    let url = &server.place.url;
    let alice = server.key(Some("alice"), "read,stream:order.*");
    alice.get("/events/").await.expect(200);

    let listed = process::output(thorn(url).args(["key", "list"]));
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(!listed.contains("thk_"), "{listed}");
    let [newest, first] = listed.lines().collect::<Vec<_>>()[..] else { panic!("{listed}") };
    let fields: Vec<_> = newest.split('\t').collect();
    assert_eq!(fields[1..], ["owner alice", "valid", "stream:order.* read", ""]);
    assert!(first.contains("\toperator\tvalid\t") && first.ends_with("first start"), "{first}");

    assert!(process::output(thorn(url).args(["key", "revoke", fields[0]])).status.success());
    alice.get("/events/").await.expect(401);
    operator.get("/events/").await.expect(200);
    let unknown = "018f3c2a-0000-7000-8000-0000000000ff";
    let (code, lines) = refused(thorn(url).args(["key", "revoke", unknown]));
    assert!(code == Some(1) && lines.concat().contains(unknown), "{code:?} {lines:?}");
    for bad in [&["--scope", "write"][..], &["--scope", "stream:a*"], &["--scope", "read", "--owner", ""], &[]] {
        let (code, lines) = refused(thorn(url).args(["key", "create"]).args(bad));
        assert_eq!(code, Some(2), "{bad:?} {lines:?}");
    }
}

#[tokio::test]
async fn without_a_worker_nothing_is_delivered_until_another_process_does_it() {
    let place = Place::new().await;
    let server = Server::on(place, &["--no-worker"], &[]).await;
    let operator = server.caller(server.said().into_iter().find(|line| line.starts_with("thk_")).unwrap());
    let receiver = Receiver::start().await.unwrap();
    operator.subscribe("a.b", &receiver.url("/")).await;
    let id = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    assert_eq!(operator.get(&format!("/events/{id}")).await.expect(200).json()["relayed_at"], json!(null));
    assert_eq!(receiver.arrived(), 0);

    let mut worker = thorn(&server.place.url).arg("worker").spawn().unwrap();
    let received = receiver.wait_for(1, PATIENCE).await;
    let _ = worker.kill();
    worker.wait().unwrap();
    assert_eq!(received.unwrap()[0].json()["data"], 1);
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_finishes_what_is_under_way_and_ends_with_0() {
    let (mut server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    operator.subscribe("a.b", &receiver.url("/")).await;
    let id = operator.publish(json!({ "event": "a.b", "data": {} })).await;
    operator.deliveries(&id, are(1, "delivered", 1)).await;
    server.terminate();
    assert_eq!(server.ended().await.code(), Some(0), "{:?}", server.said());
}

/// The rest of DI19 is about `/dispatch`.
#[tokio::test]
async fn an_event_survives_kill_9_right_after_its_201() {
    let (server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    operator.subscribe("a.b", &receiver.url("/")).await;
    operator.publish(json!({ "event": "a.b", "data": "kept" })).await;
    let again = Server::on(server.kill(), &[], &[]).await;
    let received = receiver.wait_for(1, PATIENCE).await.unwrap();
    assert_eq!(received[0].json()["data"], "kept");
    drop(again);
}
