//! Started with nothing else, it shows what thorn does.

use serde_json::{Value, json};

use super::{Blog, LOOPBACK};

const VERIFIED: &str = "✔ verified ";

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_to_type_works_and_the_delivery_is_shown() {
    let mut blog = Blog::start(&[]).await;
    let (_, said) = blog.process.says("the deliveries appear below").await;
    let said = said.join("\n");
    let commands: Vec<&str> = said.split("\n\n").filter(|part| part.trim().starts_with("curl")).collect();
    assert_eq!(commands.len(), 2, "{said}");
    for (command, event, state) in
        [(commands[0], "article.created", "DRAFT"), (commands[1], "article.changed", "PUBLISHED")]
    {
        let typed = std::process::Command::new("sh").args(["-c", command]).output().unwrap();
        assert!(typed.status.success(), "{command}: {typed:?}");
        let article: Value = serde_json::from_slice(&typed.stdout).unwrap();
        let mut wanted = json!({"id": 1, "title": "Hello", "body": "World", "state": state, "author": "alice"});
        let (shown, _) = blog.process.says(&format!("{VERIFIED}{event} by alice: ")).await;
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), wanted);
        wanted["tags"] = json!([]);
        assert_eq!(article, wanted);
    }
    assert_eq!(blog.process.stop().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_161_only_its_own_receiver_is_let_through_on_loopback() {
    let blog = Blog::start(&[]).await;
    for url in ["http://127.0.0.1:8888/", "http://127.0.0.1/", "http://[::1]/", "http://10.0.0.1/"] {
        let answer =
            blog.send("alice", "POST", "/hooks/", &json!({"event": "article.*", "url": url})).await.expect(400);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        let fields: Vec<_> = problem["errors"].as_object().unwrap().keys().collect();
        assert_eq!(fields, ["url"], "{url}: {problem}");
    }
    assert_eq!(blog.send("alice", "GET", "/hooks/", &Value::Null).await.expect(200).json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn started_again_it_listens_once_and_otherwise_leaves_nothing_behind() {
    let blog = Blog::start(&[]).await;
    let directory = blog.directory.clone();
    assert_eq!(blog.process.stop().await.code(), Some(0));

    let mut blog = Blog::start_in(directory.clone(), &[]).await;
    blog.write("alice", "once").await;
    blog.write("bob", "twice").await;
    let (_, before) = blog.process.says(&format!("{VERIFIED}article.created by bob")).await;
    let seen = before.iter().filter(|line| line.starts_with(VERIFIED)).count();
    assert!(seen <= 1, "{before:#?}");
    assert_eq!(blog.process.stop().await.code(), Some(0));

    // With networks of the user's there is no receiver inside, and nothing is sent to where it was.
    let blog = Blog::start_in(directory, &[LOOPBACK]).await;
    let db = blog.db().await;
    let thorn = thorn::Thorn::builder(db).build().await.unwrap();
    let all = thorn.subscriptions().list(thorn::subscription::Access::Operator, Default::default()).await.unwrap();
    assert!(all.is_empty(), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_no_silent_connection() {
    let blog = Blog::start(&[LOOPBACK]).await;
    let silent = tokio::net::TcpStream::connect(("127.0.0.1", blog.port)).await.unwrap();
    blog.write("alice", "so that the connection before it was accepted").await;
    assert_eq!(blog.process.stop().await.code(), Some(0));
    drop(silent);
}
