//! The commands of the README, `docs/server.md` and `docs/hooks-app.md`, as their readers type them.

use std::process::Command;

use thorn_core::testing::Receiver;
use thorn_test_support::missing;

use super::server::{Server, thorn};
use crate::{app::PATIENCE, conformance::root, faults::server::in_path, process};

/// The commands of a section of `docs/server.md`.
fn commands(section: &str) -> Vec<String> {
    commands_of("docs/server.md", section)
}

/// The commands of the section: lines after `$ `, with the lines that continue them.
fn commands_of(page: &str, section: &str) -> Vec<String> {
    let page = std::fs::read_to_string(root().join(page)).unwrap();
    let section = page.split("\n## ").find(|text| text.starts_with(section)).unwrap().to_owned();
    let (mut commands, mut open) = (Vec::<String>::new(), false);
    for line in section.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push(command.to_owned());
        } else if open {
            commands.last_mut().unwrap().push_str(&format!("\n{line}"));
        }
        open = line.ends_with('\\') && !commands.is_empty();
    }
    commands
}

/// Returns the answer of a command that uses curl, with this server and receiver in place of the guide's.
fn answered(command: &str, server: &Server, key: &str, receiver: &str, id: &str) -> String {
    let command = command
        .replace("http://127.0.0.1:8080", &format!("http://127.0.0.1:{}", server.port))
        .replace("http://127.0.0.1:8888/", receiver)
        .replace("$ID", id);
    let script = format!("set -e; {}", command.replace("curl ", "curl --fail-with-body "));
    let output = Command::new("sh").args(["-c", &script]).env("KEY", key).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The member `id` of an answer.
fn id_of(answer: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_steps_of_the_guide_work_as_they_stand_there() {
    let (server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    let commands = commands("First steps");
    let curl: Vec<_> = commands.iter().filter(|command| command.contains("curl")).collect();
    assert!(curl.len() >= 4, "{commands:#?}");
    let mut event = String::new();
    for command in curl {
        let text = answered(command, &server, operator.key(), &receiver.url("/"), &event);
        if command.contains("/events/ ") {
            event = id_of(&text);
            receiver.wait_for(1, PATIENCE).await.unwrap();
            operator.deliveries(&event, super::server::are(1, "delivered", 1)).await;
        }
    }
    receiver.wait_for(2, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn the_guide_s_commands_for_keys_over_http_work_as_they_stand_there() {
    let (server, operator) = Server::start().await;
    let commands = commands("Keys over HTTP");
    let [create, list, revoke] = &commands[..] else { panic!("{commands:#?}") };
    let id = id_of(&answered(create, &server, operator.key(), "", ""));
    let listed = answered(list, &server, operator.key(), "", "");
    assert!(listed.contains(&id) && !listed.contains("thk_"), "{listed}");
    answered(revoke, &server, operator.key(), "", &id);
    let shown = operator.get(&format!("/keys/{id}")).await.expect(200).json();
    assert!(shown["revoked_at"].is_string(), "{shown}");
}

#[tokio::test]
async fn the_guide_s_commands_for_keys_work_as_they_stand_there() {
    let (server, _) = Server::start().await;
    let commands = commands("Keys\n");
    assert!(commands.len() >= 3, "{commands:#?}");
    let mut newest = String::new();
    for command in &commands {
        let words = command.strip_prefix("thorn ").unwrap_or_else(|| panic!("{command}"));
        let words = words.replace("018f3c2a-0000-7000-8000-0000000000ff", &newest).replace('"', "");
        let output = process::output(thorn(&server.place.url).args(words.split(' ')));
        assert!(output.status.success(), "{command}: {output:?}");
        let listed = process::output(thorn(&server.place.url).args(["key", "list"]));
        newest = String::from_utf8(listed.stdout).unwrap().split('\t').next().unwrap().to_owned();
    }
}

#[tokio::test]
async fn the_first_steps_with_the_hooks_app_work_as_they_stand_there() {
    let (server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    let commands = commands_of("docs/hooks-app.md", "First steps");
    let curl: Vec<_> = commands.iter().filter(|command| command.contains("curl")).collect();
    assert_eq!(curl.len(), 3, "{commands:#?}");
    for command in curl {
        let command = command
            .replace("http://127.0.0.1:8080", &format!("http://127.0.0.1:{}", server.port))
            .replace("http://127.0.0.1:8888/", &receiver.url("/"))
            .replace("curl ", "curl --fail-with-body ");
        let output = Command::new("sh").args(["-c", &command]).env("KEY", operator.key()).output().unwrap();
        assert!(output.status.success(), "{command}\n{output:?}");
    }
    let received = receiver.wait_for(1, PATIENCE).await.unwrap();
    assert_eq!((&received[0].json()["event"], &received[0].json()["order"]), (&"order.paid".into(), &7.into()));
}

/// The README's section, without the one on the hub below it.
fn without_rust() -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("\n## ").find(|text| text.starts_with("Without Rust")).unwrap();
    section.split("\n### ").next().unwrap().to_owned()
}

#[tokio::test]
async fn the_readme_s_commands_for_readers_without_rust_work_as_they_stand_there() {
    // curl notices that nobody reads on when it writes the next bytes.
    let (server, operator) = Server::with(&[("THORN_STREAM_HEARTBEAT", "0.2")]).await;
    let receiver = Receiver::start().await.unwrap();
    let section = without_rust();
    let commands = commands_of("README.md", "Without Rust").into_iter();
    let curl: Vec<_> = commands.filter(|command| command.starts_with("curl") && section.contains(command)).collect();
    let [subscribe, publish, dispatch, stream] = &curl[..] else { panic!("{curl:#?}") };
    let answer = |command: &str| answered(command, &server, operator.key(), &receiver.url("/"), "");
    assert!(answer(subscribe).contains("\"hmac_secret\":\"whsec_"));
    let event = id_of(&answer(publish));
    assert_eq!(receiver.wait_for(1, PATIENCE).await.unwrap()[0].json()["data"]["order"], 7);
    assert_eq!(answer(dispatch), "202 Scheduled");
    assert_eq!(receiver.wait_for(2, PATIENCE).await.unwrap()[1].body, b"order=7");
    let line = answer(&format!("{stream} | head -n 1"));
    assert_eq!(id_of(&line), event, "{line}");
}

#[tokio::test]
async fn the_readme_s_program_in_php_publishes_an_event() {
    let Some(php) = in_path("php") else { return missing("PHP, for the README's program") };
    let (server, operator) = Server::start().await;
    let section = without_rust();
    let program = section.split("```php\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.php");
    std::fs::write(&file, program.replace(":8080", &format!(":{}", server.port))).unwrap();
    let output = process::output(Command::new(php).arg(file).env("KEY", operator.key()));
    let event = id_of(&String::from_utf8(output.stdout).unwrap());
    let shown = operator.get(&format!("/events/{event}")).await.expect(200).json();
    assert_eq!((&shown["event"], &shown["body"]["data"]["order"]), (&"order.paid".into(), &7.into()));
}
