//! An operating system and architecture, as images and `--platform` name them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::Error;

/// A platform. SPEC: image-spec image-index.md, "platform"; normalised as containerd does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`
    pub os: String,
    /// `amd64`, `arm64`, …: Go's names.
    pub architecture: String,
    /// `v7`, `v8`, …; none where the architecture has a usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// `os.version`, of Windows images.
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// `os.features`, of Windows images. Boxed: platforms stand in errors, which stay small.
    #[serde(rename = "os.features", default, skip_serializing_if = "<[String]>::is_empty")]
    pub os_features: Box<[String]>,
}

impl Platform {
    /// The platform that this program runs on.
    pub fn host() -> Platform {
        let architecture = if cfg!(target_arch = "x86_64") {
            "amd64"
        } else if cfg!(target_arch = "aarch64") {
            "arm64"
        } else if cfg!(target_arch = "riscv64") {
            "riscv64"
        } else if cfg!(target_arch = "s390x") {
            "s390x"
        } else if cfg!(target_arch = "powerpc64") {
            "ppc64le"
        } else {
            "386"
        };
        Platform::new("linux", architecture, None)
    }

    /// A platform, normalised: `aarch64` is `arm64`, `arm64/v8` has no variant, `arm` is `arm/v7`.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Platform {
        let (architecture, variant) = match (architecture, variant.filter(|v| !v.is_empty())) {
            ("x86_64" | "x86-64" | "amd64", v) => ("amd64", v.filter(|v| *v != "v1")),
            ("aarch64" | "arm64", v) => ("arm64", v.filter(|v| !matches!(*v, "8" | "v8"))),
            ("i386" | "i686" | "386", _) => ("386", None),
            ("armhf", _) => ("arm", Some("v7")),
            ("armel", _) => ("arm", Some("v6")),
            ("arm", None) => ("arm", Some("v7")),
            ("arm", Some("5")) => ("arm", Some("v5")),
            ("arm", Some("6")) => ("arm", Some("v6")),
            ("arm", Some("7")) => ("arm", Some("v7")),
            (other, v) => (other, v),
        };
        Platform {
            os: os.to_string(),
            architecture: architecture.to_string(),
            variant: variant.map(str::to_string),
            os_version: None,
            os_features: Box::default(),
        }
    }

    /// Whether an image for `other` serves where `self` is wanted: same system and architecture, and the same
    /// variant if `self` names one.
    pub fn accepts(&self, other: &Platform) -> bool {
        let other = Platform::new(&other.os, &other.architecture, other.variant.as_deref());
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || self.variant == other.variant)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Platform, Error> {
        let wrong = || Error::Platform(text.to_string());
        let lower = text.trim().to_ascii_lowercase();
        let fine =
            |p: &&str| p.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) && !p.is_empty();
        let parts: Vec<&str> = lower.split('/').collect();
        if !parts.iter().all(fine) {
            return Err(wrong());
        }
        match parts[..] {
            // As in containerd: one word is an architecture or the system of this machine.
            ["linux"] => Ok(Platform::host()),
            [
                arch @ ("amd64" | "x86_64" | "arm64" | "aarch64" | "arm" | "386" | "riscv64" | "ppc64le"
                | "s390x"),
            ] => Ok(Platform::new("linux", arch, None)),
            [os, arch] => Ok(Platform::new(os, arch, None)),
            [os, arch, variant] => Ok(Platform::new(os, arch, Some(variant))),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_variants_are_dropped_and_aliases_folded() {
        for (text, want) in [
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("Linux/x86_64", "linux/amd64"),
            ("amd64", "linux/amd64"),
            ("linux/arm/6", "linux/arm/v6"),
        ] {
            assert_eq!(text.parse::<Platform>().map(|p| p.to_string()), Ok(want.to_string()));
        }
        for text in ["", "linux/", "a/b/c/d", "plan9!"] {
            assert!(text.parse::<Platform>().is_err(), "{text:?}");
        }
    }
}
