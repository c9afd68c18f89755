//! What the plan notices and does not fail on.

use crate::graph::Location;

/// One finding, in the words of BuildKit's build checks where there is one for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The rule's name, as `# check=skip=` uses it.
    pub rule: &'static str,
    /// What was found.
    pub message: String,
    /// Where; none for what stands on the command line.
    pub location: Option<Location>,
}

impl Warning {
    /// A finding at a place.
    pub(super) fn new(rule: &'static str, message: String, location: Location) -> Warning {
        Warning { rule, message, location: Some(location) }
    }
}
