//! Names with values: ENV, LABEL and ARG.

use super::error::Error;
use super::error_kind::ErrorKind;
use super::request::Request;
use super::span::Span;
use super::word::Word;
use super::words::is_blank;

/// The pairs of an ENV or LABEL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// In order, at least one.
    pub pairs: Vec<Pair>,
    /// Whether this is the old form, `ENV name the rest of the line`: then there is one pair.
    pub legacy: bool,
}

/// `key=value`. Both sides are expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Left of the `=`.
    pub key: Word,
    /// Right of it; may be empty.
    pub value: Word,
}

/// One declaration of an ARG: `name` or `name=default`. Both sides are expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgDecl {
    /// Left of the `=`.
    pub name: Word,
    /// The default, where there is a `=`.
    pub value: Option<Word>,
    /// What the comment above says about the argument (`# name text`).
    pub doc: Option<String>,
}

impl Pairs {
    /// Reads an ENV or LABEL.
    pub(super) fn read(request: &mut Request<'_>) -> Result<Pairs, Error> {
        request.flags(&[])?;
        let words = request.quoted_words();
        let Some(first) = words.first() else {
            return request.fail(ErrorKind::AtLeastOneArgument(request.name()));
        };
        let legacy = !first.raw.contains('=');
        let pairs = if legacy { vec![legacy_pair(request)?] } else { pairs(&words)? };
        match pairs.iter().find(|pair| pair.key.raw.is_empty()) {
            Some(blank) => Err(Error::new(ErrorKind::BlankName(request.name())).at(blank.value.span)),
            None => Ok(Pairs { pairs, legacy }),
        }
    }
}

fn pairs(words: &[Word]) -> Result<Vec<Pair>, Error> {
    let pair = |word: &Word| match split(word) {
        (key, Some(value)) => Ok(Pair { key, value }),
        (_, None) => Err(Error::new(ErrorKind::NoEquals(word.raw.clone())).at(word.span)),
    };
    words.iter().map(pair).collect()
}

/// `ENV name the rest of the line`.
fn legacy_pair(request: &mut Request<'_>) -> Result<Pair, Error> {
    let rest = request.rest();
    let text = rest.str();
    let Some(end) = text.find(is_blank) else { return request.fail(ErrorKind::TwoArguments(request.name())) };
    let value = end + (text[end..].len() - text[end..].trim_start_matches(is_blank).len());
    Ok(Pair { key: rest.cut(0, end).word(), value: rest.cut(value, text.len()).word() })
}

/// A word at its first `=`.
fn split(word: &Word) -> (Word, Option<Word>) {
    let Some((key, value)) = word.raw.split_once('=') else { return (word.clone(), None) };
    // A word that a continuation runs through is longer in the file than in `raw`: then both sides point at all of it.
    let whole = word.span.end - word.span.start != word.raw.len();
    let part = |raw: &str, start: usize| {
        let start = word.span.start + start;
        let span = if whole { word.span } else { Span::new(start, start + raw.len()) };
        Word { raw: raw.to_owned(), span }
    };
    (part(key, 0), Some(part(value, key.len() + 1)))
}

impl ArgDecl {
    /// Reads the declarations of an ARG.
    pub(super) fn read(request: &mut Request<'_>) -> Result<Vec<ArgDecl>, Error> {
        request.flags(&[])?;
        let words = request.quoted_words();
        if words.is_empty() {
            return request.fail(ErrorKind::AtLeastOneArgument("ARG"));
        }
        let declaration = |word: &Word| {
            let (name, value) = split(word);
            if name.raw.is_empty() {
                return Err(Error::new(ErrorKind::BlankName("ARG")).at(word.span));
            }
            let doc = request.doc(&name.raw);
            Ok(ArgDecl { name, value, doc })
        };
        let declarations = words.iter().map(declaration).collect::<Result<Vec<ArgDecl>, Error>>()?;
        let names: Vec<&str> = declarations.iter().map(|declaration| declaration.name.raw.as_str()).collect();
        request.check_description(&names);
        Ok(declarations)
    }
}
