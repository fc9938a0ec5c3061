//! Subscriptions of an earlier release, which had no quotas.

use thorn::{
    migration::migrate,
    subscription::{Access, ConfiguredSubscription, NewSubscription, Quota},
};

use super::{HOSTS, config, create, excess, new, per_host};
use crate::app::TestApp;

#[tokio::test]
async fn subscriptions_from_before_the_migration_count() {
    let app = TestApp::with(config(Some(3), Some(2))).await;
    for (n, url) in [HOSTS[0], "http://127.1:8080/", HOSTS[1]].into_iter().enumerate() {
        create(&app.thorn, "alice", n, url).await;
    }
    app.thorn.subscriptions().create(NewSubscription::new("event.0", HOSTS[0])).await.unwrap();
    let configured = ConfiguredSubscription::unsigned("event.0", HOSTS[0]).owner("bob");
    app.thorn.configure_subscriptions("blog", [configured]).await.unwrap();
    let deleted = create(&app.thorn, "bob", 0, HOSTS[0]).await;
    app.thorn.subscriptions().delete(Access::Operator, deleted.id).await.unwrap();
    for sql in [
        "UPDATE thorn_subscription SET counted_host = NULL",
        "DELETE FROM thorn_migration WHERE version = 'thorn_m0005_counted_hosts'",
    ] {
        app.execute(sql).await;
    }
    create(&app.thorn, "alice", 3, HOSTS[0]).await;

    migrate(app.db()).await.unwrap();
    let subscriptions = app.thorn.subscriptions();
    assert_eq!(excess(subscriptions.create(new("alice", 4, HOSTS[2])).await), (Quota::PerOwner, 4, 3));
    for n in 1..3 {
        create(&app.thorn, "bob", n, HOSTS[0]).await;
    }
    assert_eq!(excess(subscriptions.create(new("bob", 3, HOSTS[0])).await), (per_host("127.0.0.1"), 2, 2));
    let counted = "SELECT counted_host AS text FROM thorn_subscription WHERE counted_host IS NOT NULL ORDER BY 1";
    let hosts = ["127.0.0.1"; 5].into_iter().chain(["127.0.0.2"]).collect::<Vec<_>>();
    assert_eq!(app.text(counted).await, hosts);
}
