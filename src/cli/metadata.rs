//! `--metadata-file`: what docker's build action and other scripts read.
//!
//! COMPAT: keys, their order and the two spaces are those of buildx. What it knows and we do not is left out:
//! `buildx.build.ref` (there is no builder whose history has the build), `buildx.build.provenance`, `buildx.build.warnings`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::build::Built;
use crate::oci::{Descriptor, Platform, descriptor_platform};

#[derive(Serialize)]
struct Metadata {
    #[serde(rename = "containerimage.config.digest", skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    #[serde(rename = "containerimage.descriptor")]
    descriptor: Told,
    #[serde(rename = "containerimage.digest")]
    digest: String,
    #[serde(rename = "image.name", skip_serializing_if = "Option::is_none")]
    names: Option<String>,
}

/// A descriptor in the order in which Go writes one.
#[derive(Serialize)]
struct Told {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
    size: u64,
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<ToldPlatform>,
}

/// A platform in the order in which Go writes one.
#[derive(Serialize)]
struct ToldPlatform {
    architecture: String,
    os: String,
    #[serde(rename = "os.version", skip_serializing_if = "Option::is_none")]
    os_version: Option<String>,
    #[serde(rename = "os.features", skip_serializing_if = "<[String]>::is_empty")]
    os_features: Box<[String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
}

impl From<Platform> for ToldPlatform {
    fn from(platform: Platform) -> ToldPlatform {
        let Platform { os, architecture, variant, os_version, os_features } = platform;
        ToldPlatform { architecture, os, os_version, os_features, variant }
    }
}

/// The file's text.
pub fn metadata(built: &Built) -> String {
    let top: &Descriptor = &built.top;
    let mut annotations: BTreeMap<String, String> =
        top.annotations().clone().unwrap_or_default().into_iter().collect();
    annotations
        .entry("org.opencontainers.image.created".to_string())
        .or_insert_with(|| built.created.rfc3339());
    let names: Vec<String> = built.names.iter().map(ToString::to_string).collect();
    let metadata = Metadata {
        config: built.config().map(|config| config.to_string()),
        descriptor: Told {
            media_type: top.media_type().to_string(),
            digest: top.digest().to_string(),
            size: top.size(),
            annotations,
            platform: descriptor_platform(top).map(ToldPlatform::from),
        },
        digest: top.digest().to_string(),
        names: (!names.is_empty()).then(|| names.join(",")),
    };
    serde_json::to_string_pretty(&metadata).expect("strings and numbers are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Digest, Epoch, MediaType, new_descriptor, with_platform};

    #[test]
    fn the_file_is_what_buildx_writes() {
        let manifest = new_descriptor(MediaType::ImageManifest, Digest::of(b"m"), 506);
        let platform: Platform = "linux/amd64".parse().expect("valid");
        let mut built = Built {
            top: with_platform(manifest, &platform),
            kept: Digest::of(b"m"),
            configs: vec![Digest::of(b"c")],
            names: ["app:1", "ghcr.io/me/app:1"].map(|name| name.parse().expect("valid")).to_vec(),
            created: Epoch(0),
        };
        let (m, c) = (Digest::of(b"m"), Digest::of(b"c"));
        let want = format!(
            r#"{{
  "containerimage.config.digest": "{c}",
  "containerimage.descriptor": {{
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": "{m}",
    "size": 506,
    "annotations": {{
      "org.opencontainers.image.created": "1970-01-01T00:00:00Z"
    }},
    "platform": {{
      "architecture": "amd64",
      "os": "linux"
    }}
  }},
  "containerimage.digest": "{m}",
  "image.name": "docker.io/library/app:1,ghcr.io/me/app:1"
}}"#
        );
        assert_eq!(metadata(&built), want);
        built.top = new_descriptor(MediaType::ImageIndex, Digest::of(b"i"), 1);
        built.names.clear();
        let text = metadata(&built);
        assert!(
            !text.contains("config.digest") && !text.contains("image.name"),
            "an index has no config: {text}"
        );
    }
}
