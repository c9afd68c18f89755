//! Whom TLS trusts: the machine's certificates, or those of given files, and those of one host besides.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use ureq::tls::{Certificate, RootCerts};

use super::failure::{Failure, FailureKind};

/// Where root certificates come from.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// `SSL_CERT_FILE`: instead of the machine's.
    pub file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: instead of the machine's.
    pub dir: Option<PathBuf>,
    // What was read, once for all clones: a machine has some hundred files.
    loaded: Loaded,
}

type Loaded = Arc<OnceLock<Result<Arc<Vec<Certificate<'static>>>, Failure>>>;

impl Trust {
    /// Those of `SSL_CERT_FILE` and `SSL_CERT_DIR`; of the machine, if there is neither.
    pub fn of(file: Option<PathBuf>, dir: Option<PathBuf>) -> Trust {
        Trust { file, dir, ..Trust::default() }
    }

    /// Loads them; `own` are those of one host, besides. None at all is no error here: a server on loopback may need none, and
    /// for any other the failed handshake is explained with `found`.
    pub(super) fn load(&self, own: &[Certificate<'static>]) -> Result<(RootCerts, usize), Failure> {
        let mut certificates = self.loaded.get_or_init(|| self.read().map(Arc::new)).clone()?;
        if !own.is_empty() {
            Arc::make_mut(&mut certificates).extend_from_slice(own);
        }
        let found = certificates.len();
        Ok((RootCerts::Specific(certificates), found))
    }

    fn read(&self) -> Result<Vec<Certificate<'static>>, Failure> {
        let loaded = if self.file.is_some() || self.dir.is_some() {
            rustls_native_certs::load_certs_from_paths(self.file.as_deref(), self.dir.as_deref())
        } else {
            rustls_native_certs::load_native_certs()
        };
        if let (Some(error), true) = (loaded.errors.first(), loaded.certs.is_empty())
            && (self.file.is_some() || self.dir.is_some())
        {
            return Err(Failure::new(
                FailureKind::Tls,
                format!("the certificates of SSL_CERT_FILE and SSL_CERT_DIR cannot be read: {error}"),
            ));
        }
        Ok(loaded.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
    }
}

/// What a failed handshake means, for a person. `found`: how many root certificates there were.
pub(super) fn explain(host: &str, cause: &str, found: usize) -> String {
    let hint = if found == 0 {
        "no root certificates were found on this machine: install ca-certificates or set SSL_CERT_FILE"
    } else if cause.contains("CaUsedAsEndEntity") {
        "the server presents a certificate authority's certificate as its own (made with `openssl req -x509` alone, it \
         is marked CA:TRUE): issue a server certificate signed by that authority, or make it with \
         `-addext basicConstraints=critical,CA:FALSE`"
    } else if cause.contains("UnknownIssuer") {
        "its issuer is not among the trusted root certificates: add it to the system's, or name it in SSL_CERT_FILE"
    } else if cause.contains("NotValidForName") || cause.contains("not valid for name") {
        "the certificate is for another host name"
    } else if cause.contains("Expired") || cause.contains("NotValidYet") || cause.contains("expired") {
        "the certificate is not valid at this time: check the clock of this machine, or renew it"
    } else {
        return format!("TLS with {host} failed: {cause}");
    };
    format!("TLS with {host} failed: {cause}: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_file_that_is_not_there_is_named() {
        let trust = Trust::of(Some("/nonexistent/ca.pem".into()), None);
        let failure = trust.load(&[]).expect_err("missing");
        assert!(failure.message.contains("/nonexistent/ca.pem"), "{failure}");
    }

    #[test]
    fn each_usual_mistake_gets_its_hint() {
        for (cause, found, want) in [
            ("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", 1, "CA:FALSE"),
            ("invalid peer certificate: UnknownIssuer", 1, "SSL_CERT_FILE"),
            ("invalid peer certificate: UnknownIssuer", 0, "install ca-certificates"),
            ("invalid peer certificate: Expired", 1, "clock"),
        ] {
            assert!(explain("h", cause, found).contains(want), "{cause}");
        }
    }
}
