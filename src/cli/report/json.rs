//! The same as JSON, for programs. `docs/reproducibility.md` has the members.

use serde_json::{Value, json};

use super::finding::how;
use super::image::made_by;
use super::repetition::verdict;
use crate::build::{MadeBy, RunTwice, Second, Traced};
use crate::repro::{Field, Finding, ImageDifference, LayerDifference, LayerRef, ValueDifference, What};

/// Raised when a member changes its meaning or goes.
const SCHEMA: u32 = 1;

/// The RUNs of a build that were done twice.
pub fn repetition_json(traced: &Traced, twice: &RunTwice, findings: &[Vec<Finding>]) -> String {
    let runs = twice.runs.iter().zip(findings).map(|(run, findings)| {
        let (second, failed) = match &run.second {
            Second::Layer(layer) => (Some(layer.to_string()), None),
            Second::Failed(message) => (None, Some(message)),
        };
        json!({
            "step": step(Some(&run.by), traced),
            "same": run.is_same(),
            "remembered": run.remembered,
            "in_image": run.in_image,
            "first": run.first.to_string(),
            "second": second,
            "failed": failed,
            "differences": findings.iter().map(finding).collect::<Vec<_>>(),
        })
    });
    let report = json!({
        "schema": SCHEMA,
        "kind": "repetition",
        "verdict": verdict(twice).words(),
        "image": traced.built.top.digest().to_string(),
        "runs": runs.collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}

/// Where two images differ.
pub fn image_json(difference: &ImageDifference, traced: Option<&Traced>) -> String {
    let values = |values: &[ValueDifference]| -> Vec<Value> {
        let value = |v: &ValueDifference| json!({"pointer": v.pointer, "first": v.first, "second": v.second});
        values.iter().map(value).collect()
    };
    let layers = difference.layers.iter().map(|layer| {
        let (how, first, second, findings) = match layer {
            LayerDifference::Form(first, second) => ("form", Some(first), Some(second), &[][..]),
            LayerDifference::Content(first, second, findings) => {
                ("content", Some(first), Some(second), &findings[..])
            }
            LayerDifference::OnlyFirst(layer) => ("only-first", Some(layer), None, &[][..]),
            LayerDifference::OnlySecond(layer) => ("only-second", None, Some(layer), &[][..]),
        };
        let made = second.zip(traced).and_then(|(layer, traced)| made_by(layer, traced));
        json!({
            "how": how,
            "first": first.map(layer_json),
            "second": second.map(layer_json),
            "step": traced.map(|traced| step(made, traced)),
            "differences": findings.iter().map(finding).collect::<Vec<_>>(),
        })
    });
    let report = json!({
        "schema": SCHEMA,
        "kind": "images",
        "same": difference.is_none(),
        "same_image": difference.is_same_image(),
        "first": difference.manifests.0.to_string(),
        "second": difference.manifests.1.to_string(),
        "manifest": values(&difference.manifest),
        "config": values(&difference.config),
        "same_layers": difference.same_layers,
        "layers": layers.collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}

fn layer_json(layer: &LayerRef) -> Value {
    let LayerRef { number, diff_id, blob, created_by } = layer;
    json!({"number": number, "diff_id": diff_id.to_string(), "blob": blob, "created_by": created_by})
}

fn step(by: Option<&MadeBy>, traced: &Traced) -> Value {
    by.map_or(Value::Null, |by| {
        let (first, last) = (by.location.first, by.location.last);
        json!({"name": by.name, "file": traced.dockerfile(), "line": first, "last_line": last})
    })
}

fn finding(finding: &Finding) -> Value {
    let (place, fields): (_, Vec<&str>) = match &finding.difference.what {
        What::OnlyFirst(_) => ("first", Vec::new()),
        What::OnlySecond(_) => ("second", Vec::new()),
        What::Changed { fields, .. } => ("both", fields.iter().copied().map(word).collect()),
    };
    let content = finding.content.as_ref();
    let content = content.map(|content| {
        let (first, second) = content.sizes;
        json!({"offset": content.offset, "bytes": content.bytes, "sizes": [first, second]})
    });
    let cause = finding.cause.as_ref().map(|cause| {
        let class = cause.class.to_string();
        json!({"class": class, "rule": cause.rule, "what": cause.what, "fix": cause.fix})
    });
    let path = finding.difference.path.to_string();
    json!({"path": path, "in": place, "fields": fields, "how": how(finding), "content": content, "cause": cause})
}

fn word(field: Field) -> &'static str {
    match field {
        Field::Kind => "kind",
        Field::Content => "content",
        Field::Target => "target",
        Field::Device => "device",
        Field::Mode => "mode",
        Field::Owner => "owner",
        Field::Time => "time",
        Field::Attributes => "attributes",
    }
}
