//! Reading an index.

use oci_spec::image::ImageIndex;
use serde_json::Value;

/// The index in these bytes. COMPAT: `oci-spec` reads `os_version` where the specification says `os.version`.
pub fn read_index(bytes: &[u8]) -> serde_json::Result<ImageIndex> {
    let mut index: Value = serde_json::from_slice(bytes)?;
    let manifests = index.get_mut("manifests").and_then(Value::as_array_mut);
    for manifest in manifests.into_iter().flatten() {
        if let Some(platform) = manifest.get_mut("platform").and_then(Value::as_object_mut)
            && let Some(version) = platform.remove("os.version")
        {
            platform.insert("os_version".to_string(), version);
        }
    }
    serde_json::from_value(index)
}
