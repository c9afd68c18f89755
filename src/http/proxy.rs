//! Which proxy a host is asked through: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, as values.

use std::net::IpAddr;

use super::address::Reach;
use super::secret::Secret;
use super::url::Url;

/// The three variables. Loopback hosts are never asked through a proxy.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// For `http` addresses: a URL, or `host:port`.
    pub http: Option<Secret>,
    /// For `https` addresses.
    pub https: Option<Secret>,
    /// Hosts that are asked directly, separated by commas: names (and all below them), `.suffix`, `*.suffix`,
    /// addresses, `address/bits`, each with an optional port; `*` for all.
    pub none: String,
}

impl Proxies {
    /// The proxy for `url`.
    pub(super) fn of(&self, url: &Url) -> Option<&Secret> {
        let proxy = if url.is_tls() { &self.https } else { &self.http };
        proxy.as_ref().filter(|p| !p.reveal().is_empty() && !self.spares(url))
    }

    fn spares(&self, url: &Url) -> bool {
        url.reach() == Reach::Loopback
            || self
                .none
                .split([',', ' '])
                .map(str::trim)
                .filter(|r| !r.is_empty())
                .any(|rule| covers(rule, url))
    }
}

fn covers(rule: &str, url: &Url) -> bool {
    if rule == "*" {
        return true;
    }
    let address = url.host().parse::<IpAddr>().ok();
    if let Some((network, bits)) = rule.split_once('/') {
        let inside = |(network, bits)| address.is_some_and(|a| in_network(a, network, bits));
        return network.parse().ok().zip(bits.parse().ok()).is_some_and(inside);
    }
    let (rule, port) = match rule.rsplit_once(':') {
        Some((host, port)) if rule.parse::<IpAddr>().is_err() && !port.is_empty() => {
            (host, port.parse().ok())
        }
        _ => (rule, None),
    };
    if port.is_some_and(|port: u16| port != url.port()) {
        return false;
    }
    let rule = rule.trim_matches(['[', ']']).to_ascii_lowercase();
    if let (Some(address), Ok(rule)) = (address, rule.parse::<IpAddr>()) {
        return address == rule;
    }
    let rule = rule.strip_prefix('*').unwrap_or(&rule);
    match rule.strip_prefix('.') {
        Some(suffix) => below(url.host(), suffix),
        None => url.host() == rule || below(url.host(), rule),
    }
}

fn below(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
}

fn in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) if bits <= 32 => {
            (a.to_bits() ^ n.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(n)) if bits <= 128 => {
            (a.to_bits() ^ n.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_covers_names_suffixes_addresses_networks_and_ports() {
        for (rules, url, spared) in [
            ("", "https://example.org/", false),
            ("example.org", "https://example.org/", true),
            ("example.org", "https://a.example.org/", true),
            ("example.org", "https://badexample.org/", false),
            (".example.org", "https://example.org/", false),
            (".example.org", "https://a.example.org/", true),
            ("*.example.org", "https://a.example.org/", true),
            ("x, EXAMPLE.org:443", "https://example.org/", true),
            ("example.org:5000", "https://example.org/", false),
            ("10.0.0.0/8", "https://10.200.1.1/", true),
            ("10.0.0.0/8", "https://11.0.0.1/", false),
            ("0.0.0.0/0", "https://11.0.0.1/", true),
            ("fd00::/8", "https://[fd12::1]/", true),
            ("fd12::1", "https://[fd12::1]/", true),
            ("*", "https://example.org/", true),
            ("", "https://127.0.0.1/", true),
            ("", "https://localhost:5000/", true),
        ] {
            let proxies = Proxies {
                https: Some(Secret::new("http://p:3128")),
                none: rules.into(),
                ..Proxies::default()
            };
            let url = Url::parse(url).expect("valid");
            assert_eq!(proxies.of(&url).is_none(), spared, "{rules:?} {url}");
        }
    }

    #[test]
    fn each_scheme_has_its_own_proxy() {
        let proxies = Proxies { http: Some(Secret::new("http://p:1")), ..Proxies::default() };
        assert!(proxies.of(&Url::parse("http://example.org/").expect("valid")).is_some());
        assert!(proxies.of(&Url::parse("https://example.org/").expect("valid")).is_none());
    }
}
