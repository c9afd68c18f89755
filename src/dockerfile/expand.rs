//! Words to text: the builder's variable expansion, with the word's place on every error.

use super::environment::Env;
use super::error::Error;
use super::error_kind::{ErrorKind, WordProblem};
use super::heredoc::Heredoc;
use super::lexer::{self, Output, Rules};
use super::word::Word;

/// LIMIT: how much longer than itself a word may become. The kernel takes no argument or variable above 128 KiB
/// (`MAX_ARG_STRLEN`), and without a limit thirty ARGs that double each other ask for all memory there is.
const MAX_GROWTH: usize = 128 * 1024;

/// LIMIT: how much of a word a message shows.
const SHOWN: usize = 200;

/// A word after expansion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expanded {
    /// The text: no quotes, no escapes, no variables.
    pub text: String,
    /// The variables that were found, in the order in which they first occur.
    pub used: Vec<String>,
    /// The variables that were not set, likewise; they count as empty.
    pub undefined: Vec<String>,
}

/// Expands `word` to one text; spaces in it and in values stay.
pub fn expand(word: &Word, escape: char, env: &dyn Env) -> Result<Expanded, Error> {
    let Output { text, used, undefined, .. } = run(word, rules(escape), env)?;
    Ok(Expanded { text, used, undefined })
}

/// Expands `word` and then splits it at spaces that are not quoted, those of values included: EXPOSE.
pub fn expand_words(word: &Word, escape: char, env: &dyn Env) -> Result<Vec<String>, Error> {
    Ok(run(word, rules(escape), env)?.words)
}

/// Expands the content of a here-document that is a file of COPY or ADD; one with a quoted delimiter stays as it is.
///
/// COMPAT: quotes are characters like any other here, and the escape character is the backslash whatever `# escape=`
/// says.
pub fn expand_heredoc(heredoc: &Heredoc, env: &dyn Env) -> Result<Expanded, Error> {
    let word = Word { raw: heredoc.content(), span: heredoc.span };
    if !heredoc.expand {
        return Ok(Expanded { text: word.raw, ..Expanded::default() });
    }
    let Output { text, used, undefined, .. } = run(&word, Rules { no_quotes: true, ..rules('\\') }, env)?;
    Ok(Expanded { text, used, undefined })
}

/// An instruction's text for the display: variables that are set are filled in; quotes and unknown variables stay. Text
/// that cannot be read so stays as it is.
pub fn expand_for_display(text: &str, escape: char, env: &dyn Env) -> String {
    let rules =
        Rules { keep_quotes: true, keep_unset: true, limit: MAX_GROWTH + text.len(), ..rules(escape) };
    lexer::process(text, rules, env).map_or_else(|_| text.to_owned(), |output| output.text)
}

fn rules(escape: char) -> Rules {
    Rules {
        escape,
        keep_quotes: false,
        keep_escapes: false,
        no_quotes: false,
        keep_unset: false,
        limit: MAX_GROWTH,
    }
}

fn run(word: &Word, mut rules: Rules, env: &dyn Env) -> Result<Output, Error> {
    rules.limit += word.raw.len();
    lexer::process(&word.raw, rules, env).map_err(|problem| {
        let mut shown: String = word.raw.chars().take(SHOWN).collect();
        if shown.len() < word.raw.len() {
            shown.push('…');
        }
        let hint = match problem {
            WordProblem::BadSubstitution => Some("a variable's name must stand between ${ and }"),
            WordProblem::SingleQuote | WordProblem::DoubleQuote => Some("close the quote, or escape it"),
            _ => None,
        };
        let error = Error::new(ErrorKind::BadWord { word: shown, problem }).at(word.span);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })
}
