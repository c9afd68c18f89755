//! The lists of installed packages of dpkg and apk: which package has another version.

use std::collections::BTreeMap;

use super::pair::{Finding, Pair};

/// How a list of packages names things.
struct Form {
    name: &'static str,
    version: &'static str,
    architecture: &'static str,
}

const DPKG: Form = Form { name: "Package: ", version: "Version: ", architecture: "Architecture: " };
const APK: Form = Form { name: "P:", version: "V:", architecture: "A:" };
const WORLD: &[u8] = b"etc/apk/world";

/// Names of packages, with their versions.
type Versions<'a> = BTreeMap<(&'a str, &'a str), &'a str>;

/// Says which package differs.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    if pair.name == WORLD {
        return world(pair);
    }
    let form = form(pair.name)?;
    let (first, second) = pair.both(|bytes| std::str::from_utf8(bytes).ok())?;
    let (first, second) = (versions(form, first, pair.whole), versions(form, second, pair.whole));
    let mut differ = Vec::new();
    for (key, version) in &first {
        match second.get(key) {
            Some(other) if other == version => {}
            Some(other) => differ.push((key.0, format!("{} is {version}, then {other}", key.0))),
            None if pair.whole => differ.push((key.0, format!("{} {version} is only in the first", key.0))),
            None => {}
        }
    }
    if pair.whole {
        let added = second.iter().filter(|(key, _)| !first.contains_key(*key));
        differ.extend(
            added.map(|(key, version)| (key.0, format!("{} {version} is only in the second", key.0))),
        );
    }
    // A real package says more than one that apk made up: it is pinned first.
    let (name, detail) = differ.iter().find(|(name, _)| !is_virtual(name)).or(differ.first())?;
    let rule = if is_virtual(name) { "apk-virtual" } else { "package-versions" };
    let others = match differ.len() {
        1 => String::new(),
        count => format!("; {count} packages differ"),
    };
    Some(Finding::new(rule, format!("{detail}{others}")))
}

fn form(name: &[u8]) -> Option<&'static Form> {
    match name {
        b"var/lib/dpkg/status" | b"var/lib/dpkg/status-old" | b"var/lib/dpkg/available" => Some(&DPKG),
        b"lib/apk/db/installed" | b"usr/lib/apk/db/installed" => Some(&APK),
        name if name.starts_with(b"var/lib/dpkg/status.d/") => Some(&DPKG),
        _ => None,
    }
}

/// COMPAT: apk calls virtual packages what it is told, and all the world begins them with a point.
fn is_virtual(name: &str) -> bool {
    name.starts_with('.')
}

/// The list of what was asked for: a virtual package stands there with its version.
fn world(pair: &Pair<'_>) -> Option<Finding> {
    let (first, second) = pair.both(|bytes| std::str::from_utf8(bytes).ok())?;
    let (one, other) = first.lines().zip(second.lines()).find(|(one, other)| one != other)?;
    let both = is_virtual(one) && is_virtual(other);
    both.then(|| Finding::new("apk-virtual", format!("{one}, then {other}")))
}

/// Reads the paragraphs; the last one of a part may be cut.
fn versions<'a>(form: &Form, text: &'a str, whole: bool) -> Versions<'a> {
    let mut found = BTreeMap::new();
    let mut paragraph = (None, "", None);
    for line in text.lines().chain(whole.then_some("")) {
        if let Some(name) = line.strip_prefix(form.name) {
            paragraph.0 = Some(name);
        } else if let Some(architecture) = line.strip_prefix(form.architecture) {
            paragraph.1 = architecture;
        } else if let Some(version) = line.strip_prefix(form.version) {
            paragraph.2 = Some(version);
        } else if line.is_empty()
            && let (Some(name), architecture, Some(version)) = std::mem::take(&mut paragraph)
        {
            found.insert((name, architecture), version);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, first: &str, second: &str) -> Option<Finding> {
        look(&Pair::new(name.as_bytes(), first.as_bytes(), second.as_bytes(), true))
    }

    fn dpkg(packages: &[(&str, &str)]) -> String {
        let paragraph = |(name, version): &(&str, &str)| {
            format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n"
            )
        };
        packages.iter().map(paragraph).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_package_is_named_with_both_versions() {
        let first = dpkg(&[("bash", "5.2"), ("curl", "7.88.1-10"), ("zlib", "1.2")]);
        let second = dpkg(&[("bash", "5.2"), ("curl", "7.88.1-11"), ("zlib", "1.3")]);
        let finding = found("var/lib/dpkg/status", &first, &second).unwrap();
        assert_eq!(finding.rule, "package-versions");
        assert_eq!(finding.detail, "curl is 7.88.1-10, then 7.88.1-11; 2 packages differ");
        let more = dpkg(&[("bash", "5.2"), ("curl", "7.88.1-10"), ("new", "1"), ("zlib", "1.2")]);
        let detail = |first: &str, second: &str| found("var/lib/dpkg/status", first, second).unwrap().detail;
        assert_eq!(detail(&first, &more), "new 1 is only in the second");
        assert_eq!(detail(&more, &first), "new 1 is only in the first");
    }

    #[test]
    fn the_same_packages_are_no_difference_of_versions() {
        let status = dpkg(&[("bash", "5.2")]);
        let other = status.replace("install ok installed", "hold ok installed");
        assert_eq!(found("var/lib/dpkg/status", &status, &other), None);
        assert_eq!(found("srv/status", &status, &dpkg(&[("bash", "5.3")])), None);
    }

    #[test]
    fn a_virtual_package_of_apk_is_another_matter() {
        let installed = |version: &str| {
            format!("C:Q1\nP:.rundeps\nV:{version}\nA:noarch\n\nP:musl\nV:1.2.5-r0\nA:x86_64\n\n")
        };
        let (first, second) = (installed("20260102.030405"), installed("20260102.030411"));
        let finding = found("lib/apk/db/installed", &first, &second).unwrap();
        assert_eq!(finding.rule, "apk-virtual");
        assert_eq!(finding.detail, ".rundeps is 20260102.030405, then 20260102.030411");
        let finding =
            found("etc/apk/world", "curl\n.rundeps=20260102.030405\n", "curl\n.rundeps=20260102.030411\n");
        assert_eq!(finding.unwrap().rule, "apk-virtual");
        assert_eq!(found("etc/apk/world", "curl\n", "wget\n"), None);
    }

    #[test]
    fn a_part_of_a_list_says_only_what_both_parts_have() {
        let (first, second) = (dpkg(&[("a", "1"), ("b", "1")]), dpkg(&[("a", "1"), ("c", "2")]));
        let part = Pair {
            whole: false,
            ..Pair::new(b"var/lib/dpkg/status", first.as_bytes(), second.as_bytes(), true)
        };
        assert_eq!(look(&part), None);
    }
}
