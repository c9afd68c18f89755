//! Writes a finished image where it was asked for.
