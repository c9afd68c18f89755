//! One pattern of `.dockerignore`, by the rules of moby/patternmatcher.
//!
//! A pattern becomes a regular expression in Go's dialect exactly where moby makes one, and that is carried over to this
//! library's dialect: the two differ inside brackets and in a few escapes. COMPAT: moby/patternmatcher, so that a context
//! holds the same files as Docker's, oddities such as `**` across slashes included.

use std::borrow::Cow;

use regex::Regex;

use super::glob;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Begins with `!`: takes paths in again.
    pub exception: bool,
    /// Cleaned, without the `!`.
    text: String,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    Exact,
    /// `…**`, the stars cut off.
    Prefix(String),
    /// `**…`, the stars cut off.
    Suffix(String),
    Regex(Regex),
}

impl Pattern {
    /// Reads a trimmed, cleaned pattern.
    pub fn parse(pattern: &str) -> Result<Pattern, &'static str> {
        let (exception, text) = match pattern.strip_prefix('!') {
            Some("") => return Err("an exception must name something after the !"),
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        const SYNTAX: &str = "syntax error in pattern";
        glob::check(text).map_err(|_| SYNTAX)?;
        let matcher = matcher(text).ok_or(SYNTAX)?;
        Ok(Pattern { exception, text: text.to_string(), matcher })
    }

    /// Whether the pattern matches this very path.
    pub fn matches(&self, path: &[u8]) -> bool {
        match &self.matcher {
            Matcher::Exact => path == self.text.as_bytes(),
            Matcher::Prefix(prefix) => path.starts_with(prefix.as_bytes()),
            Matcher::Suffix(suffix) => {
                path.ends_with(suffix.as_bytes())
                    || suffix.strip_prefix('/').is_some_and(|rest| path == rest.as_bytes())
            }
            Matcher::Regex(regex) => regex.is_match(&text(path)),
        }
    }

    /// Whether it is one of the three that leave nothing.
    pub fn is_everything(&self) -> bool {
        matches!(self.text.as_str(), "*" | "**" | "**/*")
    }

    /// Whether the pattern could match something below `directory`. May say yes in vain.
    pub fn may_match_below(&self, directory: &[u8]) -> bool {
        let mut names = directory.split(|b| *b == b'/');
        for component in self.text.split('/') {
            if component.contains("**") || component.contains(['[', '\\', '^']) {
                return true;
            }
            match names.next() {
                None => return true,
                Some(name) if glob::match_component(component.as_bytes(), name) == Ok(false) => return false,
                Some(_) => {}
            }
        }
        // It matches the directory itself or one above, and so all below.
        true
    }
}

/// Bytes as Go's regular expressions see them: what is not UTF-8 is U+FFFD, byte by byte.
fn text(path: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(path) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    for chunk in path.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(out)
}

/// How moby matches `pattern`; none if Go's regular expressions refuse what it makes of it.
fn matcher(pattern: &str) -> Option<Matcher> {
    #[derive(PartialEq)]
    enum Found {
        Exact,
        Prefix,
        Suffix,
        Regex,
    }
    let mut found = Found::Exact;
    let mut go = String::from("^");
    let mut rest = pattern.chars().peekable();
    let mut first = true;
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                let last = rest.peek().is_none();
                go.push_str(if last { ".*" } else { "(.*/)?" });
                found = match found {
                    _ if first => Found::Suffix,
                    Found::Exact if last => Found::Prefix,
                    _ => Found::Regex,
                };
            }
            '*' => {
                go.push_str("[^/]*");
                found = Found::Regex;
            }
            '?' => {
                go.push_str("[^/]");
                found = Found::Regex;
            }
            '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => go.extend(['\\', c]),
            '\\' => {
                go.push('\\');
                if let Some(escaped) = rest.next() {
                    go.push(escaped);
                    found = Found::Regex;
                }
            }
            '[' | ']' => {
                go.push(c);
                found = Found::Regex;
            }
            c => go.push(c),
        }
        first = false;
    }
    Some(match found {
        Found::Exact => Matcher::Exact,
        Found::Prefix => Matcher::Prefix(pattern[..pattern.len() - 2].to_string()),
        Found::Suffix => Matcher::Suffix(pattern[2..].to_string()),
        Found::Regex => {
            go.push('$');
            Matcher::Regex(Regex::new(&translate(&go)?).ok()?)
        }
    })
}

/// A regular expression of Go's in this library's dialect. Only what [`matcher`] makes can come in.
fn translate(go: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = go.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => out.push_str(&escape(rest.next()?)?),
            '[' => {
                let negated = rest.next_if_eq(&'^').is_some();
                out.push_str(if negated { "[^" } else { "[" });
                let mut empty = true;
                while empty || rest.next_if_eq(&']').is_none() {
                    let low = class_item(&mut rest)?;
                    // A hyphen before the bracket is itself.
                    let mut ahead = rest.clone();
                    let range = ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']');
                    match low {
                        Ok(low) if range => {
                            rest = ahead;
                            let high = class_item(&mut rest)?.ok()?;
                            out.push_str(&format!("{}-{}", code(low), code(high)));
                        }
                        Ok(low) => out.push_str(&code(low)),
                        Err(class) => out.push_str(&class),
                    }
                    empty = false;
                }
                out.push(']');
            }
            c => out.push(c),
        }
    }
    Some(out)
}

fn code(c: char) -> String {
    format!("\\x{{{:x}}}", u32::from(c))
}

/// One character of a class, or a class of its own.
fn class_item(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Result<char, String>> {
    match rest.next()? {
        '\\' => match rest.next()? {
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(Ok(c)),
            'b' => None,
            c => escape(c).map(Err),
        },
        // `[:alpha:]` and its like, which both dialects have.
        '[' if rest.peek() == Some(&':') => {
            let mut ahead = rest.clone();
            let name: String = ahead.by_ref().skip(1).take_while(|c| *c != ':').collect();
            if ahead.next() != Some(']') {
                return Some(Ok('['));
            }
            *rest = ahead;
            Some(Err(format!("[:{name}:]")))
        }
        c => Some(Ok(c)),
    }
}

/// What a backslash and `c` mean to Go. COMPAT: a Dockerfile's author who writes `\d` gets a digit, as with Docker.
fn escape(c: char) -> Option<String> {
    Some(match c {
        'd' => "[0-9]".to_string(),
        'D' => "[^0-9]".to_string(),
        's' => r"[\t\n\f\r ]".to_string(),
        'S' => r"[^\t\n\f\r ]".to_string(),
        'w' => "[0-9A-Za-z_]".to_string(),
        'W' => "[^0-9A-Za-z_]".to_string(),
        'b' => r"(?-u:\b)".to_string(),
        'A' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'z' => format!("\\{c}"),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => code(c),
        _ => return None,
    })
}
