//! The predefined proxy arguments: usable without ARG, out of key and history.

use std::collections::BTreeMap;

/// In the order in which a process gets them.
const NAMES: [&str; 5] = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/// Whether `name` is a predefined proxy argument, in any case.
pub(super) fn is_proxy(name: &str) -> bool {
    NAMES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
}

/// Adds the proxies of the user's configuration to the build arguments, where those say nothing.
pub(super) fn add_defaults(build: &mut BTreeMap<String, String>, defaults: &[(String, String)]) {
    let given: Vec<String> =
        build.keys().filter(|name| is_proxy(name)).map(|name| name.to_ascii_uppercase()).collect();
    for (name, value) in defaults {
        if is_proxy(name) && !given.contains(&name.to_ascii_uppercase()) {
            build.insert(name.clone(), value.clone());
        }
    }
}

/// The variables that a process gets: each proxy under both cases.
///
/// COMPAT: of several spellings the one that sorts last counts, as in BuildKit.
pub(super) fn variables(build: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for name in NAMES {
        let value = build.iter().rev().find(|(given, _)| given.eq_ignore_ascii_case(name));
        if let Some((_, value)) = value.filter(|(_, value)| !value.is_empty()) {
            all.push((name.to_string(), value.clone()));
            all.push((name.to_ascii_lowercase(), value.clone()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_argument_comes_before_the_configuration_in_any_case() {
        let mut build = BTreeMap::from([("http_proxy".to_string(), "mine".to_string())]);
        let config = [("HTTP_PROXY".to_string(), "theirs".to_string()), ("NO_PROXY".into(), "x".into())];
        add_defaults(&mut build, &config);
        let told: Vec<String> = variables(&build).into_iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(told, ["HTTP_PROXY=mine", "http_proxy=mine", "NO_PROXY=x", "no_proxy=x"]);
    }
}
