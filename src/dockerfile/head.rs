//! A logical line cut into keyword, flags and the rest.

use super::error::Error;
use super::error_kind::ErrorKind;
use super::flag::Flag;
use super::flags;
use super::keyword::Keyword;
use super::logical::Text;
use super::span::Spanned;
use super::suggest;
use super::words::is_blank;

/// The parts of an instruction that all instructions have.
#[derive(Debug)]
pub(super) struct Head<'a> {
    /// Which instruction.
    pub keyword: Keyword,
    /// The keyword as it was typed.
    pub typed: Spanned<String>,
    /// The flags, not checked yet.
    pub flags: Vec<Flag>,
    /// The arguments, trimmed.
    pub rest: Text<'a>,
    /// The whole line.
    pub line: Text<'a>,
}

impl<'a> Head<'a> {
    /// Cuts `line`.
    pub fn cut(line: Text<'a>, escape: char) -> Result<Head<'a>, Error> {
        let trimmed = line.trim();
        let text = trimmed.str();
        let end = text.find(is_blank).unwrap_or(text.len());
        let typed = trimmed.cut(0, end);
        if typed.str().is_empty() {
            return Err(Error::new(ErrorKind::LoneContinuation).at(typed.span()));
        }
        let Some(keyword) = Keyword::of(typed.str()) else {
            return Err(unknown(typed));
        };
        let (flags, rest) = flags::split(trimmed.cut(end, text.len()), escape);
        let typed = Spanned { value: typed.str().to_owned(), span: typed.span() };
        Ok(Head { keyword, typed, flags, rest, line })
    }
}

fn unknown(typed: Text<'_>) -> Error {
    let keyword: String = typed.str().chars().take(80).collect();
    let error = Error::new(ErrorKind::UnknownInstruction {
        near: suggest::near_any_case(&keyword, Keyword::names()),
        keyword: keyword.clone(),
    })
    .at(typed.span());
    let start = keyword.split(|ch: char| !ch.is_ascii_alphabetic()).next().unwrap_or_default();
    if keyword.chars().any(|ch| ch.is_whitespace() || ch == '\u{feff}') && Keyword::of(start).is_some() {
        return error
            .hint("a special space (no-break space or the like) follows the keyword: type a plain one");
    }
    match keyword.as_str() {
        "&&" | "||" | "|" | "|&" | "\\" => {
            error.hint("the line above lacks the escape character at its end that would continue it")
        }
        _ if keyword.starts_with("//") || keyword.starts_with('{') => {
            error.hint("comments start with #; a file for another frontend cannot be built")
        }
        "<<<<<<<" | "=======" | ">>>>>>>" => error.hint("this is the mark of a merge conflict"),
        _ => error,
    }
}
