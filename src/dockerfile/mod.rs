//! Dockerfile text to a syntax tree in which every node knows its span.
