//! Reading and writing an index.

use oci_spec::image::ImageIndex;
use serde_json::{Map, Value};

use super::canonical::canonical;

/// COMPAT: members of a platform as the specification has them, and as `oci-spec` reads and writes them.
const MEMBERS: [(&str, &str); 2] = [("os.version", "os_version"), ("os.features", "os_features")];

/// The index in these bytes.
pub fn read_index(bytes: &[u8]) -> serde_json::Result<ImageIndex> {
    let mut index: Value = serde_json::from_slice(bytes)?;
    for platform in platforms(&mut index) {
        for (specified, library) in MEMBERS {
            rename(platform, specified, library);
        }
    }
    serde_json::from_value(index)
}

/// The canonical bytes of an index.
///
/// # Panics
///
/// Never: an index is JSON.
pub fn index_bytes(index: &ImageIndex) -> Vec<u8> {
    let mut index = serde_json::to_value(index).expect("an index is JSON");
    for platform in platforms(&mut index) {
        for (specified, library) in MEMBERS {
            rename(platform, library, specified);
        }
    }
    canonical(&index)
}

fn platforms(index: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let manifests = index.get_mut("manifests").and_then(Value::as_array_mut);
    let platforms = manifests.into_iter().flatten().filter_map(|manifest| manifest.get_mut("platform"));
    platforms.filter_map(Value::as_object_mut)
}

fn rename(members: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = members.remove(from) {
        members.insert(to.to_string(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_platform_says_of_its_system_survives_a_round_trip() {
        let text = r#"{"manifests":[{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"amd64","os":"windows","os.features":["win32k"],"os.version":"10.0.20348.2"},"size":1}],"schemaVersion":2}"#;
        let index = read_index(text.as_bytes()).expect("valid");
        let platform = index.manifests()[0].platform().as_ref().expect("it has one");
        assert_eq!(platform.os_version().as_deref(), Some("10.0.20348.2"));
        assert_eq!(String::from_utf8(index_bytes(&index)).expect("text"), text);
    }
}
