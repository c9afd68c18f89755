//! What the reader of one instruction is handed: its text, its flags, its here-documents.

use super::broken_json;
use super::command::{Command, ShellText};
use super::error::Error;
use super::error_kind::ErrorKind;
use super::flag_set::{FlagSet, Takes};
use super::head::Head;
use super::heredoc::Heredoc;
use super::json::{self, Json};
use super::logical::Text;
use super::span::{Span, Spanned};
use super::warning::Warning;
use super::word::Word;
use super::words;

/// One instruction, cut but not read.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// Keyword, flags, rest.
    pub head: Head<'a>,
    /// The bodies that follow.
    pub heredocs: Vec<Heredoc>,
    /// The comments above.
    pub comments: &'a [Spanned<String>],
    /// The whole instruction.
    pub span: Span,
    /// The escape character.
    pub escape: char,
    /// What was noticed.
    pub warnings: Vec<Warning>,
}

impl<'a> Request<'a> {
    /// The keyword in upper case.
    pub fn name(&self) -> &'static str {
        self.head.keyword.name()
    }

    /// The arguments.
    pub fn rest(&self) -> Text<'a> {
        self.head.rest
    }

    /// An error about the instruction as a whole.
    pub fn fail<T>(&self, kind: ErrorKind) -> Result<T, Error> {
        Err(Error::new(kind).at(self.span))
    }

    /// The flags, checked.
    pub fn flags(&self, known: &[(&str, Takes)]) -> Result<FlagSet<'_>, Error> {
        FlagSet::check(&self.head.flags, known)
    }

    /// The arguments as words that quotes hold together.
    pub fn quoted_words(&self) -> Vec<Word> {
        words::quoted(self.rest(), self.escape)
    }

    /// The arguments as words between blanks.
    pub fn blank_words(&self) -> Vec<Text<'a>> {
        words::blank_separated(self.rest())
    }

    /// The arguments as one word, which must be there.
    pub fn only_word(&self) -> Result<Word, Error> {
        if self.rest().str().is_empty() {
            return self.fail(ErrorKind::ExactlyOneArgument(self.name()));
        }
        Ok(self.rest().word())
    }

    /// The arguments as a JSON array, where they are one.
    pub fn json(&mut self) -> Result<Option<Vec<Word>>, Error> {
        self.json_in(self.rest())
    }

    /// `text` as a JSON array, where it is one.
    pub fn json_in(&mut self, text: Text<'_>) -> Result<Option<Vec<Word>>, Error> {
        match json::read(text) {
            Json::Strings(words) => Ok(Some(words)),
            Json::NotStrings => Err(Error::new(ErrorKind::JsonNotStrings).at(text.span())),
            Json::No => {
                self.warnings.extend(broken_json::warning(self.head.keyword, text));
                Ok(None)
            }
        }
    }

    /// The arguments as a command.
    pub fn command(&mut self) -> Result<Command, Error> {
        self.command_in(self.rest())
    }

    /// `text` as a command.
    pub fn command_in(&mut self, text: Text<'_>) -> Result<Command, Error> {
        Ok(match self.json_in(text)? {
            Some(words) => Command::Exec(words.into_iter().map(|word| word.raw).collect()),
            None => Command::Shell(ShellText {
                text: text.str().to_owned(),
                heredocs: std::mem::take(&mut self.heredocs),
                span: text.span(),
            }),
        })
    }

    /// What the comments above say about `name`.
    pub fn doc(&self, name: &str) -> Option<String> {
        let about =
            |comment: &Spanned<String>| Some(comment.value.strip_prefix(name)?.strip_prefix(' ')?.to_owned());
        self.comments.iter().find_map(about)
    }

    /// Notes a comment right above that describes none of `names`, which the instruction defines.
    pub fn check_description(&mut self, names: &[&str]) {
        let Some(about) = self.comments.last().map(|comment| comment.value.split(' ').next()) else { return };
        if names.iter().any(|name| Some(*name) == about) {
            return;
        }
        let name = if let [only] = names { only } else { "<arg_key>" };
        let message =
            format!("Comment for {} should follow the format: `# {name} <description>`", self.name());
        self.warn("InvalidDefinitionDescription", message, self.head.typed.span);
    }

    /// Notes a warning.
    pub fn warn(&mut self, rule: &'static str, message: impl Into<String>, span: Span) {
        self.warnings.push(Warning { rule, message: message.into(), hint: None, span });
    }
}
