//! The same as JSON, for programs. `docs/repro.md` has the members.

use serde_json::{Value, json};

use super::finding::how;
use super::image::made_by;
use super::repetition::words;
use crate::build::{MadeBy, Reaches, RunTwice, Second, Traced};
use crate::repro::{
    Field, Finding, ImageDifference, LayerDifference, LayerRef, ValueDifference, What, Which,
};

/// Raised when a member changes its meaning or goes.
const SCHEMA: u32 = 1;

/// The RUNs of a build that were done twice.
pub fn repetition_json(traced: &Traced, twice: &RunTwice, findings: &[Vec<Finding>]) -> String {
    let runs = twice.runs.iter().zip(findings).map(|(run, findings)| {
        let first = run.first.to_string();
        let (result, second, reaches, failed) = match &run.second {
            Second::Same { remembered: false } => ("same", Some(first.clone()), None, None),
            Second::Same { remembered: true } => ("remembered", Some(first.clone()), None, None),
            Second::Other { layer, reaches } => {
                let through = match reaches {
                    Reaches::Itself => Some(&run.by),
                    Reaches::Through(by) => Some(by),
                    Reaches::None => None,
                };
                ("different", Some(layer.to_string()), through, None)
            }
            Second::Failed { message, tail } => {
                let output = String::from_utf8_lossy(tail);
                ("failed", None, None, Some(json!({"message": message, "output": output})))
            }
        };
        json!({
            "step": step(Some(&run.by), traced),
            "result": result,
            "reaches_image": step(reaches, traced),
            "first": first,
            "second": second,
            "failed": failed,
            "differences": findings.iter().map(finding).collect::<Vec<_>>(),
        })
    });
    let report = json!({
        "schema": SCHEMA,
        "kind": "repetition",
        "verdict": words(twice.verdict()),
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
        What::Only(Which::First, _) => ("first", Vec::new()),
        What::Only(Which::Second, _) => ("second", Vec::new()),
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
    let path = &finding.difference.path;
    let how = how(finding, false);
    let mut value = json!({
        "path": path.to_string(), "in": place, "fields": fields, "how": how, "content": content, "cause": cause
    });
    // A name is bytes; text is what JSON can hold.
    if std::str::from_utf8(path.as_bytes()).is_err() {
        value["path_bytes"] = json!(path.as_bytes());
    }
    if let What::Only(_, alone) = &finding.difference.what {
        value["below"] = json!(alone.below);
    }
    value
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
