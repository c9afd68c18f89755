//! All tests that are not unit tests, in one binary: it links once.

mod plan_case;
mod plan_dump;
mod plan_golden;
mod tidy;
