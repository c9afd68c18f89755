//! The options of a `--mount`, split but not read.

use super::csv;
use super::error::Error;
use super::error_kind::ErrorKind;
use super::word::Word;

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// Left of the `=`, in lower case.
    pub key: String,
    /// Right of it, where there is one; not expanded.
    pub value: Option<String>,
    /// As it was typed.
    pub typed: String,
}

/// Splits the text of a `--mount`.
///
/// ORDER: before expansion, so that a comma in a variable's value stays in its option.
pub(super) fn split(word: &Word) -> Result<Vec<Field>, Error> {
    let fields = csv::fields(&word.raw)
        .map_err(|problem| Error::new(ErrorKind::BadCsv { what: "mounts", problem }).at(word.span))?;
    let field = |typed: String| {
        let (key, value) = match typed.split_once('=') {
            Some((key, value)) => (key.to_lowercase(), Some(value.to_owned())),
            None => (typed.to_lowercase(), None),
        };
        Field { key, value, typed }
    };
    Ok(fields.into_iter().map(field).collect())
}

/// The value of a `--mount`'s `from` as it was typed: what can be known of it before variables are.
pub fn mount_from(word: &Word) -> Option<String> {
    let from = split(word).ok()?.into_iter().find(|field| field.key == "from")?;
    from.value.filter(|value| !value.is_empty())
}

/// The words for true and false that options take.
pub(super) fn boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
