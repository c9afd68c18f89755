//! All tests that are not unit tests, in one binary: it links once.

mod dockerfile_golden;
mod tidy;
