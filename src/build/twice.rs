//! The RUNs of a build, each done twice, and what that says of the images.

use super::lines::MadeBy;
use crate::oci::DiffId;
use crate::worker::Chain;

/// The RUNs of a build, each done twice.
#[derive(Clone, Debug)]
pub struct RunTwice {
    /// In the order of the steps.
    pub runs: Vec<Repeated>,
}

/// One RUN.
#[derive(Clone, Debug)]
pub struct Repeated {
    /// Which.
    pub by: MadeBy,
    /// What the first time left.
    pub first: DiffId,
    /// What came of the second.
    pub second: Second,
    below: Chain,
}

/// What came of a RUN the second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Second {
    /// The same bytes.
    Same {
        /// Whether that is known from an earlier time, and nothing was done now.
        remembered: bool,
    },
    /// Others.
    Other {
        /// What it left.
        layer: DiffId,
        /// Whether an image changes with it.
        reaches: Reaches,
    },
    /// It failed.
    Failed {
        /// Why, in one line.
        message: String,
        /// The last of what it wrote.
        tail: Vec<u8>,
    },
}

/// Whether what differs reaches an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaches {
    /// It is a layer of one.
    Itself,
    /// Through this step, which reads of it, or of what was made of it.
    Through(MadeBy),
    /// No image reads of it what differs.
    None,
}

/// What doing each RUN twice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All images would have been the same.
    Reproducible,
    /// One would have been another.
    NotReproducible,
    /// A RUN failed the second time.
    Inconclusive,
}

impl RunTwice {
    /// What it came to.
    pub fn verdict(&self) -> Verdict {
        let reaches = |run: &Repeated| matches!(&run.second, Second::Other { reaches, .. } if *reaches != Reaches::None);
        let failed = |run: &Repeated| matches!(run.second, Second::Failed { .. });
        if self.runs.iter().any(reaches) {
            // A failure cannot take that back.
            Verdict::NotReproducible
        } else if self.runs.iter().any(failed) {
            Verdict::Inconclusive
        } else {
            Verdict::Reproducible
        }
    }
}

impl Repeated {
    /// A RUN on the layers `below`.
    pub fn new(by: MadeBy, below: Chain, first: DiffId, second: Second) -> Repeated {
        Repeated { by, first, second, below }
    }

    /// The layers that it stood on, lowest first, with one that it left on top.
    pub fn chain(&self, layer: DiffId) -> Vec<DiffId> {
        let mut chain = self.below.diff_ids();
        chain.push(layer);
        chain
    }
}
