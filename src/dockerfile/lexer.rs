//! Variables, quotes and escapes in words: the language of `$v`, `${v:-w}` and their kin.
//!
//! **Invariants.** Never panics; the output is never longer than the limit it is given; nesting is bounded.

use std::collections::BTreeSet;

use super::environment::Env;
use super::error_kind::WordProblem;
use super::pattern;

/// LIMIT: deeper than anybody writes, shallow enough for any stack.
const MAX_DEPTH: usize = 64;

/// How to read: the fields are off by default, as the builder's own expansion wants them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The character that takes the next one literally.
    pub escape: char,
    /// Quotes stay in the output.
    pub keep_quotes: bool,
    /// Escape characters stay in the output.
    pub keep_escapes: bool,
    /// Quotes are characters like any other (here-document bodies).
    pub no_quotes: bool,
    /// A variable that is not set stays as it was written.
    pub keep_unset: bool,
    /// The longest output, in bytes.
    pub limit: usize,
}

/// What came out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Output {
    /// The word expanded.
    pub text: String,
    /// The same, split at spaces that were not quoted.
    pub words: Vec<String>,
    /// Variables that were set, in the order in which they were first asked for.
    pub used: Vec<String>,
    /// Variables that were not.
    pub undefined: Vec<String>,
}

/// Reads `word` with the variables of `env`.
pub(super) fn process(word: &str, rules: Rules, env: &dyn Env) -> Result<Output, WordProblem> {
    let mut lexer = Lexer {
        chars: word.chars().collect(),
        at: 0,
        rules,
        env,
        depth: 0,
        seen: BTreeSet::new(),
        used: Vec::new(),
        undefined: Vec::new(),
    };
    let (text, words) = lexer.until(None, rules.keep_escapes)?;
    Ok(Output { text, words, used: lexer.used, undefined: lexer.undefined })
}

struct Lexer<'a> {
    chars: Vec<char>,
    at: usize,
    rules: Rules,
    env: &'a dyn Env,
    depth: usize,
    seen: BTreeSet<String>,
    used: Vec<String>,
    undefined: Vec<String>,
}

/// Words as they grow: unquoted spaces end them.
#[derive(Default)]
struct Splitter {
    words: Vec<String>,
    word: String,
}

impl Splitter {
    fn plain(&mut self, ch: char) {
        if !ch.is_whitespace() {
            self.word.push(ch);
        } else if !self.word.is_empty() {
            self.words.push(std::mem::take(&mut self.word));
        }
    }

    fn finish(mut self) -> Vec<String> {
        if !self.word.is_empty() {
            self.words.push(self.word);
        }
        self.words
    }
}

