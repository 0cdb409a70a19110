use std::fmt;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};

use crate::error::{ConfigError, ensure};

/// Which certificate authorities a server's certificate may lead to.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Roots {
    /// Each of them was accepted by a store, so that making one cannot fail.
    own: Vec<CertificateDer<'static>>,
    only_own: bool,
    /// Nobody's certificate is looked at.
    unverified: bool,
}

impl Roots {
    /// Adds every certificate of a PEM text; other kinds of sections are passed over.
    pub(super) fn add_pem(&mut self, text: &[u8]) -> Result<(), ConfigError> {
        let setting = "root_certificate_pem";
        let unusable = |why| ConfigError::Unusable { setting, why };
        let certificates = CertificateDer::pem_slice_iter(text)
            .collect::<Result<Vec<_>, pem::Error>>()
            .map_err(|_| unusable("it is not PEM"))?;
        if certificates.is_empty() {
            return Err(unusable("it holds no certificate"));
        }
        for certificate in certificates {
            self.add(certificate, setting)?;
        }
        Ok(())
    }

    /// Adds one certificate in binary form.
    pub(super) fn add_der(&mut self, bytes: &[u8]) -> Result<(), ConfigError> {
        self.add(
            CertificateDer::from_slice(bytes).into_owned(),
            "root_certificate_der",
        )
    }

    pub(super) fn only_own(&mut self) {
        self.only_own = true;
    }

    pub(super) fn trust_everybody(&mut self) {
        self.unverified = true;
    }

    pub(super) fn trusts_everybody(&self) -> bool {
        self.unverified
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        ensure(
            !self.only_own || !self.own.is_empty(),
            "only_root_certificates",
            "come with a root certificate, or nobody is trusted",
        )
    }

    pub(super) fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        if !self.only_own {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        store.add_parsable_certificates(self.own.iter().cloned());
        store
    }

    fn add(
        &mut self,
        certificate: CertificateDer<'static>,
        setting: &'static str,
    ) -> Result<(), ConfigError> {
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|_| ConfigError::Unusable {
                setting,
                why: "it holds something that is not a certificate",
            })?;
        self.own.push(certificate);
        Ok(())
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A certificate's bytes would fill a page and tell nobody anything.
        f.debug_struct("Roots")
            .field("own", &self.own.len())
            .field("mozilla", &!self.only_own)
            .field("unverified", &self.unverified)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn certificate() -> rcgen::Certificate {
        rcgen::generate_simple_self_signed(["ca.example.test".to_owned()])
            .unwrap()
            .cert
    }

    fn pem(certificate: &rcgen::Certificate) -> String {
        let text = BASE64_STANDARD.encode(certificate.der());
        format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
    }

    #[track_caller]
    fn check_refused(result: Result<(), ConfigError>, want: &str) {
        assert_eq!(result.unwrap_err().to_string(), want);
    }

    #[test]
    fn every_certificate_of_a_pem_text_counts() {
        let text = format!(
            "a comment\n{}\n{}",
            pem(&certificate()),
            pem(&certificate())
        );
        let mut roots = Roots::default();
        roots.add_pem(text.as_bytes()).unwrap();
        assert_eq!(
            roots.store().len(),
            webpki_roots::TLS_SERVER_ROOTS.len() + 2
        );
        assert_eq!(
            format!("{roots:?}"),
            "Roots { own: 2, mozilla: true, unverified: false }"
        );
    }

    #[test]
    fn only_own_roots_leave_mozilla_out() {
        let mut roots = Roots::default();
        roots.only_own();
        check_refused(
            roots.check(),
            "only_root_certificates must come with a root certificate, or nobody is trusted",
        );
        roots.add_der(certificate().der()).unwrap();
        roots.check().unwrap();
        assert_eq!(roots.store().len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let mut roots = Roots::default();
        check_refused(
            roots.add_pem(b""),
            "root_certificate_pem cannot be used: it holds no certificate",
        );
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        check_refused(
            roots.add_pem(key.as_bytes()),
            "root_certificate_pem cannot be used: it holds no certificate",
        );
        check_refused(
            roots.add_pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n"),
            "root_certificate_pem cannot be used: it is not PEM",
        );
        let not_one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        check_refused(
            roots.add_pem(not_one.as_bytes()),
            "root_certificate_pem cannot be used: it holds something that is not a certificate",
        );
        check_refused(
            roots.add_der(b"AAAA"),
            "root_certificate_der cannot be used: it holds something that is not a certificate",
        );
        assert_eq!(roots, Roots::default());
    }
}
