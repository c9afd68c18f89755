//! The events of a build.

use crate::oci::Digest;

/// The number of a step in the display, from 1, in the order in which steps were first mentioned (`#5`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepNumber(pub u32);

/// Which of its two streams a process wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A lint finding or a notice about the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The rule, such as `NoEmptyContinuation`; empty for a notice.
    pub rule: String,
    /// One line.
    pub message: String,
    /// Line of the Dockerfile, from 1.
    pub line: Option<usize>,
}

/// Something that happened in a build. Each step ends in exactly one of `Cached`, `Done`, `Failed` and `Canceled`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A step is under way; its name is ready for display, such as `[build 2/4] RUN make`.
    Started {
        /// The step.
        step: StepNumber,
        /// Its name; may hold any text of the Dockerfile, so a display makes it safe.
        name: String,
    },
    /// The step's result was there already. Comes after `Started`.
    Cached {
        /// The step.
        step: StepNumber,
    },
    /// Bytes that the step's process wrote, as read: not cut at line ends.
    Output {
        /// The step.
        step: StepNumber,
        /// To which stream.
        stream: Stream,
        /// The bytes, never shown unescaped.
        bytes: Vec<u8>,
    },
    /// Bytes fetched or written so far for one thing, such as a layer.
    Transfer {
        /// The step.
        step: StepNumber,
        /// What is moved.
        what: Digest,
        /// Bytes so far.
        current: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
    },
    /// A line about the step from the builder itself.
    Notice {
        /// The step.
        step: StepNumber,
        /// One line.
        message: String,
    },
    /// The step came to its end.
    Done {
        /// The step.
        step: StepNumber,
    },
    /// The step failed.
    Failed {
        /// The step.
        step: StepNumber,
        /// Why, in one line.
        message: String,
    },
    /// The step was ended because another failed, or because the user asked.
    Canceled {
        /// The step.
        step: StepNumber,
    },
    /// Something the user should know that stops nothing; shown after the build.
    Warned(Warning),
}

/// Whoever is watching.
pub trait Sink: Send + Sync {
    /// Takes one event. Called from many threads; must not block for long.
    fn send(&self, event: Event);
}
