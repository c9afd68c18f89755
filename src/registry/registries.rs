//! What a user has set for registries: mirrors, moved and blocked names, hosts without TLS, short names.
//!
//! Pure: the files are read in `registries_conf` and `daemon_json`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use super::error::Error;
use crate::oci::Reference;

/// All settings.
#[derive(Clone, Debug, Default)]
pub struct Registries {
    /// By prefix, each once.
    pub(super) rules: Vec<Rule>,
    /// Names without a registry, and what they stand for.
    pub(super) aliases: BTreeMap<String, String>,
    /// Hosts that may do without TLS, or without a trusted certificate.
    pub(super) insecure: Vec<InsecureHost>,
    /// Who is asked for credentials, in order; nobody: the files of credentials.
    pub(super) helpers: Vec<String>,
    /// Which file says so.
    pub(super) helpers_file: PathBuf,
}

/// What holds for the names below one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// `host[:port][/path]`, or `*.domain[/path]`.
    pub prefix: String,
    /// What stands for the prefix when images are fetched; the same if none.
    pub location: Option<String>,
    pub insecure: bool,
    pub blocked: bool,
    pub mirrors: Vec<Mirror>,
    /// Which file says so.
    pub file: String,
}

/// Another place for the same images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mirror {
    pub location: String,
    pub insecure: bool,
    pub when: When,
}

/// Which references a mirror is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// Those with a digest.
    Digests,
    /// Those without.
    Tags,
}

/// Hosts that need no TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InsecureHost {
    /// `host[:port]`, as it stands in names.
    Named(String),
    /// Addresses that share the first so many bits.
    Network(IpAddr, u32),
}

/// Where a repository is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// Its name there.
    pub reference: Reference,
    /// Whether the registry need not speak TLS with a trusted certificate.
    pub insecure: bool,
}

impl Registries {
    /// The same, with one more host that need not speak TLS with a trusted certificate: `HOST[:PORT]`, as it stands in
    /// names, or a network of addresses such as `10.0.0.0/8`.
    pub fn allow_insecure(&mut self, host: &str) -> Result<(), String> {
        if let Some((address, bits)) = host.split_once('/') {
            let network = address.parse::<IpAddr>().ok().zip(bits.parse::<u32>().ok());
            let most = |address: &IpAddr| if address.is_ipv4() { 32 } else { 128 };
            let (address, bits) = network.filter(|(address, bits)| *bits <= most(address)).ok_or_else(|| {
                format!("{host}: expected HOST[:PORT] or a network such as 10.0.0.0/8, without https:// and path")
            })?;
            self.insecure.push(InsecureHost::Network(address, bits));
            return Ok(());
        }
        // The parser of references knows what a host is.
        let fits = format!("{host}/x")
            .parse::<Reference>()
            .is_ok_and(|name| name.registry == host || is_plain(host));
        if !fits || host.is_empty() {
            return Err(format!("{host}: expected HOST[:PORT], as it stands in names of images"));
        }
        self.insecure.push(InsecureHost::Named(host.to_string()));
        Ok(())
    }

    /// What a name as somebody wrote it stands for by an alias, tag and digest kept; none if it names its registry, or
    /// there is no alias for it.
    pub fn alias(&self, written: &str) -> Option<Reference> {
        let (name, digest) =
            written.split_once('@').map_or((written, ""), |(name, _)| (name, &written[name.len()..]));
        let (name, tag) = match name.rsplit_once(':') {
            Some((before, tag)) if !tag.contains('/') => (before, &name[before.len()..]),
            _ => (name, ""),
        };
        let stands_for = self.aliases.get(name)?;
        format!("{stands_for}{tag}{digest}").parse().ok()
    }

    /// Where an image is fetched from, one after the other: mirrors, then the place itself.
    pub(super) fn sites(&self, reference: &Reference) -> Result<Vec<Site>, Error> {
        let Some((rule, matched)) = self.rule(reference) else {
            return Ok(vec![self.site(reference.clone(), false)]);
        };
        self.refuse_blocked(reference, rule)?;
        let moved = |location: &str| {
            relocated(reference, matched, location).ok_or_else(|| Error::Settings {
                path: rule.file.clone().into(),
                reason: format!("{} would be {location}, which is no repository", reference.familiar()),
            })
        };
        let asked_for = |mirror: &&Mirror| match mirror.when {
            When::Always => true,
            When::Digests => reference.digest.is_some(),
            When::Tags => reference.digest.is_none(),
        };
        let mut sites = Vec::new();
        for mirror in rule.mirrors.iter().filter(asked_for) {
            sites.push(self.site(moved(&mirror.location)?, mirror.insecure));
        }
        let own = rule.location.as_deref().map_or_else(|| Ok(reference.clone()), moved)?;
        sites.push(self.site(own, rule.insecure));
        Ok(sites)
    }

