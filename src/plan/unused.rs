//! Build arguments that nothing consumes.

use std::collections::BTreeSet;

use super::arguments::NOT_FOR_ENVIRONMENT;
use super::epochs::SOURCE_DATE_EPOCH;
use super::proxies::is_proxy;
use super::site::Site;
use super::warning::Warning;
use crate::dockerfile::{Kind, near};

/// Arguments that the builder itself consumes.
const CONTROLS: [&str; 8] = [
    "BUILDKIT_BUILD_NAME",
    "BUILDKIT_CACHE_MOUNT_NS",
    "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
    "BUILDKIT_DOCKERFILE_CHECK",
    "BUILDKIT_INLINE_CACHE",
    "BUILDKIT_MULTI_PLATFORM",
    "BUILDKIT_SANDBOX_HOSTNAME",
    "BUILDKIT_SYNTAX",
];

/// A warning for each `--build-arg` that no ARG of the file, nor of a trigger in `declared`, asks for.
pub(super) fn warnings(site: &Site<'_>, declared: &BTreeSet<String>) -> Vec<Warning> {
    let in_file =
        site.request.dockerfile.instructions.iter().flat_map(|instruction| match &instruction.kind {
            Kind::Arg(list) => list.as_slice(),
            Kind::OnBuild(on_build) => match &on_build.instruction.kind {
                Kind::Arg(list) => list.as_slice(),
                _ => &[],
            },
            _ => &[],
        });
    let known: BTreeSet<&str> =
        in_file.map(|arg| arg.name.raw.as_str()).chain(declared.iter().map(String::as_str)).collect();
    let consumed = |name: &str| {
        known.contains(name)
            || is_proxy(name)
            || name == SOURCE_DATE_EPOCH
            || site.arguments.globals.value(name).is_some()
            || CONTROLS.contains(&name)
            || NOT_FOR_ENVIRONMENT.contains(&name)
    };
    let unused = site.request.build_args.keys().filter(|name| !consumed(name));
    let warning = |name: &String| {
        let near = near(name, known.iter().copied());
        let near = near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
        Warning {
            rule: "UnusedBuildArg",
            message: format!("No ARG consumes the build argument '{name}'{near}"),
            location: None,
        }
    };
    unused.map(warning).collect()
}
