//! System calls as safe functions; the only room with `unsafe`.