    /// Where an image is sent to: the place that its name says, whatever is set for fetching.
    pub(super) fn home(&self, reference: &Reference) -> Result<Site, Error> {
        let Some((rule, _)) = self.rule(reference) else { return Ok(self.site(reference.clone(), false)) };
        self.refuse_blocked(reference, rule)?;
        // What is said of another location is said of that one alone.
        let insecure =
            rule.insecure && rule.location.as_ref().is_none_or(|l| host_of(l) == reference.registry);
        Ok(self.site(reference.clone(), insecure))
    }

    /// Whether `host[:port]` need not speak TLS with a trusted certificate.
    pub(super) fn is_insecure(&self, host: &str) -> bool {
        self.insecure.iter().any(|allowed| match allowed {
            InsecureHost::Named(name) => name == host,
            InsecureHost::Network(network, bits) => {
                address_of(host).is_some_and(|address| shares(address, *network, *bits))
            }
        })
    }

    fn site(&self, reference: Reference, insecure: bool) -> Site {
        let insecure = insecure || self.is_insecure(&reference.registry);
        Site { reference, insecure }
    }

    /// The rule with the longest prefix, and how much of the name it is.
    fn rule(&self, reference: &Reference) -> Option<(&Rule, usize)> {
        let name = reference.name();
        let mut best: Option<(&Rule, usize)> = None;
        for rule in &self.rules {
            let Some(matched) = matched(&rule.prefix, &name) else { continue };
            // ORDER: of prefixes that match the same part, the one written out.
            let is_better = best.is_none_or(|(known, so_far)| {
                (matched, !rule.prefix.starts_with('*')) > (so_far, !known.prefix.starts_with('*'))
            });
            if is_better {
                best = Some((rule, matched));
            }
        }
        best
    }

    fn refuse_blocked(&self, reference: &Reference, rule: &Rule) -> Result<(), Error> {
        match rule.blocked {
            true => Err(Error::Blocked {
                what: reference.familiar(),
                prefix: rule.prefix.clone(),
                file: rule.file.clone(),
            }),
            false => Ok(()),
        }
    }
}

/// A single label: `registry`, which in a name would be taken for a part of a Docker Hub repository.
fn is_plain(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// How much of `name` a prefix is; none if it does not match whole components.
fn matched(prefix: &str, name: &str) -> Option<usize> {
    let end = match prefix.strip_prefix('*') {
        Some(suffix) => {
            let (domain, path) = suffix.split_at(suffix.find('/').unwrap_or(suffix.len()));
            let host = name.split('/').next().unwrap_or_default();
            let host_name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            // A port is part of the host, and matched only if it is written.
            let at = if domain.contains(':') {
                host.strip_suffix(domain)
            } else {
                host_name.strip_suffix(domain)
            }?;
            if at.is_empty() || !name[host.len()..].starts_with(path) {
                return None;
            }
            host.len() + path.len()
        }
        None => name.starts_with(prefix).then_some(prefix.len())?,
    };
    matches!(name.as_bytes().get(end), None | Some(b'/')).then_some(end)
}

/// None if no repository is left.
fn relocated(reference: &Reference, matched: usize, location: &str) -> Option<Reference> {
    let whole = format!("{location}{}", &reference.name()[matched..]);
    let (registry, repository) = whole.split_once('/').filter(|(_, repository)| !repository.is_empty())?;
    Some(Reference {
        registry: registry.to_string(),
        repository: repository.to_string(),
        ..reference.clone()
    })
}

pub(super) fn host_of(location: &str) -> &str {
    location.split('/').next().unwrap_or_default()
}

fn address_of(host: &str) -> Option<IpAddr> {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next()?.parse().ok();
    }
    host.split(':').next()?.parse().ok()
}

