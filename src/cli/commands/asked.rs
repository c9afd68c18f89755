//! What registries said, handed from a process to the one that takes over in a namespace: one build asks once.

use std::collections::BTreeMap;

use crate::cli::environment::Environment;
use crate::oci::{Digest, Reference};

/// Between the two processes alone.
const VARIABLE: &str = "_RBUILD_ASKED";

/// The variable for the process that takes over.
pub(super) fn pass_on(asked: &BTreeMap<Reference, Digest>) -> Vec<(String, String)> {
    let pairs: Vec<String> = asked.iter().map(|(name, digest)| format!("{name}@{digest}")).collect();
    match pairs.is_empty() {
        true => Vec::new(),
        false => vec![(VARIABLE.to_string(), pairs.join(" "))],
    }
}

/// What the process before was told.
pub(super) fn read(environment: &Environment) -> BTreeMap<Reference, Digest> {
    let text = environment.get(VARIABLE).unwrap_or_default();
    let pair = |pair: &str| {
        let name: Reference = pair.parse().ok()?;
        Some((Reference { digest: None, ..name.clone() }, name.digest?))
    };
    text.split(' ').filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_on_is_read_again() {
        let digest = Digest::of(b"x");
        let asked: BTreeMap<Reference, Digest> = ["busybox:1", "[::1]:5000/team/app:2"]
            .iter()
            .map(|n| (n.parse().expect("valid"), digest))
            .collect();
        let variables = pass_on(&asked).into_iter().collect();
        let environment = Environment { variables, is_root: false, now: 0 };
        assert_eq!(read(&environment), asked);
        assert!(pass_on(&BTreeMap::new()).is_empty());
    }
}
