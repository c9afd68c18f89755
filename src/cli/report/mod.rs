//! What was found in a comparison, as a person reads it and as JSON.

mod finding;
mod image;
mod json;
mod repetition;

pub use image::image_text;
pub use json::{image_json, repetition_json};
pub use repetition::repetition_text;
