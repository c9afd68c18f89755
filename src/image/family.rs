//! The two families of media types that an image's documents can have.

use super::error::Error;
use crate::oci::{Descriptor, DiffId, MediaType};

/// Whose words documents and layers are called by. The bytes of configs and layers are the same in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// OCI's image specification.
    #[default]
    Oci,
    /// Docker's registry, version 2 schema 2: no annotations, no Zstandard.
    Docker,
}

impl Family {
    /// Of a config.
    pub fn config(self) -> MediaType {
        match self {
            Family::Oci => MediaType::ImageConfig,
            Family::Docker => MediaType::from("application/vnd.docker.container.image.v1+json"),
        }
    }

    /// Of a manifest.
    pub fn manifest(self) -> MediaType {
        match self {
            Family::Oci => MediaType::ImageManifest,
            Family::Docker => MediaType::from("application/vnd.docker.distribution.manifest.v2+json"),
        }
    }

    /// Of an index.
    pub fn index(self) -> MediaType {
        match self {
            Family::Oci => MediaType::ImageIndex,
            Family::Docker => MediaType::from("application/vnd.docker.distribution.manifest.list.v2+json"),
        }
    }

    /// The layer's descriptor in the words of this family: they map one to one, but for what Docker has none for.
    pub fn layer(self, layer: &Descriptor, diff_id: DiffId) -> Result<Descriptor, Error> {
        const PAIRS: [(&str, &str); 5] = [
            ("application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"),
            (
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "application/vnd.oci.image.layer.v1.tar+gzip",
            ),
            (
                "application/vnd.docker.image.rootfs.diff.tar.zstd",
                "application/vnd.oci.image.layer.v1.tar+zstd",
            ),
            (
                "application/vnd.docker.image.rootfs.foreign.diff.tar",
                "application/vnd.oci.image.layer.nondistributable.v1.tar",
            ),
            (
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            ),
        ];
        let now = layer.media_type().as_ref();
        let pair = PAIRS.iter().find(|(docker, oci)| now == *docker || now == *oci);
        let unknown = || Error::LayerType { diff_id, media_type: layer.media_type().clone() };
        let media_type = match (self, pair) {
            (Family::Oci, Some((_, oci))) => MediaType::from(*oci),
            // Whatever else calls itself an OCI layer (encrypted, …) goes through as it is.
            (Family::Oci, None) if now.starts_with("application/vnd.oci.image.layer.") => {
                layer.media_type().clone()
            }
            // What unpacks Docker's images knows gzip alone.
            (Family::Docker, Some((docker, _))) if !docker.ends_with("zstd") => MediaType::from(*docker),
            (Family::Docker, Some(_)) => {
                return Err(Error::NoDocker { diff_id, media_type: layer.media_type().clone() });
            }
            _ => return Err(unknown()),
        };
        let mut layer = layer.clone();
        layer.set_media_type(media_type);
        Ok(layer)
    }
}
