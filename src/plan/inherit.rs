//! What a stage begins with: the config of its base, or an empty one.

use super::paths;
use crate::oci::{ImageConfig, Platform};

/// SPEC: what Linux images have where they say nothing.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The config of an empty base.
pub(super) fn empty(platform: &Platform) -> ImageConfig {
    let mut config = ImageConfig::empty(platform);
    config.config.working_dir = "/".to_string();
    config.config.env.push(PATH.to_string());
    config
}

/// What a stage inherits of an image's config.
///
/// COMPAT: members that BuildKit does not know (`container`, `docker_version`, `Hostname`, …) are dropped, as it drops
/// them: they describe how another image was made.
pub(super) fn inherited(base: &ImageConfig) -> ImageConfig {
    let mut config = base.clone();
    config.created = None;
    config.rootfs.diff_ids.clear();
    config.unknown.clear();
    config.config.unknown.clear();
    // COMPAT: what is empty is as good as missing, and is not written again.
    for text in
        [&mut config.author, &mut config.variant, &mut config.os_version, &mut config.config.stop_signal]
    {
        *text = text.take().filter(|text| !text.is_empty());
    }
    for list in [&mut config.config.cmd, &mut config.config.entrypoint, &mut config.config.shell] {
        *list = list.take().filter(|list| !list.is_empty());
    }
    for entry in &mut config.history {
        for text in [&mut entry.created_by, &mut entry.author, &mut entry.comment] {
            *text = text.take().filter(|text| !text.is_empty());
        }
    }
    config
}

/// Fills in what every stage has: a PATH, and a working directory that is absolute if there is one.
pub(super) fn complete(config: &mut ImageConfig) {
    let has_path = config.config.env.iter().any(|entry| entry.split('=').next() == Some("PATH"));
    if !has_path && config.os != "windows" {
        config.config.env.push(PATH.to_string());
    }
    if !config.config.working_dir.is_empty() {
        config.config.working_dir = paths::workdir("", &config.config.working_dir);
    }
}