fn shares(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            (a.to_bits() ^ n.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => {
            (a.to_bits() ^ n.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str) -> Rule {
        Rule {
            prefix: prefix.to_string(),
            location: None,
            insecure: false,
            blocked: false,
            mirrors: Vec::new(),
            file: "x.conf".to_string(),
        }
    }

    fn reference(text: &str) -> Reference {
        text.parse().expect("valid")
    }

    #[test]
    fn a_prefix_is_whole_components_and_a_star_is_whole_labels() {
        for (prefix, name, want) in [
            ("q.io", "q.io/a/b", Some(4)),
            ("q.io/a", "q.io/a/b", Some(6)),
            ("q.io/a", "q.io/ab", None),
            ("q.io", "q.io:5000/a", None),
            ("q.io:5000", "q.io:5000/a", Some(9)),
            ("*.q.io", "a.q.io/x", Some(6)),
            ("*.q.io", "a.b.q.io/x", Some(8)),
            ("*.q.io", "q.io/x", None),
            ("*.q.io", "aq.io/x", None),
            ("*.q.io", "a.q.io.evil/x", None),
            ("*.q.io", "evil.io/a.q.io/x", None),
            ("*.q.io", "a.q.io:5000/x", Some(11)),
            ("*.q.io/team", "a.q.io/team/x", Some(11)),
            ("*.q.io/team", "a.q.io/teams/x", None),
        ] {
            assert_eq!(matched(prefix, name), want, "{prefix} {name}");
        }
    }

    #[test]
    fn the_longest_prefix_decides_and_names_are_moved() {
        let with =
            |prefix: &str, location: &str| Rule { location: Some(location.to_string()), ..rule(prefix) };
        let rules = vec![
            with("q.io", "in.example/q"),
            with("q.io/team", "team.example"),
            with("*.io", "any.example"),
        ];
        let all = Registries { rules, ..Registries::default() };
        for (name, want) in [
            ("q.io/a:1", "in.example/q/a:1"),
            ("q.io/team/a:1", "team.example/a:1"),
            ("r.io/a:1", "any.example/a:1"),
            ("other.example/a:1", "other.example/a:1"),
        ] {
            let sites = all.sites(&reference(name)).expect("not blocked");
            assert_eq!(sites.len(), 1);
            assert_eq!(sites[0].reference.to_string(), want);
            assert_eq!(all.home(&reference(name)).expect("open").reference, reference(name), "pushes stay");
        }
    }

    #[test]
    fn mirrors_come_first_and_only_for_what_they_are_for() {
        let mirror = |location: &str, when| Mirror { location: location.to_string(), insecure: false, when };
        let mirrors = vec![
            mirror("all.example", When::Always),
            mirror("d.example/m", When::Digests),
            mirror("t.example", When::Tags),
        ];
        let all = Registries { rules: vec![Rule { mirrors, ..rule("docker.io") }], ..Registries::default() };
        let names = |text: &str| -> Vec<String> {
            let sites = all.sites(&reference(text)).expect("not blocked");
            sites.iter().map(|site| site.reference.name()).collect()
        };
        assert_eq!(
            names("busybox"),
            ["all.example/library/busybox", "t.example/library/busybox", "docker.io/library/busybox"]
        );
        let pinned = format!("busybox@sha256:{:064}", 0);
        assert_eq!(
            names(&pinned),
            ["all.example/library/busybox", "d.example/m/library/busybox", "docker.io/library/busybox"]
        );
    }

    #[test]
    fn blocked_names_are_refused_for_both_ways_with_the_file() {
        let all = Registries {
            rules: vec![Rule { blocked: true, ..rule("bad.example") }, rule("bad.example/good")],
            ..Registries::default()
        };
        for error in
            [all.sites(&reference("bad.example/x")).err(), all.home(&reference("bad.example/x")).err()]
        {
            let said = error.expect("blocked").to_string();
            assert!(said.contains("x.conf") && said.contains("bad.example/x"), "{said}");
        }
        assert!(all.sites(&reference("bad.example/good/x")).is_ok());
    }

    #[test]
    fn insecure_is_said_of_one_host_and_holds_for_no_other() {
        let mut all = Registries {
            rules: vec![Rule {
                insecure: true,
                mirrors: vec![Mirror {
                    location: "m.example".to_string(),
                    insecure: false,
                    when: When::Always,
                }],
                ..rule("q.io")
            }],
            ..Registries::default()
        };
        let sites = all.sites(&reference("q.io/x")).expect("open");
        assert_eq!(sites.iter().map(|site| site.insecure).collect::<Vec<_>>(), [false, true]);
        for host in ["reg.lan:5000", "registry", "10.0.0.0/8", "fd00::/8"] {
            all.allow_insecure(host).expect(host);
        }
        for (host, want) in [
            ("reg.lan:5000", true),
            ("reg.lan", false),
            ("a.reg.lan:5000", false),
            ("10.1.2.3:5000", true),
            ("11.1.2.3", false),
            ("[fd12::1]:5000", true),
            ("registry", true),
        ] {
            assert_eq!(all.is_insecure(host), want, "{host}");
        }
        for host in ["", "https://reg.lan", "reg.lan/path", "10.0.0.0/33", "a b"] {
            assert!(all.allow_insecure(host).is_err(), "{host}");
        }
    }

    #[test]
    fn an_alias_stands_for_a_name_without_registry_and_keeps_tag_and_digest() {
        let mut all = Registries::default();
        all.aliases.insert("fedora".to_string(), "reg.example/fedora".to_string());
        all.aliases.insert("team/app".to_string(), "reg.example:5000/app".to_string());
        let digest = format!("sha256:{:064}", 0);
        for (written, want) in [
            ("fedora", Some("reg.example/fedora:latest".to_string())),
            ("fedora:40", Some("reg.example/fedora:40".to_string())),
            ("team/app:1", Some("reg.example:5000/app:1".to_string())),
            (&format!("fedora@{digest}"), Some(format!("reg.example/fedora@{digest}"))),
            (&format!("fedora:40@{digest}"), Some(format!("reg.example/fedora:40@{digest}"))),
            ("docker.io/library/fedora", None),
            ("fedora2", None),
        ] {
            assert_eq!(all.alias(written).map(|name| name.to_string()), want, "{written}");
        }
    }
}
