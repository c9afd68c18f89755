//! The steps of a build, their edges, their keys and pre-images, and why a key differs.
