//! The manifest of an index that serves a platform.

use super::document::Kind;
use super::error::Error;
use crate::oci::{Descriptor, ImageIndex, Platform, choose};

/// Picks the manifest that serves `wanted` best ([`choose`]). The error lists what there is. `what` names the image in it.
pub fn select(what: &str, index: &ImageIndex, wanted: &Platform) -> Result<Descriptor, Error> {
    let manifests =
        index.manifests().iter().filter(|d| Kind::of(d.media_type().as_ref()) == Some(Kind::Manifest));
    choose(manifests, wanted).cloned().map_err(|offered| {
        let name =
            |platform: &Option<Platform>| platform.as_ref().map_or("an unnamed platform".to_string(), shown);
        let mut available: Vec<String> = offered.iter().map(name).collect();
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
}
