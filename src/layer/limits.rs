//! How much of an untrusted archive is believed.

/// Bounds on an untrusted archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Members of an archive, those that replace others included.
    pub entries: usize,
    /// Bytes of one path or link target.
    pub path: usize,
    /// Bytes of one member's extended headers.
    pub pax: usize,
    /// Bytes of memory that all names, links and attributes together may need.
    pub names: usize,
    /// Bytes of the uncompressed archive.
    pub size: u64,
    /// Uncompressed bytes for each compressed byte, once [`Limits::ratio_from`] bytes have come out.
    pub ratio: u64,
    /// See [`Limits::ratio`].
    pub ratio_from: u64,
    /// Memory that a decoder's window may take.
    pub window: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // LIMIT: the largest images seen have some 10^6 paths.
            entries: 4_000_000,
            // LIMIT: PATH_MAX, as Linux.
            path: 4096,
            // LIMIT: Go's archive/tar stops at 1 MiB of special headers.
            pax: 1 << 20,
            // LIMIT: our own, for memory.
            names: 1 << 30,
            // LIMIT: our own; a layer of a quarter of a tebibyte is a mistake or an attack.
            size: 1 << 38,
            // LIMIT: deflate cannot pass 1032, zstd and bzip2 can; zeros in a real image reach some 1000.
            ratio: 1100,
            ratio_from: 1 << 30,
            // LIMIT: zstd's own default is 2^27.
            window: 1 << 27,
        }
    }
}