type Part = Result<String, WordProblem>;

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let ch = self.peek()?;
        self.at += 1;
        Some(ch)
    }

    fn bounded(&self, text: &str) -> Result<(), WordProblem> {
        if text.len() > self.rules.limit { Err(WordProblem::TooLong(self.rules.limit)) } else { Ok(()) }
    }

    /// Everything up to `stop` (which is consumed), or to the end.
    fn until(
        &mut self,
        stop: Option<char>,
        keep_escapes: bool,
    ) -> Result<(String, Vec<String>), WordProblem> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(WordProblem::TooDeep(MAX_DEPTH));
        }
        let outer = std::mem::replace(&mut self.rules.keep_escapes, keep_escapes);
        let result = self.run(stop);
        self.rules.keep_escapes = outer;
        self.depth -= 1;
        result
    }

    fn run(&mut self, stop: Option<char>) -> Result<(String, Vec<String>), WordProblem> {
        let mut out = String::new();
        let mut words = Splitter::default();
        while let Some(ch) = self.peek() {
            if stop == Some(ch) {
                self.at += 1;
                return Ok((out, words.finish()));
            }
            match ch {
                '$' => {
                    let part = self.dollar()?;
                    part.chars().for_each(|ch| words.plain(ch));
                    out.push_str(&part);
                }
                '<' => {
                    let part = self.angle();
                    words.word.push_str(&part);
                    out.push_str(&part);
                }
                '\'' | '"' if !self.rules.no_quotes => {
                    let part = if ch == '"' { self.double_quoted() } else { self.single_quoted() }?;
                    words.word.push_str(&part);
                    out.push_str(&part);
                }
                _ if ch == self.rules.escape => {
                    self.at += 1;
                    for kept in [self.rules.keep_escapes.then_some(ch), self.next()].into_iter().flatten() {
                        words.word.push(kept);
                        out.push(kept);
                    }
                }
                _ => {
                    self.at += 1;
                    words.plain(ch);
                    out.push(ch);
                }
            }
            self.bounded(&out)?;
        }
        match stop {
            // Every caller has a message of its own for this.
            Some(_) => Err(WordProblem::MissingBrace),
            None => Ok((out, words.finish())),
        }
    }

    fn single_quoted(&mut self) -> Part {
        let start = self.at + 1;
        let length = self.chars[start..].iter().position(|ch| *ch == '\'');
        let end = start + length.ok_or(WordProblem::SingleQuote)?;
        self.at = end + 1;
        let kept = if self.rules.keep_quotes { start - 1..end + 1 } else { start..end };
        Ok(self.chars[kept].iter().collect())
    }

    fn double_quoted(&mut self) -> Part {
        let mut out = String::new();
        self.at += 1;
        if self.rules.keep_quotes {
            out.push('"');
        }
        while let Some(ch) = self.peek() {
            match ch {
                '"' => {
                    self.at += 1;
                    if self.rules.keep_quotes {
                        out.push('"');
                    }
                    return Ok(out);
                }
                '$' => out.push_str(&self.dollar()?),
                _ => {
                    self.at += 1;
                    let mut ch = ch;
                    if ch == self.rules.escape {
                        if self.rules.keep_escapes {
                            out.push(ch);
                        }
                        match self.peek() {
                            None => continue,
                            Some(next) if next == '"' || next == '$' || next == self.rules.escape => {
                                self.at += 1;
                                ch = next;
                            }
                            Some(_) => {}
                        }
                    }
                    out.push(ch);
                }
            }
            self.bounded(&out)?;
        }
        Err(WordProblem::DoubleQuote)
    }

    /// `<`, or `<<` with the blanks behind it: so that `<< EOF` stays one word.
    fn angle(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        if self.peek() == Some('<') {
            self.at += 1;
            while matches!(self.peek(), Some('\t' | '\r' | ' ')) {
                self.at += 1;
            }
        }
        self.chars[start..self.at].iter().collect()
    }

    fn dollar(&mut self) -> Part {
        self.at += 1;
        if self.peek() != Some('{') {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".into());
            }
            return match self.value(&name) {
                None if self.rules.keep_unset => Ok(format!("${name}")),
                value => Ok(value.unwrap_or_default()),
            };
        }
        self.at += 1;
        match self.peek() {
            None => return Err(WordProblem::MissingBrace),
            Some('{' | '}' | ':') => return Err(WordProblem::BadSubstitution),
            Some(_) => {}
        }
        let name = self.name();
        match self.next() {
            Some('}') => match self.value(&name) {
                None if self.rules.keep_unset => Ok(format!("${{{name}}}")),
                value => Ok(value.unwrap_or_default()),
            },
            Some(':') => match self.next() {
                None => Err(WordProblem::MissingBrace),
                Some(modifier @ ('#' | '%')) => Err(WordProblem::UnsupportedModifier(format!(":{modifier}"))),
                Some(modifier) => self.modified(&name, modifier, true),
            },
            Some(modifier @ ('+' | '-' | '?' | '#' | '%')) => self.modified(&name, modifier, false),
            Some('/') => self.replaced(&name),
            Some(other) => Err(WordProblem::UnsupportedModifier(other.to_string())),
            None => Err(WordProblem::MissingBrace),
        }
    }

    /// Behind `${name:-` and the like.
    fn modified(&mut self, name: &str, modifier: char, empty_is_unset: bool) -> Part {
        let colon = if empty_is_unset { ":" } else { "" };
        let word = self.closed('}', matches!(modifier, '#' | '%'), WordProblem::MissingBrace)?;
        let value = self.value(name);
        if value.is_none() && self.rules.keep_unset {
            return Ok(format!("${{{name}{colon}{modifier}{word}}}"));
        }
        let given = value.as_deref().filter(|value| !(empty_is_unset && value.is_empty()));
        match modifier {
            '-' => Ok(given.map_or(word, str::to_owned)),
            '+' => Ok(given.map_or(String::new(), |_| word)),
            '?' => match given {
                Some(given) => Ok(given.to_owned()),
                None => {
                    let default = if value.is_some() { "empty" } else { "unset" };
                    let message =
                        if word.is_empty() { format!("is not allowed to be {default}") } else { word };
                    Err(WordProblem::Required { name: name.to_owned(), message })
                }
            },
            '#' | '%' => {
                let longest = word.strip_prefix(modifier);
                let (pattern, greedy) = (longest.unwrap_or(&word), longest.is_some());
                let trim = if modifier == '#' { pattern::trim_prefix } else { pattern::trim_suffix };
                trim(pattern, given.unwrap_or_default(), greedy)
                    .map_err(|problem| WordProblem::BadPattern { pattern: pattern.to_owned(), problem })
            }
            _ => Err(WordProblem::UnsupportedModifier(format!("{colon}{modifier}"))),
        }
    }

    /// Behind `${name/`.
    fn replaced(&mut self, name: &str) -> Part {
        let all = self.peek() == Some('/');
        if all {
            self.at += 1;
        }
        let pattern = self.closed('/', true, WordProblem::MissingSlash)?;
        let with = self.closed('}', true, WordProblem::MissingBrace)?;
        let value = self.value(name);
        if value.is_none() && self.rules.keep_unset {
            let slash = if all { "//" } else { "/" };
            return Ok(format!("${{{name}{slash}{pattern}/{with}}}"));
        }
        match pattern::replace(&pattern, &value.unwrap_or_default(), &with, all, self.rules.limit) {
            Ok(replaced) => replaced.ok_or(WordProblem::TooLong(self.rules.limit)),
            Err(problem) => Err(WordProblem::BadPattern { pattern, problem }),
        }
    }

    /// The text up to `stop`; `missing` where the word ends before it.
    fn closed(&mut self, stop: char, keep_escapes: bool, missing: WordProblem) -> Part {
        match self.until(Some(stop), keep_escapes) {
            Ok((text, _)) => Ok(text),
            Err(limit @ (WordProblem::TooDeep(_) | WordProblem::TooLong(_))) => Err(limit),
            Err(_) if self.peek().is_none() => Err(missing),
            Err(problem) => Err(problem),
        }
    }

    /// A name: letters, digits and `_`; or digits alone; or one special character.
    fn name(&mut self) -> String {
        let start = self.at;
        match self.peek() {
            Some(ch) if ch.is_numeric() => {
                while self.peek().is_some_and(char::is_numeric) {
                    self.at += 1;
                }
            }
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => self.at += 1,
            _ => {
                while self.peek().is_some_and(|ch| ch.is_alphanumeric() || ch == '_') {
                    self.at += 1;
                }
            }
        }
        self.chars[start..self.at].iter().collect()
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let value = self.env.get(name).map(str::to_owned);
        if self.seen.insert(name.to_owned()) {
            let list = if value.is_some() { &mut self.used } else { &mut self.undefined };
            list.push(name.to_owned());
        }
        value
    }
}
