//! Manifests and indexes as they come: what they say that they are, and whether it is true.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::Error;
use crate::http::Response;

/// The kinds of document that we ask for, in order of preference.
pub const ACCEPTED: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lists the layers of one image.
    Manifest,
    /// Lists manifests, one a platform.
    Index,
}

impl Kind {
    /// The kind of a media type.
    pub fn of(media_type: &str) -> Option<Kind> {
        let at = ACCEPTED.iter().position(|known| *known == media_type)?;
        Some(if at % 2 == 0 { Kind::Index } else { Kind::Manifest })
    }
}

#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "schemaVersion")]
    schema_version: Option<u64>,
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    manifests: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<IgnoredAny>,
}

/// The media type of a document, when all that speaks of it agrees: the header, the document, its shape, and
/// `expected` from the descriptor that led here. CVE-2021-41190: a document that can be read as two is refused.
pub(super) fn media_type(
    what: &str,
    header: Option<&str>,
    expected: Option<&str>,
    bytes: &[u8],
) -> Result<(String, Kind), Error> {
    let wrong = |reason: String| Error::Document { what: what.to_string(), reason };
    let schema1 = || Error::Schema1 { what: what.to_string() };
    // `text/html; charset=…`: what follows the semicolon is not part of the type.
    let header = header.map(|h| h.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    if header.as_deref().is_some_and(|h| h.starts_with("application/vnd.docker.distribution.manifest.v1+")) {
        return Err(schema1());
    }
    // A member that stands there twice is an error of serde's, which is what we want.
    let shape: Shape =
        serde_json::from_slice(bytes).map_err(|e| wrong(format!("not a manifest or index: {e}")))?;
    if shape.schema_version == Some(1) || shape.fs_layers.is_some() && shape.layers.is_none() {
        return Err(schema1());
    }
    let listed = shape.manifests.is_some();
    let layered = shape.layers.is_some() || shape.config.is_some() || shape.fs_layers.is_some();
    let kind = match (listed, layered) {
        (true, false) => Kind::Index,
        (false, true) => Kind::Manifest,
        (true, true) => {
            return Err(wrong(
                "the document lists both manifests and layers: refused as ambiguous".to_string(),
            ));
        }
        (false, false) => return Err(wrong("the document lists neither manifests nor layers".to_string())),
    };
    // What servers of plain files say about every file.
    const GENERIC: [&str; 5] =
        ["application/json", "text/plain", "application/octet-stream", "binary/octet-stream", ""];
    let header = header.filter(|h| !GENERIC.contains(&h.as_str()));
    let mut said = [
        ("the Content-Type", header.as_deref()),
        ("the document", shape.media_type.as_deref()),
        ("the descriptor", expected),
    ]
    .into_iter()
    .filter_map(|(who, said)| Some((who, said?)));
    let Some((first, media_type)) = said.next() else {
        return Ok((ACCEPTED[usize::from(kind == Kind::Manifest)].to_string(), kind));
    };
    if let Some((who, other)) = said.find(|(_, other)| *other != media_type) {
        return Err(wrong(format!(
            "{first} says {media_type:?}, {who} says {other:?}: refused as ambiguous"
        )));
    }
    match Kind::of(media_type) {
        Some(named) if named == kind => Ok((media_type.to_string(), kind)),
        Some(_) => Err(wrong(format!("the document is not what its type {media_type:?} says"))),
        None => Err(wrong(format!("the registry sent {media_type:?}, which is no image manifest or index"))),
    }
}

#[derive(Deserialize)]
struct Refusals {
    errors: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What a registry says about its refusal. SPEC: distribution-spec, "Error Codes".
pub(super) fn refusal_detail(mut response: Response) -> String {
    // LIMIT: an error document.
    let bytes = response.bytes(64 << 10).unwrap_or_default();
    let Ok(refusals) = serde_json::from_slice::<Refusals>(&bytes) else { return String::new() };
    let said: Vec<String> = refusals
        .errors
        .iter()
        .take(3)
        .map(|r| match (r.code.as_str(), r.message.as_str()) {
            ("", message) => message.to_string(),
            (code, "") => code.to_string(),
            (code, message) => format!("{code}: {message}"),
        })
        .collect();
    said.join("; ").chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = ACCEPTED[0];
    const MANIFEST: &str = ACCEPTED[1];

    fn judged(header: Option<&str>, expected: Option<&str>, text: &str) -> Result<String, String> {
        media_type("x", header, expected, text.as_bytes()).map(|(m, _)| m).map_err(|e| e.to_string())
    }

    #[test]
    fn cve_2021_41190_a_document_that_can_be_read_as_two_is_refused() {
        let both = r#"{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}"#;
        assert!(
            judged(Some(INDEX), None, both).expect_err("ambiguous").contains("both manifests and layers")
        );
        let manifest = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
        assert!(judged(Some(INDEX), None, manifest).is_err());
        assert!(judged(None, Some(INDEX), manifest).is_err());
        let says_index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","config":{{}},"layers":[]}}"#);
        assert!(judged(Some(MANIFEST), None, &says_index).expect_err("two types").contains("ambiguous"));
        let twice =
            format!(r#"{{"mediaType":"{INDEX}","mediaType":"{MANIFEST}","layers":[],"config":{{}}}}"#);
        assert!(judged(Some(MANIFEST), None, &twice).is_err());
    }

    #[test]
    fn a_type_may_come_from_the_header_the_document_or_the_shape() {
        let plain = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
        for header in [Some(MANIFEST), Some("application/json; charset=utf-8"), None] {
            assert_eq!(judged(header, None, plain).as_deref(), Ok(MANIFEST));
        }
        let docker = format!(r#"{{"mediaType":"{}","config":{{}},"layers":[]}}"#, ACCEPTED[3]);
        assert_eq!(judged(None, Some(ACCEPTED[3]), &docker).as_deref(), Ok(ACCEPTED[3]));
        assert!(judged(Some("application/vnd.cncf.helm"), None, plain).is_err());
        assert!(judged(None, None, "{}").is_err());
        assert!(judged(None, None, "<html>").is_err());
    }

    #[test]
    fn schema_1_is_refused_by_name() {
        let text = r#"{"schemaVersion":1,"fsLayers":[],"history":[]}"#;
        for header in [None, Some("application/vnd.docker.distribution.manifest.v1+prettyjws")] {
            assert!(judged(header, None, text).expect_err("old").contains("schema 1"));
        }
    }
}
