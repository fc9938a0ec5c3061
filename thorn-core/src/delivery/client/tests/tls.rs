//! The client verifies certificates against the system's authorities and the extra authorities.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};

use super::*;

/// A private authority as PEM, and a server configuration with a certificate that this authority issued for `name`.
fn private(name: &str) -> (String, ServerConfig) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);

    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    (authority, server(leaf.der().clone(), &key))
}

fn self_signed(name: &str) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    server(certificate.der().clone(), &key)
}

fn server(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap()
}

/// Makes one attempt at `https://{name}`, which is a receiver on loopback.
async fn attempt(name: &str, server: ServerConfig, roots: Vec<Vec<u8>>) -> (Attempt, Receiver) {
    let receiver = Receiver::start_tls(Reply::status("200 OK", "", ""), server).await;
    let guard = loopback().resolving_to([["127.0.0.1"]]);
    let config = ClientConfig { guard, extra_root_certificates: roots, ..ClientConfig::default() };
    let url = format!("https://{name}:{}/", receiver.address.port());
    (Hook::default().send(&Client::new(config).unwrap(), &url).await, receiver)
}

#[tokio::test]
async fn thorn_159_self_signed_and_unknown_certificates_are_refused() {
    for server in [self_signed("a.test"), private("a.test").1] {
        let (attempt, receiver) = attempt("a.test", server, vec![]).await;
        assert_eq!((attempt.outcome, attempt.status), (Outcome::Unreachable, None), "{attempt:?}");
        assert!(attempt.error.as_deref().is_some_and(|error| error.contains("certificate")), "{attempt:?}");
        assert!(receiver.requests().is_empty());
    }
}

#[tokio::test]
async fn thorn_159_a_private_authority_can_be_trusted_and_the_server_is_told_its_name() {
    let (authority, server) = private("a.test");
    let (attempt, receiver) = attempt("a.test", server, vec![authority.into_bytes()]).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    assert_eq!(receiver.server_name().as_deref(), Some("a.test"));
    assert_eq!(receiver.request().header("host"), format!("a.test:{}", receiver.address.port()));
}

#[tokio::test]
async fn a_receiver_that_offers_only_http_2_fails_with_a_reason_that_says_so() {
    let (authority, mut server) = private("a.test");
    server.alpn_protocols = vec![b"h2".to_vec()];
    let (attempt, receiver) = attempt("a.test", server, vec![authority.into_bytes()]).await;
    assert_eq!(attempt.outcome, Outcome::Unreachable, "{attempt:?}");
    assert!(attempt.error.as_deref().is_some_and(|error| error.contains("only HTTP/2")), "{attempt:?}");
    assert!(receiver.requests().is_empty());

    let (authority, mut server) = private("a.test");
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let (attempt, _receiver) = self::attempt("a.test", server, vec![authority.into_bytes()]).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
}

#[tokio::test]
async fn a_receiver_that_answers_in_http_2_frames_is_told_that_http_1_is_needed() {
    // An empty SETTINGS frame (RFC 9113, section 6.5), with which a server's connection begins.
    let settings = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    let (attempt, _receiver) = super::attempt(Reply::AndClose(settings)).await;
    assert_eq!(attempt.outcome, Outcome::Unreachable, "{attempt:?}");
    assert!(attempt.error.as_deref().is_some_and(|error| error.contains("HTTP/1.1")), "{attempt:?}");
}

#[tokio::test]
async fn thorn_159_a_certificate_for_another_name_is_refused() {
    let (authority, server) = private("b.test");
    let (attempt, receiver) = attempt("a.test", server, vec![authority.into_bytes()]).await;
    assert_eq!(attempt.outcome, Outcome::Unreachable, "{attempt:?}");
    assert!(receiver.requests().is_empty());
}
