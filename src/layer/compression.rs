//! How a layer's blob is compressed.

use crate::oci::MediaType;

/// How a layer's blob is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// A plain tar.
    Uncompressed,
    /// Gzip.
    Gzip {
        /// 0 to 9.
        level: u32,
    },
    /// Zstandard.
    Zstd {
        /// 1 to 22.
        level: i32,
    },
}

impl Default for Compression {
    fn default() -> Compression {
        Compression::Gzip { level: 6 }
    }
}

impl Compression {
    /// The media type of a layer compressed so.
    pub fn media_type(self) -> MediaType {
        match self {
            Compression::Uncompressed => MediaType::ImageLayer,
            Compression::Gzip { .. } => MediaType::ImageLayerGzip,
            Compression::Zstd { .. } => MediaType::ImageLayerZstd,
        }
    }
}
