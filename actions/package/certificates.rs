//! The certificate authorities that an image trusts: Mozilla's, as the pinned crate `webpki-root-certs` carries them,
//! in PEM (<https://www.rfc-editor.org/rfc/rfc7468>).

use base64::{Engine, engine::general_purpose::STANDARD};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// The width of PEM's lines, in characters.
const LINE: usize = 64;

/// The bundle, in the crate's order: a file of the format that OpenSSL and rustls read through `SSL_CERT_FILE`.
pub(crate) fn bundle() -> String {
    TLS_SERVER_ROOT_CERTS.iter().map(|der| pem(der)).collect()
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        pem.extend([line, "\n"]);
        rest = after;
    }
    pem + "-----END CERTIFICATE-----\n"
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    use super::*;

    #[test]
    fn the_bundle_reads_back_as_the_crate_gave_it() {
        let read: Vec<_> =
            CertificateDer::pem_slice_iter(bundle().as_bytes()).collect::<Result<_, _>>().expect("valid PEM");
        assert_eq!(read, TLS_SERVER_ROOT_CERTS);
        assert!(bundle().lines().all(|line| line.len() <= LINE));
    }
}
