//! How the C library's allocator gives memory back.
#![allow(unsafe_code)]

/// Has the allocator return what was large and is free to the system at once, and keep to two arenas: it would otherwise
/// hold what each thread once needed. To be called before there are threads; a C library without such settings has none
/// to make.
pub fn return_what_is_free() {
    #[cfg(target_env = "gnu")]
    {
        /// LIMIT: from this size on memory is the system's again when it is freed.
        const LARGE: libc::c_int = 128 << 10;
        /// LIMIT: what is kept of many small things: each page that is given back is soon asked for again, and cleared.
        const KEPT: libc::c_int = 2 << 20;
        for (setting, value) in [
            (libc::M_MMAP_THRESHOLD, LARGE),
            (libc::M_TRIM_THRESHOLD, KEPT),
            (libc::M_TOP_PAD, KEPT / 2),
            (libc::M_ARENA_MAX, 2),
        ] {
            // SAFETY: it sets a number of the allocator's, under its lock.
            unsafe { libc::mallopt(setting, value) };
        }
    }
}
