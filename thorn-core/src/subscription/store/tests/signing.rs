//! Secrets, signers and headers, and how they are stored.

use super::fixture::{LONG_ENOUGH, URL, new_with_headers, wrong_fields};
use crate::{
    error::Error,
    headers::ExtraHeaders,
    signing::{Digest, Secret, SecretError, Signer},
    spec::{Field, FieldErrorKind},
    subscription::{
        access::Access,
        change::SubscriptionChange,
        fixture::{Fixture, key, new},
    },
    tables::subscription::Column,
};

#[tokio::test]
async fn with_a_key_the_table_holds_no_readable_secret() {
    let fixture = Fixture::new().await;
    let plain = fixture.create("alice", "a", URL).await;
    let sealing = fixture.with_key(&key(1));
    let made = sealing.create(new("alice", "b", URL)).await.unwrap();
    assert!(fixture.row(&made).await.secret.starts_with("enc1:"));
    assert_eq!(sealing.get(Access::Operator, made.id).await.unwrap(), made);
    assert_eq!(sealing.get(Access::Operator, plain.id).await.unwrap(), plain);
    // A change seals what was plain.
    sealing.update(Access::Operator, plain.id, SubscriptionChange::default()).await.unwrap();
    assert!(fixture.row(&plain).await.secret.starts_with("enc1:"));
    assert_eq!(
        sealing.get(Access::Operator, plain.id).await.unwrap().spec.destination.signing.secret,
        plain.spec.destination.signing.secret
    );

    let wrong = fixture.with_key(&key(2));
    let error = wrong.get(Access::Operator, made.id).await.unwrap_err();
    assert!(matches!(error, Error::Secret(_)) && error.to_string().contains(&made.id.to_string()), "{error}");
    let change = SubscriptionChange::default().pattern("c");
    assert!(wrong.update(Access::Operator, made.id, change.clone()).await.is_err());
    // A new secret mends it.
    let mend = change.secret(LONG_ENOUGH);
    let mended = wrong.update(Access::Operator, made.id, mend).await.unwrap();
    assert_eq!(wrong.get(Access::Operator, made.id).await.unwrap(), mended);
}

#[tokio::test]
async fn unsigned_only_if_somebody_says_so() {
    let fixture = Fixture::new().await;
    let subscriptions = fixture.with_key(&key(1));
    let unsigned = new("alice", "a", URL).unsigned();
    let made = subscriptions.create(unsigned).await.unwrap();
    assert_eq!((&made.spec.destination.signing.secret, fixture.row(&made).await.secret.as_str()), (&None, ""));
    assert_eq!(subscriptions.get(Access::Operator, made.id).await.unwrap(), made);
    let both = new("alice", "b", URL).unsigned().secret(LONG_ENOUGH);
    assert_eq!(wrong_fields(subscriptions.create(both).await), [(Field::Secret, FieldErrorKind::Invalid)]);

    let update = async |change| subscriptions.update(Access::Operator, made.id, change).await;
    assert_eq!(update(SubscriptionChange::default()).await.unwrap().spec.destination.signing.secret, None);
    let sign = SubscriptionChange::default().secret(LONG_ENOUGH);
    assert_eq!(update(sign.clone()).await.unwrap().spec.destination.signing.secret, Some(Secret::new(LONG_ENOUGH)));
    assert_eq!(
        update(SubscriptionChange::default()).await.unwrap().spec.destination.signing.secret,
        Some(Secret::new(LONG_ENOUGH))
    );
    let both = sign.unsigned();
    assert_eq!(wrong_fields(update(both).await), [(Field::Secret, FieldErrorKind::Invalid)]);
    let strip = SubscriptionChange::default().unsigned();
    assert_eq!(update(strip).await.unwrap().spec.destination.signing.secret, None);
}

#[tokio::test]
async fn thorn_147_a_signer_of_its_own_or_the_configured_one() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.create("alice", "a", URL).await.spec.destination.signing.signer, Signer::Hmac);
    let compat = fixture.subscriptions.clone().with_signer(Signer::Compat);
    let made = compat.create(new("alice", "b", URL)).await.unwrap();
    assert_eq!(
        (made.spec.destination.signing.signer, fixture.row(&made).await.signer.as_str()),
        (Signer::Compat, "compat")
    );
    let mut plain = new("alice", "c", URL);
    plain.spec.signer = Some("HMAC".into());
    assert_eq!(compat.create(plain).await.unwrap().spec.destination.signing.signer, Signer::Hmac);
    let change = SubscriptionChange::default().signer(Signer::Hmac);
    assert_eq!(
        compat.update(Access::Operator, made.id, change).await.unwrap().spec.destination.signing.signer,
        Signer::Hmac
    );
}

