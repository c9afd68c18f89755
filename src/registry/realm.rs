//! Which token server a registry may send us to, and whether it may see the registry's credentials.

use crate::http::{Reach, Url};

/// The token server's address, or why it is not asked. `registry` is where the challenge came from; `insecure` says
/// whether the user lets a host do without TLS.
pub(super) fn admit(registry: &Url, realm: &str, insecure: &dyn Fn(&Url) -> bool) -> Result<Url, String> {
    let url = registry.join(realm).map_err(|e| e.to_string())?;
    if url.user_info().is_some() {
        return Err("its address holds user info".to_string());
    }
    match (url.reach(), registry.reach()) {
        (Reach::Metadata, _) => Err("it is a link-local address or a metadata service".to_string()),
        (Reach::Loopback, Reach::Loopback) => Ok(url),
        (Reach::Loopback, _) => Err("it is this machine itself".to_string()),
        _ if !url.is_tls() && !insecure(&url) => Err("it is not under TLS".to_string()),
        _ => Ok(url),
    }
}

/// Whether the credentials of `registry` may go to `realm`: the same host, or one of the same owner as far as names
/// tell, or one that the user named.
pub(super) fn may_know(registry: &Url, realm: &Url, named: &[(String, String)]) -> bool {
    let (a, b) = (registry.host(), realm.host());
    if a == b || (registry.reach() == Reach::Loopback && realm.reach() == Reach::Loopback) {
        return true;
    }
    if named.iter().any(|(owner, host)| owner == a && host == b) {
        return true;
    }
    owner(a).is_some_and(|of_a| owner(b) == Some(of_a))
}

/// The part of a host name that one owner registers: its last two labels, or three where the second-last is a
/// registry's own (`co.uk`), and one more where anybody can have a name below (`azurecr.io`). None for addresses.
fn owner(host: &str) -> Option<&str> {
    // LIMIT: the shared domains of container registries; the whole public suffix list is 200 kB of data.
    const SHARED: [&str; 12] = [
        "azurecr.io",
        "azurecr.cn",
        "azurecr.us",
        "azurewebsites.net",
        "cloudfront.net",
        "amazonaws.com",
        "herokuapp.com",
        "github.io",
        "gitlab.io",
        "jfrog.io",
        "pkg.dev",
        "run.app",
    ];
    if host.contains(':') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return None;
    }
    let labels: Vec<&str> = host.split('.').collect();
    let (last, second) = (labels.last()?, labels.get(labels.len().checked_sub(2)?)?);
    let pair = format!("{second}.{last}");
    let shared = SHARED.contains(&pair.as_str()) || (last.len() == 2 && second.len() <= 3);
    let count = if shared { 3 } else { 2 };
    let skipped = labels.len().checked_sub(count)?;
    let start: usize = labels[..skipped].iter().map(|label| label.len() + 1).sum();
    Some(&host[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("valid")
    }

    #[test]
    fn cve_2026_48978_a_realm_is_public_and_under_tls_or_beside_a_loopback_registry() {
        let registry = url("https://reg.example/v2/");
        for realm in [
            "http://auth.example/token",
            "https://169.254.169.254/latest/meta-data",
            "http://169.254.169.254/",
            "https://127.0.0.1/token",
            "https://localhost/token",
            "https://[::1]/token",
            "https://metadata.google.internal/x",
            "https://me:pw@auth.example/token",
            "file:///etc/passwd",
            "https://2130706433/",
        ] {
            assert!(admit(&registry, realm, &|_| false).is_err(), "{realm}");
        }
        assert!(admit(&registry, "https://auth.elsewhere.example/token", &|_| false).is_ok());
        assert!(admit(&registry, "/token", &|_| false).is_ok());
        assert!(
            admit(&registry, "http://auth.example/token", &|realm| realm.host() == "auth.example").is_ok()
        );
        assert!(admit(&registry, "http://169.254.169.254/", &|_| true).is_err());
        let local = url("http://127.0.0.1:5000/v2/");
        assert!(admit(&local, "http://127.0.0.1:5001/token", &|_| false).is_ok());
        assert!(admit(&local, "https://auth.example/token", &|_| false).is_ok());
        assert!(admit(&local, "http://auth.example/token", &|_| false).is_err());
        assert!(admit(&local, "http://169.254.169.254/", &|_| false).is_err());
    }

    #[test]
    fn credentials_stay_with_one_owner() {
        for (registry, realm, want) in [
            ("registry-1.docker.io", "auth.docker.io", true),
            ("registry.gitlab.com", "gitlab.com", true),
            ("gitlab.example.com:5050", "gitlab.example.com", true),
            ("ghcr.io", "ghcr.io", true),
            ("ghcr.io", "evil.example", false),
            ("mine.azurecr.io", "evil.azurecr.io", false),
            ("mine.azurecr.io", "mine.azurecr.io.evil.example", false),
            ("reg.one.co.uk", "auth.one.co.uk", true),
            ("one.co.uk", "two.co.uk", false),
            ("10.0.0.1", "10.0.0.2", false),
            ("reg", "auth", false),
        ] {
            let (registry, realm) = (url(&format!("https://{registry}/")), url(&format!("https://{realm}/")));
            assert_eq!(may_know(&registry, &realm, &[]), want, "{registry} {realm}");
        }
        let named = [("ghcr.io".to_string(), "tokens.example".to_string())];
        assert!(may_know(&url("https://ghcr.io/"), &url("https://tokens.example/"), &named));
    }
}
