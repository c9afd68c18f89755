//! The two times of a build: when layers say they were made, and when the image says so.

use super::request::LayerEpoch;
use crate::oci::Epoch;

/// The variable that tells programs the time.
pub(super) const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

/// LIMIT: the last second that RFC 3339 can write: a clamp that moves nothing.
const NEVER: Epoch = Epoch(253_402_300_799);

/// The epochs of one build.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epochs {
    /// Of config, history and index.
    pub image: Epoch,
    /// Whether `image` was given, by flag, build argument or global ARG.
    pub given: bool,
    /// Of layers; none to keep times.
    pub layer: Option<Epoch>,
}

impl Epochs {
    /// The epochs where `given` was said and `fallback` was not.
    pub fn new(given: Option<Epoch>, fallback: Epoch, layer: LayerEpoch) -> Epochs {
        let image = given.unwrap_or(fallback);
        let layer = match layer {
            LayerEpoch::Constant(epoch) => Some(epoch),
            LayerEpoch::Source => Some(image),
            LayerEpoch::Preserve => None,
        };
        Epochs { image, given: given.is_some(), layer }
    }

    /// The latest time that a RUN leaves, where the stage's own ARG says `declared`.
    pub fn clamp(&self, declared: Option<&str>) -> Epoch {
        let declared = declared.and_then(|value| value.parse().ok());
        self.layer.map_or(NEVER, |layer| declared.unwrap_or(layer))
    }

    /// The time of a directory that WORKDIR makes.
    pub fn directory(&self) -> Epoch {
        self.layer.unwrap_or(self.image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::LAYER_EPOCH;

    #[test]
    fn a_declared_epoch_clamps_and_a_word_does_not() {
        let epochs = Epochs::new(Some(Epoch(7)), LAYER_EPOCH, LayerEpoch::Constant(LAYER_EPOCH));
        assert_eq!(epochs.clamp(None), LAYER_EPOCH);
        assert_eq!(epochs.clamp(Some("7")), Epoch(7));
        assert_eq!(epochs.clamp(Some("")), LAYER_EPOCH);
    }

    #[test]
    fn preserved_times_are_not_clamped() {
        let epochs = Epochs::new(None, Epoch(7), LayerEpoch::Preserve);
        assert_eq!((epochs.clamp(Some("3")), epochs.directory()), (NEVER, Epoch(7)));
        assert_eq!(Epochs::new(None, Epoch(7), LayerEpoch::Source).clamp(None), Epoch(7));
    }
}
