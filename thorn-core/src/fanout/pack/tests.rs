use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    attempt::{Attempt, Outcome},
    endpoint::Entry,
    id::{EventId, SubscriptionId},
    outbox::fixture,
    spec::Destination,
    tenant::Tenant,
    timestamp::Timestamp,
};

const TENANTS: usize = 2_000;

fn event() -> StoredEvent {
    fixture::event(EventId::generate().as_uuid(), None, "{}")
}

fn url(n: usize) -> String {
    format!("http://{n}.test/")
}

fn tenant(n: usize) -> Tenant {
    Tenant::of(Some(&n.to_string()))
}

fn recipient(n: usize) -> Recipient {
    let id = SubscriptionId::from_uuid(Uuid::from_u128(n as u128));
    Recipient::OfEvent { id, destination: Arc::new(Destination::new(url(n))), tenant: tenant(n) }
}

/// Has the tenant's endpoint answer after two seconds.
async fn slow_down(endpoints: &Endpoints, n: usize) {
    let Entry::Open(permit) = endpoints.get(tenant(n), &url(n)).enter(None).await else { panic!("full") };
    permit.done(&Attempt {
        outcome: Outcome::Delivered,
        attempted_at: Timestamp::now(),
        duration: Duration::from_secs(2),
        status: Some(200),
        response: None,
        error: None,
        retry_after: None,
    });
}

#[tokio::test]
async fn thousands_of_slow_tenants_fill_few_chunks_and_none_of_a_quick_one() {
    let endpoints = Endpoints::default();
    for n in 0..TENANTS {
        slow_down(&endpoints, n).await;
    }
    let (event, mut packer) = (event(), Packer::new(&endpoints, 100));
    for n in 0..=TENANTS {
        assert!(packer.add(&event, &recipient(n), Row::Missing).unwrap());
    }
    assert!(packer.is_beyond(TENANTS / 100) && !packer.is_beyond(TENANTS / 100 + 1));
    let chunks = packer.chunks();
    assert_eq!(chunks.len(), TENANTS / 100 + 1);
    let quick = recipient(TENANTS).id();
    let alone = chunks.iter().filter(|chunk| chunk.deliveries.iter().any(|delivery| delivery.subscription == quick));
    assert_eq!(alone.map(|chunk| chunk.deliveries.len()).collect::<Vec<_>>(), [1]);
}
