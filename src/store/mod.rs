//! Content-addressed blobs, entry lists, key records (opaque bytes), names, leases and garbage collection on disk.
