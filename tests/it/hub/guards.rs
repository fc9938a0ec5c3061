//! Addresses: topics and callbacks each have their own networks.

use thorn_core::testing::Reply;

use super::fixture::{Hub, Subscribed, nth, party, publisher};

#[tokio::test]
async fn br9_ab1_a_callback_in_a_network_that_only_topics_may_be_in_is_refused() {
    let hub = Hub::with(&[("THORN_ALLOW_NETWORKS", "10.255.255.0/24"), ("THORN_RETRY", "false")]).await;
    let (publisher, subscriber) = (publisher("text/plain", "one").await, party().await);
    let url = publisher.url("/feed");
    hub.subscribed(&url, &subscriber.url("/")).await;
    hub.ping(&url).await;
    nth(&publisher, 1).await;
    let topic = hub.operator.get("/topics/").await.json()[0]["id"].as_str().unwrap().to_owned();
    let topic = hub.topic_as(&topic, |topic| topic["latest_event"].is_string()).await;
    let rows = hub
        .operator
        .deliveries(topic["latest_event"].as_str().unwrap(), |rows| rows.len() == 1 && rows[0]["state"] == "dead");
    assert_eq!(rows.await[0]["outcome"], "blocked");
    assert_eq!(subscriber.arrived(), 0);
}

#[tokio::test]
async fn br9_a_topic_in_a_network_that_only_callbacks_may_be_in_is_never_connected_to() {
    let hub = Hub::with(&[("THORN_RETRY", "false"), ("THORN_HUB_FETCH_NETWORKS", "127.0.0.2/32")]).await;
    let (inside, subscriber) = (publisher("text/plain", "secret").await, party().await);
    // Only 127.0.0.2 is a publisher's. It redirects to an address of callbacks.
    let target = inside.url("/");
    let topic = hub.register(&target.replace("127.0.0.1", "127.0.0.2")).await;
    hub.subscribe(&topic, Subscribed::new(&subscriber.url("/"))).await;
    hub.execute("UPDATE thorn_topic SET url = ?", vec![target.clone().into()]).await;
    hub.ping(&target.replace("127.0.0.1", "127.0.0.2")).await;
    hub.topic_as(&topic, |topic| topic["failures"] == 1).await;
    assert_eq!((inside.arrived(), subscriber.arrived()), (0, 0));
}

#[tokio::test]
async fn br9_a_topic_that_redirects_to_a_refused_address_is_never_connected_to_there() {
    let hub = Hub::with(&[("THORN_HUB_FETCH_NETWORKS", "127.0.0.1/32"), ("THORN_RETRY", "false")]).await;
    let subscriber = party().await;
    for target in
        ["http://169.254.169.254/latest/meta-data", "http://127.0.0.2:1/", "http://[::1]/", "file:///etc/passwd"]
    {
        let publisher = party().await;
        publisher.reply(Reply::status(302).header("location", target));
        let url = publisher.url("/feed");
        let topic = hub.subscribed(&url, &subscriber.url("/")).await;
        hub.ping(&url).await;
        hub.topic_as(&topic, |topic| topic["failures"] == 1).await;
        assert_eq!(publisher.arrived(), 1, "{target}");
    }
    assert_eq!((hub.versions().await.len(), subscriber.arrived()), (0, 0));
    let said = hub.server.said().concat();
    assert!(said.contains("a topic can't be fetched"), "{said}");
}
