//! `/etc/hosts` and `/etc/resolv.conf` of a RUN: provided for it, never committed.

use std::fmt::Write as _;

use crate::graph::HostEntry;

/// Where the first is mounted.
pub const HOSTS: &str = "/etc/hosts";
/// Where the second is.
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// `/etc/hosts`: loopback, the sandbox's own name, and what `--add-host` says.
pub fn etc_hosts(hostname: &str, extra: &[HostEntry]) -> String {
    let mut text = format!("127.0.0.1\tlocalhost {hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    for HostEntry { name, address } in extra {
        writeln!(text, "{address}\t{name}").expect("writing to memory");
    }
    text
}

/// `/etc/resolv.conf` from the host's: on the host's network every server of it can be reached. Comments fall away.
/// A host that has none gives an empty file.
pub fn resolv_conf() -> String {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let says = |line: &&str| !line.trim_start().starts_with(['#', ';']) && !line.trim().is_empty();
    text.lines().filter(says).fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_can_resolve_its_own_name() {
        let extra = [HostEntry { name: "db".into(), address: "10.0.0.1".into() }];
        let text = etc_hosts("buildkitsandbox", &extra);
        assert!(text.contains("127.0.0.1\tlocalhost buildkitsandbox\n") && text.ends_with("10.0.0.1\tdb\n"));
    }
}
