//! EXPOSE: ports and ranges of ports.

use super::error::ErrorKind;
use super::go_text;
use super::state::State;
use super::stop::Stop;
use crate::dockerfile::{Word, expand_words};
use crate::oci::Empty;

/// `EXPOSE`.
///
/// COMPAT: words are sorted before they are expanded, as in BuildKit: history shows it.
pub(super) fn expose(state: &mut State<'_, '_>, words: &[Word]) -> Result<(), Stop> {
    let mut words: Vec<&Word> = words.iter().collect();
    words.sort_by(|a, b| a.raw.cmp(&b.raw));
    let mut ports = Vec::new();
    for word in words {
        let expanded = expand_words(word, state.site.request.dockerfile.escape, &state.scope);
        for text in expanded.map_err(|error| state.wrong_word(error))? {
            state.grow(text.len())?;
            let port = Port::read(&text).map_err(|problem| state.error(ErrorKind::BadPort(problem)))?;
            if port.protocol != port.protocol.to_lowercase() {
                let message = format!("Defined protocol '{text}' in EXPOSE instruction should be lowercase");
                state.warn("ExposeProtoCasing", message);
            }
            if port.maps {
                let message = format!(
                    "EXPOSE instruction should not define an IP address or host-port mapping, found '{text}'"
                );
                state.warn("ExposeInvalidFormat", message);
            }
            // What 65,000 ports come to in config and history; a line may name them many times.
            state.grow(24 * usize::from(port.last - port.first))?;
            for number in port.first..=port.last {
                ports.push(format!("{number}/{}", port.protocol.to_lowercase()));
            }
        }
    }
    for port in &ports {
        state.config.config.exposed_ports.insert(port.clone(), Empty {});
    }
    state.commit(format!("EXPOSE {}", go_text::list(&ports)), false);
    Ok(())
}

/// `[[ip:]host:]port[-port][/protocol]`; what is before the port is checked and dropped.
#[derive(Debug, PartialEq, Eq)]
struct Port {
    first: u16,
    last: u16,
    protocol: String,
    maps: bool,
}

impl Port {
    fn read(text: &str) -> Result<Port, String> {
        let mut parts = text.rsplitn(3, ':');
        let container = parts.next().unwrap_or_default();
        let host = parts.next().unwrap_or_default();
        let ip = parts.next().unwrap_or_default();
        let (ports, protocol) = container.split_once('/').unwrap_or((container, ""));
        let problem = match (ports, protocol.to_lowercase().as_str()) {
            ("", _) => Some("no port specified".to_string()),
            (_, "" | "tcp" | "udp" | "sctp") => None,
            _ => Some(format!("invalid proto: {protocol}")),
        };
        if let Some(problem) = problem {
            return Err(format!("invalid port: {text:?}: {problem}"));
        }
        let address = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
        if !address.is_empty() && address.parse::<core::net::IpAddr>().is_err() {
            return Err(format!("invalid IP address: {ip}"));
        }
        let (first, last) = range(ports).ok_or_else(|| format!("invalid containerPort: {ports}"))?;
        if !host.is_empty() {
            let (host_first, host_last) = range(host).ok_or_else(|| format!("invalid hostPort: {host}"))?;
            if last - first != host_last - host_first && first != last {
                let problem = "invalid ranges specified for container and host Ports";
                return Err(format!("{problem}: {ports} and {host}"));
            }
        }
        let protocol = if protocol.is_empty() { "tcp" } else { protocol }.to_string();
        Ok(Port { first, last, protocol, maps: !ip.is_empty() || !host.is_empty() })
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    // COMPAT: Go's numbers may have a sign.
    let number = |text: &str| text.parse::<i64>().ok().and_then(|number| u16::try_from(number).ok());
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_ranges_and_mappings_are_read() {
        for (text, first, last, protocol, maps) in [
            ("80", 80, 80, "tcp", false),
            ("80-82/UDP", 80, 82, "UDP", false),
            ("8080:80/sctp", 80, 80, "sctp", true),
            ("127.0.0.1:8080:80", 80, 80, "tcp", true),
            ("[::1]:8080:80", 80, 80, "tcp", true),
            ("127.0.0.1::80", 80, 80, "tcp", true),
            ("0", 0, 0, "tcp", false),
            ("90-99:80", 80, 80, "tcp", true),
        ] {
            let port = Port { first, last, protocol: protocol.to_string(), maps };
            assert_eq!(Port::read(text), Ok(port), "{text}");
        }
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for (text, want) in [
            ("", "invalid port: \"\": no port specified"),
            ("80/http", "invalid port: \"80/http\": invalid proto: http"),
            ("65536", "invalid containerPort: 65536"),
            ("-1", "invalid containerPort: -1"),
            ("82-80", "invalid containerPort: 82-80"),
            ("80-", "invalid containerPort: 80-"),
            ("x:80", "invalid hostPort: x"),
            ("y:1:80", "invalid IP address: y"),
            ("1-2:80-82", "invalid ranges specified for container and host Ports: 80-82 and 1-2"),
        ] {
            assert_eq!(Port::read(text), Err(want.to_string()), "{text}");
        }
    }
}
