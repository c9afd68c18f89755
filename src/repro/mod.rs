//! Compares what two builds left, and names the cause of each difference.
//!
//! [`compare_layers`] tells two layers apart path by path, as they show over what lies below them, [`compare_images`] two images from their manifests down. What is
//! known of a cause, and of how to mend it, is data (`rules.rs`) and a handful of formats (`known`).
//!
//! **Not here**: doing a RUN twice (`build`), how findings are shown (`cli`).

mod cause;
mod compare;
mod content;
mod documents;
mod error;
mod findings;
mod images;
mod known;
mod pairing;
mod rules;

pub use cause::{Bytes, Cause, Class, Left, Sample, cause};
pub use compare::{Alone, Difference, Field, What, Which};
pub use content::ContentDifference;
pub use documents::{ValueDifference, value_differences};
pub use error::Error;
pub use findings::{Finding, Origin, compare_layers};
pub use images::{ImageDifference, LayerDifference, LayerRef, compare_images};
