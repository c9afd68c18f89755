//! Reading no more than is good.

use std::io::{self, Read};

/// Unpacks zstd of at most `limit` bytes.
pub(super) fn unzstd(bytes: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    let mut decoder = zstd::Decoder::with_buffer(bytes)?;
    // LIMIT: zstd's own default for what a decoder takes on.
    decoder.window_log_max(27)?;
    let mut out = Vec::new();
    decoder.take(limit + 1).read_to_end(&mut out)?;
    if out.len() as u64 > limit {
        return Err(io::Error::other(format!(
            "it unpacks to more than {limit} bytes, and at most these are allowed"
        )));
    }
    Ok(out)
}
