//! Entries to canonical tar to a compressed blob, and back from untrusted bytes, with limits.
