//! All tests that are not unit tests, in one binary: it links once.

mod tidy;
