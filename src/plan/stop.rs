//! Why a stage could not be planned to its end.

use super::base::BaseRequest;
use super::error::Error;

/// A reason to stop a stage.
pub(super) enum Stop {
    /// It is wrong.
    Wrong(Error),
    /// It reads from an earlier stage that was not planned yet.
    Stage(usize),
    /// It needs an image that is not known yet.
    Image(Box<BaseRequest>),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Wrong(error)
    }
}
