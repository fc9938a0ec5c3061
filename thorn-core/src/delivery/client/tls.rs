//! TLS, always verified.

use std::sync::Arc;

use rustls::{
    ClientConfig,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;

use crate::error::Error;

/// A configuration that trusts the system's certificate authorities and the extra authorities.
///
/// The function names the provider, so it needs neither a process-wide default nor another TLS stack.
pub(super) fn verified(extra: &[Vec<u8>]) -> Result<ClientConfig, Error> {
    let mut roots = Vec::new();
    for bytes in extra {
        roots.extend(certificates(bytes)?);
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))
        .map_err(|error| refuse(format!("{error}; install the system's CA certificates, or name an authority here")))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(error.to_string()))?
        // A custom verifier could be dangerous. This verifier is the platform's own.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates in PEM or DER. Bytes without a PEM header count as DER, which rustls parses when the certificate
/// is added to the roots.
fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return Ok(vec![CertificateDer::from(bytes.to_vec())]);
    }
    let found: Vec<_> = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| refuse(format!("a PEM file can't be read: {error}")))?;
    if found.is_empty() { Err(refuse("a PEM file holds no certificate".to_owned())) } else { Ok(found) }
}

fn refuse(reason: String) -> Error {
    Error::option("extra_root_certificates", reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalid::InvalidOption;

    #[test]
    fn certificates_that_can_t_be_read_are_refused() {
        for bad in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            let error = verified(&[bad.as_bytes().to_vec()]).unwrap_err();
            assert!(
                matches!(error, Error::Option(InvalidOption { option: "extra_root_certificates", .. })),
                "{bad}: {error}"
            );
        }
    }
}
