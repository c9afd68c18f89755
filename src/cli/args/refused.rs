//! Flags of `docker build` that are true here already, and those that are refused by name.

/// Flags that change nothing because rbuild always does what they ask, with the values for which that holds.
pub const ACCEPTED: &[(&str, &[&str])] = &[
    ("--rm", &["", "true"]),
    ("--force-rm", &["", "true"]),
    ("--provenance", &["false"]),
    ("--sbom", &["false"]),
    ("--disable-content-trust", &["", "true"]),
    ("--compress", &["", "true"]),
    ("--isolation", &["default"]),
];

/// Known flags of docker, podman and buildah that rbuild does not have, with the reason or the way round.
const REFUSED: &[(&str, &str)] = &[
    ("--attest", "attestations are not supported yet"),
    ("--builder", "there is one builder, this program: leave the flag out"),
    ("--cgroup-parent", "there are no control groups to choose"),
    ("--cpu-period", "resource control is not supported yet"),
    ("--cpu-quota", "resource control is not supported yet"),
    ("--cpu-shares", "resource control is not supported yet"),
    ("--cpuset-cpus", "resource control is not supported yet"),
    ("--device", "devices are not supported yet"),
    ("--force-rm", "only --force-rm=true, which is always so"),
    ("--format", "the image is an OCI image; -o type=docker writes an archive for docker load"),
    ("--isolation", "only --isolation=default"),
    ("--layers", "layers are always cached"),
    ("--memory", "resource control is not supported yet"),
    ("--memory-swap", "resource control is not supported yet"),
    ("--policy", "policies are not supported yet"),
    ("--provenance", "provenance is not supported yet: --provenance=false"),
    ("--rm", "only --rm=true, which is always so"),
    ("--sbom", "SBOMs are not supported yet: --sbom=false"),
    ("--security-opt", "the sandbox has no options yet"),
    ("--squash", "squashing is not supported; copy into a stage FROM scratch"),
    ("--volume", "volumes are not supported; RUN --mount=type=bind or a named context"),
    ("-v", "volumes are not supported; RUN --mount=type=bind or a named context"),
];

/// Why this argument, as typed, is refused; none if it is no flag that is refused by name.
pub fn refusal(argument: &str) -> Option<String> {
    let name = argument.split('=').next().unwrap_or_default();
    let (_, reason) = REFUSED.iter().find(|(flag, _)| *flag == name)?;
    Some(format!("{argument}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_flag_as_typed() {
        assert_eq!(refusal("--policy=x"), Some("--policy=x: policies are not supported yet".into()));
        assert_eq!(refusal("--tag"), None);
    }
}
