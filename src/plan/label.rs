//! Names of steps as BuildKit shows them: `[build 2/4] RUN make`.

use super::scope::Scope;
use crate::graph::Label;
use crate::oci::Platform;

/// Counts the steps of one stage.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    /// What the stage is called; empty if it is the only one.
    pub stage: String,
    /// How many steps there are.
    pub total: usize,
    /// How many have been named.
    pub index: usize,
    /// Whether the platform is part of the name.
    pub with_platform: bool,
}

impl Labels {
    /// The name of the next step.
    pub fn next(&mut self, text: String, trigger: bool, platform: &Platform, scope: &Scope) -> Label {
        self.index += 1;
        let mut place = String::new();
        if self.with_platform {
            let cross = target(scope).map(|target| arrow(platform, &target)).unwrap_or_default();
            place += &format!("{platform}{cross} ");
        }
        if !self.stage.is_empty() {
            place += &format!("{} ", self.stage);
        }
        let width = self.total.max(1).ilog10() as usize + 1;
        place += &format!("{:>width$}/{}", self.index, self.total);
        Label { place, text: if trigger { format!("ONBUILD {text}") } else { text } }
    }
}

/// `text` with its first word in capitals.
pub(super) fn capitals(text: &str) -> String {
    match text.split_once(' ') {
        Some((first, rest)) => format!("{} {rest}", first.to_uppercase()),
        None => text.to_uppercase(),
    }
}

/// The platform that a stage says it builds for, in the variables that it declared.
fn target(scope: &Scope) -> Option<Platform> {
    if let Some(platform) = scope.value("TARGETPLATFORM").and_then(|value| value.parse().ok()) {
        return Some(platform);
    }
    let parts = ["TARGETOS", "TARGETARCH", "TARGETVARIANT"].map(|name| scope.value(name));
    if parts.iter().all(Option::is_none) {
        return None;
    }
    Some(Platform {
        os: parts[0].unwrap_or_default().to_string(),
        architecture: parts[1].unwrap_or_default().to_string(),
        variant: parts[2].filter(|variant| !variant.is_empty()).map(str::to_string),
        os_version: None,
        os_features: Box::default(),
    })
}

/// `->arm64` where a step of `base` builds for another platform.
fn arrow(base: &Platform, target: &Platform) -> String {
    let or = |value: &str, default: &str| if value.is_empty() { default } else { value }.to_string();
    let os = or(&target.os, &base.os);
    let architecture = or(&target.architecture, &base.architecture);
    let target = Platform::new(&os, &architecture, target.variant.as_deref());
    if target.os != base.os {
        return format!("->{target}");
    }
    if target.architecture == base.architecture {
        return String::new();
    }
    match &target.variant {
        Some(variant) => format!("->{}/{variant}", target.architecture),
        None => format!("->{}", target.architecture),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(stage: &str, total: usize, with_platform: bool) -> Labels {
        Labels { stage: stage.to_string(), total, index: 0, with_platform }
    }

    #[test]
    fn numbers_are_aligned_to_the_total() {
        let amd64 = Platform::new("linux", "amd64", None);
        let scope = Scope::default();
        let label = labels("build", 12, false).next("RUN x".into(), false, &amd64, &scope);
        assert_eq!(label.to_string(), "[build  1/12] RUN x");
        let label = labels("", 4, false).next("RUN x".into(), true, &amd64, &scope);
        assert_eq!(label.to_string(), "[1/4] ONBUILD RUN x");
    }

    #[test]
    fn a_cross_build_names_both_platforms() {
        let amd64 = Platform::new("linux", "amd64", None);
        let mut scope = Scope::default();
        let place = |scope: &Scope| labels("b", 1, true).next("R".into(), false, &amd64, scope).place;
        assert_eq!(place(&scope), "linux/amd64 b 1/1");
        scope.set("TARGETARCH", "arm64");
        assert_eq!(place(&scope), "linux/amd64->arm64 b 1/1");
        scope.set("TARGETPLATFORM", "linux/arm/v6");
        assert_eq!(place(&scope), "linux/amd64->arm/v6 b 1/1");
        scope.set("TARGETPLATFORM", "linux/amd64");
        assert_eq!(place(&scope), "linux/amd64 b 1/1");
    }
}
