//! Arguments in, progress and exit code out.
