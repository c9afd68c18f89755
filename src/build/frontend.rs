//! Which `# syntax=` lines are ours to read.

use super::error::Error;
use crate::dockerfile::Dockerfile;
use crate::graph::Location;

/// The frontends whose language is the one that is read here, from whatever registry they are mirrored.
const KNOWN: [&str; 2] = ["docker/dockerfile", "docker/dockerfile-upstream"];

/// Why a file is refused that asks for another frontend: it may be in another language, and no frontend is ever fetched or run
/// (CVE-2026-33747).
pub fn refused_frontend(dockerfile: &Dockerfile) -> Option<(Error, Location)> {
    let syntax = dockerfile.directives.syntax.as_ref()?;
    // BuildKit takes the first word and passes the rest on.
    let name = syntax.value.split_whitespace().next().unwrap_or_default();
    if is_known(name) {
        return None;
    }
    let message = format!(
        "# syntax={name}: rbuild reads Dockerfiles itself and runs no other frontend: remove the line, or write \
         # syntax=docker/dockerfile:1"
    );
    let line = dockerfile.lines.line_of(syntax.span.start);
    Some((Error::Usage(message), Location { first: line, last: line }))
}

fn is_known(name: &str) -> bool {
    let name = name.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        // A colon before a slash belongs to the registry's port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    KNOWN
        .iter()
        .any(|known| name == *known || name.strip_suffix(known).is_some_and(|rest| rest.ends_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_official_frontends_and_mirrors_of_them_are_known() {
        for name in [
            "docker/dockerfile",
            "docker/dockerfile:1.7-labs",
            "docker.io/docker/dockerfile:1@sha256:ab",
            "localhost:5000/hub/docker/dockerfile",
            "docker/dockerfile-upstream:master",
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in ["evil/dockerfile", "docker/dockerfilex", "xdocker/dockerfile", "", "r2d4/mocker:1"] {
            assert!(!is_known(name), "{name}");
        }
    }
}
