//! What RUN, CMD, ENTRYPOINT and HEALTHCHECK run: a JSON array, or text for a shell.

use super::heredoc::Heredoc;
use super::opening;
use super::span::Span;

/// The command of an instruction, never expanded by the builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// JSON form: the argument vector as it is. May be empty (`ENTRYPOINT []`).
    Exec(Vec<String>),
    /// Anything else: one text for the stage's shell.
    Shell(ShellText),
}

/// The text of a shell form. May be empty (`CMD` alone).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellText {
    /// The text behind flags and keyword, continuation lines joined with nothing between, trimmed.
    pub text: String,
    /// Here-documents that the text opens, in order; only RUN has any.
    pub heredocs: Vec<Heredoc>,
    /// Where `text` stands (without the bodies).
    pub span: Span,
}

/// What a RUN's shell form comes to once its here-documents are in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// One argument for the shell.
    Shell(String),
    /// The only thing on the line was a here-document whose body begins with `#!`: a file `/dev/pipes/<name>`, mode
    /// 0755, with this content, executed without a shell.
    File {
        /// The file's name: the delimiter.
        name: String,
        /// The file's bytes.
        content: String,
    },
}

impl ShellText {
    /// The text as RUN executes it, with its here-documents.
    ///
    /// SPEC: where the text is nothing but one opening word, the body is the script, without leading tabs for `<<-`.
    /// Otherwise the bodies are put back behind the text, each with its terminator, as they stood, for the shell to read.
    pub fn script(&self) -> Script {
        let Some(first) = self.heredocs.first() else { return Script::Shell(self.text.clone()) };
        if opening::one(&self.text).is_some() {
            let content = first.content();
            return match content.starts_with("#!") {
                true => Script::File { name: first.name.clone(), content },
                false => Script::Shell(content),
            };
        }
        let mut text = self.text.clone();
        for heredoc in &self.heredocs {
            text.push('\n');
            text.push_str(&heredoc.body);
            text.push_str(&heredoc.name);
        }
        Script::Shell(text)
    }
}
