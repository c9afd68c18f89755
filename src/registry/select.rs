//! The manifest of an index that serves a platform.

use super::document::Kind;
use super::error::Error;
use crate::oci::{Descriptor, ImageIndex, Platform};

/// Picks the best manifest for `wanted`: same system and architecture, the highest variant that it can run. The error
/// lists what there is. `what` names the image in it.
pub fn select(what: &str, index: &ImageIndex, wanted: &Platform) -> Result<Descriptor, Error> {
    let images: Vec<(&Descriptor, Option<Platform>)> = index
        .manifests()
        .iter()
        .filter(|d| Kind::of(d.media_type().as_ref()) == Some(Kind::Manifest) && !is_attestation(d))
        .map(|d| (d, platform(d)))
        .collect();
    // ORDER: of equals, the first one in the index.
    let mut best: Option<(&Descriptor, u32)> = None;
    for (descriptor, offered) in &images {
        let Some(score) = offered.as_ref().and_then(|offered| score(wanted, offered)) else { continue };
        if best.is_none_or(|(_, so_far)| score > so_far) {
            best = Some((descriptor, score));
        }
    }
    // An index of one image that does not say what it is for: its config will.
    if let (None, [(only, None)]) = (best, &images[..]) {
        return Ok((*only).clone());
    }
    best.map(|(descriptor, _)| descriptor.clone()).ok_or_else(|| {
        let mut available: Vec<String> = images
            .iter()
            .map(|(_, platform)| platform.as_ref().map_or("an unnamed platform".to_string(), shown))
            .collect();
        available.sort();
        available.dedup();
        if available.is_empty() {
            available.push("no image at all".to_string());
        }
        Error::NoPlatform { what: what.to_string(), wanted: shown(wanted), available }
    })
}

fn shown(platform: &Platform) -> String {
    match &platform.os_version {
        Some(version) => format!("{platform} ({version})"),
        None => platform.to_string(),
    }
}

/// COMPAT: BuildKit files provenance beside the images, for the platform `unknown/unknown`.
pub fn is_attestation(descriptor: &Descriptor) -> bool {
    let reference_type = "vnd.docker.reference.type";
    descriptor.annotations().as_ref().is_some_and(|a| a.contains_key(reference_type))
        || descriptor
            .platform()
            .as_ref()
            .is_some_and(|p| p.os().to_string() == "unknown" && p.architecture().to_string() == "unknown")
}

/// What a descriptor says that its image is for.
pub fn platform(descriptor: &Descriptor) -> Option<Platform> {
    let offered = descriptor.platform().as_ref()?;
    let (os, architecture) = (offered.os().to_string(), offered.architecture().to_string());
    let mut platform = Platform::new(&os, &architecture, offered.variant().as_deref());
    platform.os_version = offered.os_version().clone();
    platform.os_features = offered.os_features().clone().unwrap_or_default().into();
    Some(platform)
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

    fn index(platforms: &[&str]) -> ImageIndex {
        let manifests: Vec<serde_json::Value> = platforms
            .iter()
            .enumerate()
            .map(|(number, platform)| {
                let parts: Vec<&str> = platform.split('/').collect();
                let mut descriptor = serde_json::json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": format!("sha256:{number:064}"), "size": 1,
                });
                if parts.len() > 1 {
                    descriptor["platform"] = serde_json::json!({"os": parts[0], "architecture": parts[1]});
                }
                if let Some(variant) = parts.get(2) {
                    descriptor["platform"]["variant"] = serde_json::json!(variant);
                }
                descriptor
            })
            .collect();
        serde_json::from_value(serde_json::json!({"schemaVersion": 2, "manifests": manifests}))
            .expect("valid")
    }

    fn picked(platforms: &[&str], wanted: &str) -> Result<usize, String> {
        let wanted: Platform = wanted.parse().expect("valid");
        select("app", &index(platforms), &wanted)
            .map_err(|e| e.to_string())
            .map(|d| d.digest().to_string()["sha256:".len()..].parse().expect("number"))
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
            assert_eq!(picked(&arms, wanted), Ok(want), "{wanted}");
        }
        assert_eq!(picked(&["linux/amd64/v3", "linux/amd64"], "linux/amd64"), Ok(1));
        assert_eq!(picked(&["linux/amd64", "linux/amd64/v2", "linux/amd64/v3"], "linux/amd64/v2"), Ok(1));
        assert_eq!(picked(&["linux/amd64", "linux/amd64"], "linux/amd64"), Ok(0));
        assert!(picked(&["linux/amd64/v3"], "linux/amd64").is_err());
    }

    #[test]
    fn a_version_of_the_system_is_matched_where_it_is_asked_for() {
        let mut all =
            serde_json::to_value(index(&["windows/amd64", "windows/amd64", "linux/amd64"])).expect("JSON");
        for (number, version) in [(0, "10.0.17763.1"), (1, "10.0.20348.2")] {
            all["manifests"][number]["platform"]["os.version"] = serde_json::json!(version);
        }
        let all = crate::oci::read_index(all.to_string().as_bytes()).expect("valid");
        let mut wanted: Platform = "windows/amd64".parse().expect("valid");
        let pick = |wanted: &Platform| select("app", &all, wanted).map(|d| d.digest().to_string());
        assert_eq!(pick(&wanted).expect("the first"), format!("sha256:{:064}", 0));
        wanted.os_version = Some("10.0.20348.2".to_string());
        assert_eq!(pick(&wanted).expect("the second"), format!("sha256:{:064}", 1));
        wanted.os_version = Some("10.0.1".to_string());
        let said = pick(&wanted).expect_err("none").to_string();
        assert!(said.contains("10.0.17763.1") && said.contains("linux/amd64"), "{said}");
    }

    #[test]
    fn the_error_lists_what_there_is_without_attestations() {
        let error =
            picked(&["linux/arm64", "unknown/unknown", "linux/amd64"], "linux/s390x").expect_err("none");
        assert_eq!(error, "app has no image for linux/s390x; it has: linux/amd64, linux/arm64");
        assert!(picked(&["unknown/unknown"], "linux/amd64").expect_err("none").contains("no image at all"));
    }

    #[test]
    fn one_image_that_does_not_say_what_it_is_for_is_taken() {
        assert_eq!(picked(&["-"], "linux/amd64"), Ok(0));
        assert!(picked(&["-", "-"], "linux/amd64").is_err());
    }
}
