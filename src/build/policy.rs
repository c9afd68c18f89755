//! When a registry is asked for an image: `--pull`.

use std::str::FromStr;

/// What `--pull` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// For each tag, and the build fails if the registry cannot be asked.
    Always,
    /// For what the store does not have.
    #[default]
    Missing,
    /// For each tag; if the registry cannot be asked, what the store has will do.
    Newer,
    /// Not at all.
    Never,
}

impl FromStr for PullPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<PullPolicy, String> {
        match text {
            // COMPAT: docker says true and false, buildah has more words for the same.
            "always" | "true" => Ok(PullPolicy::Always),
            "missing" | "ifmissing" | "false" => Ok(PullPolicy::Missing),
            "newer" | "ifnewer" => Ok(PullPolicy::Newer),
            "never" => Ok(PullPolicy::Never),
            _ => Err("expected always, missing, newer or never".to_string()),
        }
    }
}

impl PullPolicy {
    /// Whether a tag that the store knows is asked for again.
    pub(super) fn asks_again(self) -> bool {
        matches!(self, PullPolicy::Always | PullPolicy::Newer)
    }
}
