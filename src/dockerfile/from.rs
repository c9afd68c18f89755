//! The FROM instruction.

use super::error::Error;
use super::error_kind::ErrorKind;
use super::flag_set::Takes;
use super::logical::Text;
use super::request::Request;
use super::span::Spanned;
use super::word::Word;

/// `FROM [--platform=…] image [AS alias]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// Image, earlier stage, named context or `scratch`.
    pub image: Word,
    /// `--platform=`.
    pub platform: Option<Word>,
    /// The stage's name in lower case; as it was typed it stands under the span.
    pub alias: Option<Spanned<String>>,
    /// What the comment above says about the stage (`# alias text`).
    pub doc: Option<String>,
}

impl From {
    /// Reads a FROM.
    pub(super) fn read(request: &mut Request<'_>) -> Result<From, Error> {
        let words = request.blank_words();
        let (image, alias) = match words.as_slice() {
            [image] => (image, None),
            [image, keyword, alias] if keyword.str().eq_ignore_ascii_case("as") => {
                (image, Some(stage_name(request, keyword, alias)?))
            }
            _ => return request.fail(ErrorKind::FromArguments),
        };
        let platform = request.flags(&[("platform", Takes::One)])?.word("platform");
        let doc = alias.as_ref().and_then(|alias| request.doc(&alias.value));
        if let Some(alias) = &alias {
            request.check_description(&[&alias.value]);
        }
        Ok(From { image: image.word(), platform, alias, doc })
    }
}

/// The name of a stage, in lower case.
fn stage_name(
    request: &mut Request<'_>,
    keyword: &Text<'_>,
    typed: &Text<'_>,
) -> Result<Spanned<String>, Error> {
    let name = typed.str().to_lowercase();
    let plain = |ch: char| ch.is_ascii_lowercase() || ch.is_ascii_digit() || matches!(ch, '-' | '_' | '.');
    if !name.starts_with(|ch: char| ch.is_ascii_lowercase()) || !name.chars().all(plain) {
        return Err(Error::new(ErrorKind::BadStageName(typed.str().to_owned())).at(typed.span()));
    }
    if name != typed.str() {
        let message = format!("Stage name '{}' should be lowercase", typed.str());
        request.warn("StageNameCasing", message, typed.span());
    }
    let from = request.head.typed.value.clone();
    let agrees = |cased: fn(&str) -> String| cased(&from) == from && cased(keyword.str()) == keyword.str();
    let one_case = from == from.to_lowercase() || from == from.to_uppercase();
    if one_case && !agrees(|text| text.to_lowercase()) && !agrees(|text| text.to_uppercase()) {
        let message = format!("'{}' and '{from}' keywords' casing do not match", keyword.str());
        request.warn("FromAsCasing", message, keyword.span());
    }
    Ok(Spanned { value: name, span: typed.span() })
}
