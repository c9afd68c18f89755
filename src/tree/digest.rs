//! One digest for many entries.

use super::entry::Entry;
use crate::oci::Digest;

/// The digest of `entries`, in the order given: every field of each, nothing left out.
pub fn entries_digest<'a>(entries: impl Iterator<Item = &'a Entry>) -> Digest {
    let _ = entries.count();
    todo!()
}
