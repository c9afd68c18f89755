//! A named context as the base of a stage: all its files as one layer.

use super::draft::Draft;
use super::site::Site;
use crate::graph::{Copy, CopySource, Input, Label, Location, Op, Step, Unpack};
use crate::oci::{History, Platform};

/// The step that copies the context called `name` onto nothing, with its entry for the history.
pub(super) fn copy<'a>(
    site: &'a Site<'a>,
    draft: &mut Draft<'a>,
    name: &str,
    history: &mut Vec<History>,
    platform: &Platform,
    location: Location,
) -> Input {
    let epochs = &site.arguments.epochs;
    let copy = Copy {
        from: draft.context(Some(name)),
        sources: vec![CopySource::Path("/".to_string())],
        destination: "/".to_string(),
        owner: None,
        mode: None,
        link: false,
        parents: false,
        exclude: Vec::new(),
        unpack: Unpack::Never,
        epoch: epochs.layer,
    };
    history.push(History {
        created: Some(epochs.image.rfc3339()),
        created_by: Some(format!("local source for {name}")),
        author: None,
        // SPEC: what BuildKit's exporter writes for a layer that no instruction made.
        comment: Some("buildkit.exporter.image.v0".to_string()),
        empty_layer: false,
    });
    draft.step(Step {
        op: Op::Copy(Box::new(copy)),
        base: Input::Scratch,
        platform: platform.clone(),
        label: Label { place: format!("context {name}"), text: "load from client".to_string() },
        location,
        no_cache: false,
    })
}
