//! Where a host that is written out leads: to the world, to this machine, or to a place that hands out secrets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place a host name or address is, as far as its text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anything else.
    Elsewhere,
    /// This machine: `localhost`, `127.0.0.0/8`, `::1` and the unspecified addresses.
    Loopback,
    /// Link-local addresses and the metadata services of clouds: never asked on somebody else's word.
    Metadata,
}

impl Reach {
    /// The kind of `host` (a name, an IPv4 address or an IPv6 address without brackets).
    pub fn of(host: &str) -> Reach {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if let Ok(ip) = host.parse::<IpAddr>() {
            return match ip {
                IpAddr::V4(ip) => of_v4(ip),
                IpAddr::V6(ip) => of_v6(ip),
            };
        }
        if host == "localhost" || host.ends_with(".localhost") {
            return Reach::Loopback;
        }
        match host.as_str() {
            "metadata" | "metadata.google.internal" | "metadata.goog" | "instance-data" => Reach::Metadata,
            _ => Reach::Elsewhere,
        }
    }
}

fn of_v4(ip: Ipv4Addr) -> Reach {
    // LIMIT: the metadata addresses outside 169.254/16 of Alibaba, Azure and Oracle.
    const METADATA: [Ipv4Addr; 3] =
        [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
    if ip.is_loopback() || ip.is_unspecified() {
        Reach::Loopback
    } else if ip.is_link_local() || METADATA.contains(&ip) {
        Reach::Metadata
    } else {
        Reach::Elsewhere
    }
}

fn of_v6(ip: Ipv6Addr) -> Reach {
    const METADATA: [Ipv6Addr; 2] = [
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    ];
    if ip.is_loopback() || ip.is_unspecified() {
        Reach::Loopback
    } else if let Some(inner) = ip.to_ipv4() {
        of_v4(inner)
    } else if ip.is_unicast_link_local() || METADATA.contains(&ip) {
        Reach::Metadata
    } else {
        Reach::Elsewhere
    }
}

/// Whether a resolver would take `host` for an address although it is not written as one: `127.1`, `0x7f000001`,
/// `2130706433`.
pub(super) fn is_disguised(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    number && host.parse::<Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_must_not_be_reached_by_accident_are_known() {
        for (host, want) in [
            ("example.org", Reach::Elsewhere),
            ("10.0.0.1", Reach::Elsewhere),
            ("localhost", Reach::Loopback),
            ("LOCALHOST.", Reach::Loopback),
            ("a.localhost", Reach::Loopback),
            ("127.9.9.9", Reach::Loopback),
            ("0.0.0.0", Reach::Loopback),
            ("::1", Reach::Loopback),
            ("::ffff:127.0.0.1", Reach::Loopback),
            ("169.254.169.254", Reach::Metadata),
            ("::ffff:169.254.169.254", Reach::Metadata),
            ("fe80::1", Reach::Metadata),
            ("fd00:ec2::254", Reach::Metadata),
            ("metadata.google.internal", Reach::Metadata),
            ("100.100.100.200", Reach::Metadata),
        ] {
            assert_eq!(Reach::of(host), want, "{host}");
        }
    }

    #[test]
    fn numbers_that_a_resolver_reads_as_addresses_are_seen_through() {
        for host in ["127.1", "0x7f000001", "2130706433", "0177.0.0.1.", "1.2.3.4.5", "a.0x1"] {
            assert!(is_disguised(host), "{host}");
        }
        for host in ["127.0.0.1", "example.org", "1.example", "x1", "0xg.example"] {
            assert!(!is_disguised(host), "{host}");
        }
    }
}