#[tokio::test]
async fn headers_are_kept_sealed_replaced_and_wiped() {
    let fixture = Fixture::new().await;
    let headers = ExtraHeaders::from_iter([("Authorization", "Bearer hush"), ("X-Tenant", "blue")]);
    let with_headers = |event| new_with_headers(event, headers.clone());
    let plain = fixture.subscriptions.create(with_headers("a")).await.unwrap();
    assert_eq!(fixture.row(&plain).await.headers.unwrap(), r#"[["Authorization","Bearer hush"],["X-Tenant","blue"]]"#);
    let subscriptions = fixture.with_key(&key(1));
    let made = subscriptions.create(with_headers("b")).await.unwrap();
    let stored = fixture.row(&made).await.headers.unwrap();
    assert!(stored.starts_with("enc1:"), "{stored}");
    for one in [&plain, &made] {
        assert_eq!(subscriptions.get(Access::Operator, one.id).await.unwrap().spec.destination.headers, headers);
    }
    assert!(!format!("{:?} {:?}", with_headers("c"), subscriptions).contains("hush"));

    let update = async |headers| {
        let mut change = SubscriptionChange::default();
        change.spec.headers = headers;
        subscriptions.update(Access::Operator, made.id, change).await.unwrap().spec.destination.headers
    };
    assert_eq!(update(None).await, headers);
    let other = ExtraHeaders::from_iter([("X-A", "b")]);
    assert_eq!(update(Some(other.clone())).await, other);
    // Sealed in another row, they can't be read there; new ones mend that.
    fixture.tamper(&made, Column::Headers, &stored).await;
    assert_eq!(subscriptions.get(Access::Operator, made.id).await.unwrap().spec.destination.headers, headers);
    fixture.tamper(&plain, Column::Headers, &stored).await;
    let error = subscriptions.get(Access::Operator, plain.id).await.unwrap_err();
    assert!(matches!(&error, Error::Secret(_)) && error.to_string().contains("headers"), "{error}");
    assert_eq!(update(Some(ExtraHeaders::default())).await, ExtraHeaders::default());
    assert_eq!(fixture.row(&made).await.headers, None);
    update(Some(other)).await;
    subscriptions.delete(Access::Operator, made.id).await.unwrap();
    assert_eq!(fixture.row(&made).await.headers, None);
}

#[tokio::test]
async fn a_secret_that_an_owner_chooses_has_24_bytes_unless_the_signer_is_compat() {
    let fixture = Fixture::new().await;
    let subscriptions = &fixture.subscriptions;
    let short = |event: &str| new("alice", event, URL).secret(&LONG_ENOUGH[1..]);
    for new in [short("a"), short("a").signer(Signer::Hmac)] {
        let wrong = wrong_fields(subscriptions.create(new.clone()).await);
        assert_eq!(wrong, [(Field::Secret, FieldErrorKind::Invalid)], "{new:?}");
    }
    let python = subscriptions.clone().with_signer(Signer::Compat);
    assert!(python.create(short("a")).await.is_ok());
    assert!(python.create(short("b").signer(Signer::Hmac)).await.is_err());
    let compat = subscriptions.create(short("b").signer(Signer::Compat)).await.unwrap();

    // A change is checked against what the subscription has.
    let update = async |change| subscriptions.update(Access::Operator, compat.id, change).await;
    let change = SubscriptionChange::default;
    let wrong = wrong_fields(update(change().signer(Signer::Hmac)).await);
    assert_eq!(wrong, [(Field::Secret, FieldErrorKind::Invalid)]);
    update(change().secret("x")).await.unwrap();
    update(change().secret(LONG_ENOUGH).signer(Signer::Hmac)).await.unwrap();
    assert!(update(change().secret("x")).await.is_err());
    // An older release took short secrets. They stay, and other fields can be changed.
    fixture.tamper(&compat, Column::Secret, "x").await;
    update(change().secret("x").signer(Signer::Hmac).digest(Digest::Sha1)).await.unwrap();
}

#[tokio::test]
async fn a_subscription_whose_owner_or_url_another_program_changed_shows_no_secret() {
    let fixture = Fixture::new().await;
    let sealing = fixture.with_key(&key(1));
    let headers = ExtraHeaders::from_iter([("Authorization", "hush")]);
    for (column, was, value) in [(Column::Owner, "alice", "mallory"), (Column::Url, URL, "https://mallory.example/")] {
        let made = sealing.create(new_with_headers(&value[..4], headers.clone())).await.unwrap();
        assert!(sealing.get(Access::Operator, made.id).await.is_ok());
        fixture.tamper(&made, column, value).await;
        let error = sealing.get(Access::Operator, made.id).await.unwrap_err();
        assert!(matches!(error, Error::Secret(SecretError::WrongKey { .. })), "{error}");
        fixture.tamper(&made, column, was).await;
        assert_eq!(sealing.get(Access::Operator, made.id).await.unwrap(), made);
    }
}

#[tokio::test]
async fn what_is_stored_in_clear_text_is_encrypted_at_start_and_refused_once_that_is_asked() {
    let fixture = Fixture::new().await;
    let headers = ExtraHeaders::from_iter([("Authorization", "hush")]);
    let plain = fixture.subscriptions.create(new_with_headers("a", headers)).await.unwrap();
    let gone = fixture.create("alice", "b", URL).await;
    fixture.subscriptions.delete(Access::Operator, gone.id).await.unwrap();
    let unsigned = fixture.subscriptions.create(new("alice", "c", URL).unsigned()).await.unwrap();
    let strict = fixture.with_key(&key(1).sealed_only());
    assert!(matches!(strict.get(Access::Operator, plain.id).await, Err(Error::Secret(SecretError::Unsealed { .. }))));
    assert_eq!(strict.reseal().await.unwrap(), 0, "a clear text that somebody wrote mustn't become a good one");

    let sealing = fixture.with_key(&key(1));
    assert_eq!(sealing.reseal().await.unwrap(), 1);
    assert_eq!(sealing.reseal().await.unwrap(), 0);
    let row = fixture.row(&plain).await;
    assert!(row.secret.starts_with("enc1:2:") && row.headers.unwrap().starts_with("enc1:2:"));
    assert_eq!(strict.get(Access::Operator, plain.id).await.unwrap(), plain);
    assert_eq!(strict.get(Access::Operator, unsigned.id).await.unwrap(), unsigned);
    assert_eq!(fixture.row(&gone).await.secret, "");
}
