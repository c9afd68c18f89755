//! The patterns of `${v#p}`, `${v%p}` and `${v/p/r}`: `*`, `?`, and nothing else.

use regex::Regex;

/// Why a pattern was refused.
pub(super) type Problem = String;

/// A pattern as an expression; `\*`, `\?` and `\\` are literal, other escapes are refused, `\}` and `\/` lose the
/// backslash.
///
/// COMPAT: the backslash escapes here whatever `# escape=` says.
fn compile(pattern: &str, greedy: bool, anchored: bool) -> Result<Regex, Problem> {
    let mut out = String::with_capacity(pattern.len() + 4);
    if anchored {
        out.push('^');
    }
    let mut chars = pattern.chars().peekable();
    while let Some(ch) = chars.next() {
        match ch {
            '*' => out.push_str(if greedy { ".*" } else { ".*?" }),
            '?' => out.push('.'),
            '\\' if matches!(chars.peek(), Some('}' | '/')) => {}
            '\\' => match chars.next() {
                Some(escaped @ ('*' | '?' | '\\')) => {
                    out.push('\\');
                    out.push(escaped);
                }
                Some(other) => return Err(format!("invalid escape '\\{other}'")),
                None => return Err("invalid escape at the end".into()),
            },
            _ => out.push_str(&regex::escape(ch.encode_utf8(&mut [0; 4]))),
        }
    }
    Regex::new(&out).map_err(|_| "too long".into())
}

/// `value` without the shortest or longest (`greedy`) prefix that matches.
pub(super) fn trim_prefix(pattern: &str, value: &str, greedy: bool) -> Result<String, Problem> {
    let end = compile(pattern, greedy, true)?.find(value).map_or(0, |found| found.end());
    Ok(value[end..].to_owned())
}

/// `value` without the shortest or longest (`greedy`) suffix that matches.
pub(super) fn trim_suffix(pattern: &str, value: &str, greedy: bool) -> Result<String, Problem> {
    // The shortest suffix is no leftmost match; turned around it is the shortest prefix.
    let value: String = value.chars().rev().collect();
    let trimmed = trim_prefix(&reversed(pattern), &value, greedy)?;
    Ok(trimmed.chars().rev().collect())
}

/// A pattern turned around with its escapes intact.
fn reversed(pattern: &str) -> String {
    let mut parts = Vec::new();
    let mut chars = pattern.char_indices();
    while let Some((at, ch)) = chars.next() {
        let end = match ch {
            '\\' => chars.next().map_or(pattern.len(), |(next, escaped)| next + escaped.len_utf8()),
            _ => at + ch.len_utf8(),
        };
        parts.push(&pattern[at..end]);
    }
    parts.into_iter().rev().collect()
}

/// `value` with the first or every longest match replaced by `with`, which is taken as it is; `None` where the result
/// would be longer than `limit`.
pub(super) fn replace(
    pattern: &str,
    value: &str,
    with: &str,
    all: bool,
    limit: usize,
) -> Result<Option<String>, Problem> {
    let expression = compile(pattern, true, false)?;
    let mut out = String::new();
    let mut done = 0;
    for found in expression.find_iter(value).take(if all { usize::MAX } else { 1 }) {
        out.push_str(&value[done..found.start()]);
        out.push_str(with);
        done = found.end();
        if out.len() > limit {
            return Ok(None);
        }
    }
    out.push_str(&value[done..]);
    Ok(Some(out).filter(|out| out.len() <= limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_suffixes_shortest_and_longest() {
        let path = "a/b/c.tar.gz";
        assert_eq!(trim_prefix("*/", path, false).as_deref(), Ok("b/c.tar.gz"));
        assert_eq!(trim_prefix("*/", path, true).as_deref(), Ok("c.tar.gz"));
        assert_eq!(trim_suffix(".*", path, false).as_deref(), Ok("a/b/c.tar"));
        assert_eq!(trim_suffix(".*", path, true).as_deref(), Ok("a/b/c"));
        assert_eq!(trim_suffix("?z", path, true).as_deref(), Ok("a/b/c.tar."));
        assert_eq!(trim_prefix("b", path, true).as_deref(), Ok(path));
        assert_eq!(trim_suffix(r"\*b", "a*b", false).as_deref(), Ok("a"));
        assert_eq!(trim_suffix(r"\*b", "axb", false).as_deref(), Ok("axb"));
        assert_eq!(trim_prefix("[a]+", "[a]+b", false).as_deref(), Ok("b"));
        assert!(trim_prefix(r"\a", path, false).is_err());
        assert!(trim_prefix("\\", path, false).is_err());
    }

    #[test]
    fn replacement_is_literal_and_bounded() {
        assert_eq!(replace("a", "banana", "$0", false, 99), Ok(Some("b$0nana".into())));
        assert_eq!(replace("a", "banana", "o", true, 99), Ok(Some("bonono".into())));
        assert_eq!(replace(r"\/", "a/b/c", "-", true, 99), Ok(Some("a-b-c".into())));
        assert_eq!(replace("*n", "banana", "", false, 99), Ok(Some("a".into())));
        assert_eq!(replace("", "ab", "-", true, 99), Ok(Some("-a-b-".into())));
        assert_eq!(replace("a", "banana", "xxxx", true, 10), Ok(None));
    }
}
