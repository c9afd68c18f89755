//! Performs one op: inputs in, layer out.
