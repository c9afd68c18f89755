//! The whole way from text to outputs; the only room that sees planning and doing.
