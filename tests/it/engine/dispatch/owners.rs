//! Several owners: what each sees, and that none waits for another.

use std::collections::BTreeSet;

use super::{dispatch, encoded, receiver};
use crate::{app::eventually, engine::server::Server};

#[tokio::test]
async fn di24_di26_dispatches_of_several_owners_all_arrive_and_each_sees_only_their_own() {
    const EACH: usize = 50;
    let (server, _) = Server::start().await;
    let target = receiver().await;
    let url = encoded(&target.url("/"));
    let owners = ["alice", "bob", "carol"].map(|owner| (owner, server.key(Some(owner), "dispatch,read")));
    let sending = owners.iter().map(|(owner, caller)| {
        let url = &url;
        async move {
            let mut ids = BTreeSet::new();
            for n in 0..EACH {
                ids.insert(dispatch(caller, &format!("_url={url}&{owner}={n}")).await);
            }
            ids
        }
    });
    let sent = futures::future::join_all(sending).await;
    // On a busy machine another worker may repeat a delivery, so the different ones count.
    let received = eventually("every dispatch", || async {
        let received = target.received();
        let different: BTreeSet<_> = received.iter().map(|one| one.header("webhook-id").to_owned()).collect();
        if different.len() == EACH * owners.len() { Ok(received) } else { Err(format!("{} arrived", different.len())) }
    })
    .await;
    let bodies: BTreeSet<_> = received.iter().map(|one| String::from_utf8(one.body.clone()).unwrap()).collect();
    assert_eq!(bodies.len(), EACH * owners.len());
    assert!(received.iter().all(|one| {
        let body = String::from_utf8_lossy(&one.body).into_owned();
        body.starts_with(one.header("hook-sender"))
    }));
    // To one URL, each owner has a recipient of their own, so that nobody's backlog takes another's turns.
    let recipients: BTreeSet<_> = received.iter().map(|one| one.header("hook-subscription")).collect();
    assert_eq!(recipients.len(), owners.len());
    for ((owner, caller), ids) in owners.iter().zip(&sent) {
        let path = format!("/events/?name=dispatch.request&limit={EACH}");
        let listed = caller.get(&path).await.expect(200).json();
        let listed: BTreeSet<_> =
            listed.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(&listed, ids, "{owner}");
        let hers = ids.first().unwrap();
        for (other, caller) in owners.iter().filter(|(other, _)| other != owner) {
            assert_eq!(caller.get(&format!("/events/{hers}/body")).await.status, 404, "{other}");
        }
    }
}
