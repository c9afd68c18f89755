//! Performs one op: inputs in, layer out.

pub mod copy;
