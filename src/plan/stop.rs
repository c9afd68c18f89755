//! Why a stage could not be planned to its end.

use super::base::BaseKey;
use super::error::Error;
use crate::graph::Location;

/// A reason to stop a stage.
pub(super) enum Stop {
    /// It is wrong.
    Wrong(Error),
    /// It reads from an earlier stage that was not planned yet.
    Stage(usize),
    /// It needs an image that is not known yet.
    Image {
        /// The image.
        key: Box<BaseKey>,
        /// The line that names it.
        location: Location,
        /// How it names it.
        written: String,
    },
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Wrong(error)
    }
}
