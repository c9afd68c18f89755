//! How a layer's blob is compressed.

use crate::oci::MediaType;

/// How a layer's blob is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// A plain tar.
    Uncompressed,
    /// Gzip.
    Gzip {
        /// 0 to 9, which are libdeflate's levels of the same numbers. Its levels 10 to 12 take ten times as long for one
        /// or two per cent and cannot be asked for; what is above 9 counts as 9.
        level: u32,
    },
    /// Zstandard.
    Zstd {
        /// 1 to 22, zstd's own; what is outside is taken to the nearer end.
        level: i32,
    },
}

impl Default for Compression {
    fn default() -> Compression {
        Compression::Gzip { level: 6 }
    }
}

impl Compression {
    /// Zstandard at its own default.
    pub const ZSTD: Compression = Compression::Zstd { level: 3 };

    /// The media type of a layer compressed so.
    pub fn media_type(self) -> MediaType {
        match self {
            Compression::Uncompressed => MediaType::ImageLayer,
            Compression::Gzip { .. } => MediaType::ImageLayerGzip,
            Compression::Zstd { .. } => MediaType::ImageLayerZstd,
        }
    }
}
