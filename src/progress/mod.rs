//! What a build tells whoever is watching, as plain events.
//!
//! The build hands [`Event`]s to a [`Sink`]; displays, logs and tests are sinks. Nothing here prints, and nothing here
//! knows the time: a sink that shows durations measures them as events arrive.

mod event;

pub use event::{Event, Sink, StepNumber, Stream, Warning};
