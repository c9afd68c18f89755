//! Which of several manifests serves a platform.

use super::descriptor::{descriptor_platform, is_attestation};
use super::platform::Platform;
use oci_spec::image::Descriptor;

/// The best of `offered` for `wanted`: same system and architecture, and its version where that is asked for; the highest
/// variant that it can run; of equals the first. One alone that does not say what it is for is taken, since its config will.
/// Attestations are no offers. If none serves: what the others are for.
pub fn choose<'d>(
    offered: impl Iterator<Item = &'d Descriptor>,
    wanted: &Platform,
) -> Result<&'d Descriptor, Vec<Option<Platform>>> {
    let images: Vec<(&Descriptor, Option<Platform>)> =
        offered.filter(|d| !is_attestation(d)).map(|d| (d, descriptor_platform(d))).collect();
    // ORDER: of equals, the first one in the index.
    let mut best: Option<(&Descriptor, u32)> = None;
    for (descriptor, offered) in &images {
        let Some(score) = offered.as_ref().and_then(|offered| score(wanted, offered)) else { continue };
        if best.is_none_or(|(_, so_far)| score > so_far) {
            best = Some((descriptor, score));
        }
    }
    match (best, &images[..]) {
        (Some((descriptor, _)), _) => Ok(descriptor),
        (None, [(only, None)]) => Ok(only),
        (None, _) => Err(images.into_iter().map(|(_, platform)| platform).collect()),
    }
}

/// How well an offer serves; none if it does not.
fn score(wanted: &Platform, offered: &Platform) -> Option<u32> {
    if (&wanted.os, &wanted.architecture) != (&offered.os, &offered.architecture) {
        return None;
    }
    if wanted.os_version.is_some() && wanted.os_version != offered.os_version {
        return None;
    }
    match (level(wanted), level(offered)) {
        // A machine runs what was made for its variant and for those before it.
        (Some(wanted), Some(offered)) => (offered <= wanted).then_some(offered + 1),
        _ => (wanted.variant == offered.variant || wanted.variant.is_none()).then_some(1),
    }
}

/// The number of a variant, where variants are in a line; the usual one where none is written.
fn level(platform: &Platform) -> Option<u32> {
    let usual = match platform.architecture.as_str() {
        "amd64" => "v1",
        "arm64" => "v8",
        "arm" => "v7",
        _ => return None,
    };
    let variant = platform.variant.as_deref().unwrap_or(usual);
    // `v8.2` comes after `v8`.
    let (major, minor) = variant.strip_prefix('v')?.split_once('.').unwrap_or((&variant[1..], "0"));
    Some(major.parse::<u32>().ok()?.saturating_mul(100).saturating_add(minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Digest, MediaType, new_descriptor, with_platform};

    /// The number of the one that is chosen; `-` says nothing of its platform.
    fn picked(platforms: &[&str], wanted: &str) -> Option<usize> {
        let one = |(number, platform): (usize, &&str)| {
            let descriptor = new_descriptor(MediaType::ImageManifest, Digest::of(b""), number as u64);
            let parts: Vec<&str> = platform.split('/').collect();
            match parts[..] {
                ["-"] => descriptor,
                _ => with_platform(descriptor, &Platform::new(parts[0], parts[1], parts.get(2).copied())),
            }
        };
        let offered: Vec<Descriptor> = platforms.iter().enumerate().map(one).collect();
        let chosen = choose(offered.iter(), &wanted.parse().expect("valid")).ok()?;
        Some(chosen.size() as usize)
    }

    #[test]
    fn the_highest_variant_that_runs_is_picked() {
        let arms = ["linux/arm/v5", "linux/arm/v7", "linux/arm/v6", "linux/arm64/v8", "linux/amd64"];
        for (wanted, want) in [
            ("linux/arm", 1),
            ("linux/arm/v6", 2),
            ("linux/arm/v5", 0),
            ("linux/arm64", 3),
            ("linux/amd64", 4),
        ] {
            assert_eq!(picked(&arms, wanted), Some(want), "{wanted}");
        }
        assert_eq!(picked(&["linux/amd64/v3", "linux/amd64"], "linux/amd64"), Some(1));
        assert_eq!(picked(&["linux/amd64", "linux/amd64/v2", "linux/amd64/v3"], "linux/amd64/v2"), Some(1));
        assert_eq!(picked(&["linux/amd64", "linux/amd64"], "linux/amd64"), Some(0));
        assert_eq!(picked(&["linux/amd64/v3"], "linux/amd64"), None);
    }

    #[test]
    fn one_image_that_does_not_say_what_it_is_for_is_taken() {
        assert_eq!(picked(&["-"], "linux/amd64"), Some(0));
        assert_eq!(picked(&["-", "-"], "linux/amd64"), None);
        assert_eq!(picked(&["-", "unknown/unknown"], "linux/amd64"), Some(0));
    }
}
