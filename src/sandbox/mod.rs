//! Runs one process in its own root, and reports how it ended.
