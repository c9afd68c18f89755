//! Where two images differ, as a person reads it.

use std::fmt::Write as _;

use super::finding::{are, count, findings_text};
use crate::build::{MadeBy, Traced};
use crate::cli::display::escape;
use crate::cli::failure::lines_around;
use crate::repro::{ImageDifference, LayerDifference, LayerRef, ValueDifference};

/// LIMIT: characters of a value that are shown.
const VALUE: usize = 100;

/// Each level that differs, from the manifest inwards; the verdict last. `traced` knows the lines of the second image's layers.
pub fn image_text(difference: &ImageDifference, traced: Option<&Traced>) -> String {
    if difference.is_none() {
        return format!("the same: {}\n", difference.manifests.0);
    }
    let mut text = String::new();
    for (what, values) in [("manifest", &difference.manifest), ("config", &difference.config)] {
        if !values.is_empty() {
            writeln!(text, "{what}:").expect("memory");
            values.iter().for_each(|value| text.push_str(&value_text(value)));
            text.push('\n');
        }
    }
    let is_form = |layer: &&LayerDifference| matches!(layer, LayerDifference::Form(..));
    let forms = difference.layers.iter().filter(is_form).count();
    for layer in difference.layers.iter().filter(|layer| !is_form(layer)) {
        text.push_str(&layer_text(layer, traced));
        text.push('\n');
    }
    if forms > 0 {
        writeln!(text, "{} the same content in another form\n", has(forms)).expect("memory");
    }
    let (first, second) = difference.manifests;
    if difference.is_same_image() {
        writeln!(
            text,
            "the same image in another form: config {}; {first} and {second}",
            difference.configs.0
        )
        .expect("memory");
        return text;
    }
    let layers = count(difference.layers.len() - forms, "layer");
    let all = difference.same_layers + difference.layers.len();
    writeln!(text, "different: {first} and {second}; the content of {layers} of {all}").expect("memory");
    text
}

/// `1 layer has`, `2 layers have`.
fn has(layers: usize) -> String {
    format!("{} {}", count(layers, "layer"), if layers == 1 { "has" } else { "have" })
}

fn value_text(value: &ValueDifference) -> String {
    let ValueDifference { pointer, first, second } = value;
    let shown = |value: &Option<serde_json::Value>| match value {
        None => "nothing".to_string(),
        Some(value) => {
            // Of a whole entry of history what it says.
            let text = value.get("created_by").unwrap_or(value).to_string();
            match text.char_indices().nth(VALUE) {
                None => text,
                Some((end, _)) => format!("{}…", &text[..end]),
            }
        }
    };
    escape(&format!("  {pointer}: {} and {}\n", shown(first), shown(second)))
}

fn layer_text(layer: &LayerDifference, traced: Option<&Traced>) -> String {
    match layer {
        LayerDifference::OnlyFirst(layer) => format!("{}: only in the first\n", name(layer)),
        LayerDifference::OnlySecond(layer) => {
            format!("{}: only in the second\n{}", name(layer), lines(layer, traced))
        }
        // They are counted: one with another compressor is none that a container sees.
        LayerDifference::Form(..) => String::new(),
        LayerDifference::Content(first, second, findings) => {
            let place = if first.number == second.number {
                String::new()
            } else {
                format!(" (layer {} of the first)", first.number)
            };
            let paths = match findings.len() {
                // As after another builder: order, headers, or entries that mean the same.
                0 => "the same files, written as another tar".to_string(),
                paths => format!("{} not the same", are(paths)),
            };
            let lines = lines(second, traced);
            format!("{}{place}: {paths}\n{lines}{}", name(second), findings_text(findings))
        }
    }
}

fn name(layer: &LayerRef) -> String {
    let created_by = layer.created_by.as_deref().unwrap_or_default();
    let text = format!("layer {} {created_by}", layer.number).replace('\n', " ");
    escape(text.trim_end()).to_string()
}

/// The lines of the Dockerfile that made a layer, if that is known.
fn lines(layer: &LayerRef, traced: Option<&Traced>) -> String {
    let Some(traced) = traced else { return String::new() };
    made_by(layer, traced).map_or(String::new(), |by| lines_around(&traced.excerpt(by.location)))
}

/// What made a layer of an image that was built.
pub(super) fn made_by<'a>(layer: &LayerRef, traced: &'a Traced) -> Option<&'a MadeBy> {
    let image = traced.trace.images.first()?;
    let (diff_id, by) = image.layers.get(layer.number - 1)?;
    by.as_ref().filter(|_| *diff_id == layer.diff_id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oci::{DiffId, Digest};

    fn layer(number: usize, created_by: &str) -> LayerRef {
        let (diff_id, blob) = (DiffId(Digest::of(created_by.as_bytes())), format!("sha256:{number}"));
        LayerRef { number, diff_id, blob, created_by: Some(created_by.to_string()) }
    }

    #[test]
    fn each_level_is_told_and_the_verdict_is_last() {
        let manifests = (Digest::of(b"1"), Digest::of(b"2"));
        let created =
            ValueDifference { pointer: "/created".into(), first: Some(json!("1970")), second: None };
        let layers = vec![
            LayerDifference::Form(layer(1, "COPY a"), layer(1, "COPY a")),
            LayerDifference::OnlySecond(layer(2, "RUN x\x1b")),
            LayerDifference::Content(layer(2, "RUN y"), layer(3, "RUN y"), Vec::new()),
        ];
        let config = vec![created];
        let manifest = Vec::new();
        let difference =
            ImageDifference { manifests, configs: manifests, manifest, config, layers, same_layers: 4 };
        let text = image_text(&difference, None);
        let want = format!(
            "config:\n  /created: \"1970\" and nothing\n\nlayer 2 RUN x^[: only in the second\n\nlayer 3 RUN y (layer 2 of \
             the first): the same files, written as another tar\n\n1 layer has the same content in another form\n\n\
             different: {} and {}; the content of 2 layers of 7\n",
            manifests.0, manifests.1
        );
        assert_eq!(text, want);
    }
}
