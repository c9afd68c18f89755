//! Which part of a context a build can read.

use crate::tree::RootPath;
use crate::tree::glob;

/// A path or pattern that a build reads. A scan looks only at what some wanted path can reach.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The components, outermost first; all below the last is wanted too.
    pub(super) components: Vec<Component>,
}

/// One component of a wanted path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Component {
    /// Exactly this name.
    Name(Vec<u8>),
    /// Every name that matches.
    Pattern(Vec<u8>),
}

impl Wanted {
    /// Everything.
    pub fn all() -> Wanted {
        Wanted { components: Vec::new() }
    }

    /// Exactly this path with all below it.
    pub fn path(path: &RootPath) -> Wanted {
        Wanted { components: path.components().map(|name| Component::Name(name.to_vec())).collect() }
    }

    /// A source of COPY or ADD, where each component may be a pattern. `**` reaches everything from there on.
    pub fn pattern(pattern: &str) -> Wanted {
        let mut components = Vec::new();
        let mut wild = false;
        for component in pattern.split('/') {
            match component {
                "" | "." => {}
                // Never above the root.
                ".." => drop(components.pop()),
                all if all.contains("**") => break,
                // From the first wildcard on, `\` takes a character literally.
                name if wild || is_wildcard(name.as_bytes()) => {
                    wild = true;
                    components.push(Component::Pattern(name.into()));
                }
                name => components.push(Component::Name(name.into())),
            }
        }
        Wanted { components }
    }
}

/// Whether a component of a source's path is a pattern: it has `*`, `?` or `[` without a `\` before it.
pub fn is_wildcard(component: &[u8]) -> bool {
    let mut bytes = component.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'*' | b'?' | b'[' => return true,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    false
}

impl Component {
    /// Whether `name` is this component. A malformed pattern is reported by whoever copies, and wants nothing here.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Component::Name(wanted) => wanted == name,
            Component::Pattern(pattern) => glob::match_component(pattern, name).unwrap_or(false),
        }
    }
}
