//! A registry in memory.
