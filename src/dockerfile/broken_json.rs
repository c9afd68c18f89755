//! Shell forms that were meant to be JSON arrays: `CMD ['a', 'b']`.

use super::keyword::Keyword;
use super::logical::Text;
use super::warning::Warning;

/// A warning for `text`, which is no JSON, where it looks like an array of strings all the same.
pub(super) fn warning(keyword: Keyword, text: Text<'_>) -> Option<Warning> {
    let source = text.str().trim();
    let corrected = corrected(source);
    // `[ -f x ] && y` and `[ a = b ]` are good shell.
    let shell = matches!(keyword, Keyword::Run | Keyword::Healthcheck | Keyword::Cmd | Keyword::Entrypoint);
    if corrected.is_none() && (shell || !source.starts_with('[') || !source.ends_with(']')) {
        return None;
    }
    let taken_as = if matches!(keyword, Keyword::Copy | Keyword::Add | Keyword::Volume) {
        "as words"
    } else {
        "in shell form"
    };
    Some(Warning {
        rule: "InvalidJSONArgs",
        message: format!(
            "{} looks like a JSON array but is not valid JSON, and is taken {taken_as}",
            keyword.name()
        ),
        hint: corrected.map(|array| format!("write {} {array}", keyword.name())),
        span: text.span(),
    })
}

/// What `source` would be as JSON, where it is a bracketed list of strings in any kind of quotes: single or typographic
/// quotes, missing or surplus commas, lone backslashes, a missing bracket at the end.
fn corrected(source: &str) -> Option<String> {
    let mut rest = source.strip_prefix('[')?.trim_start();
    let mut strings = Vec::new();
    loop {
        rest = rest.trim_start_matches(|ch: char| ch == ',' || ch.is_whitespace());
        if rest.is_empty() || rest == "]" {
            break;
        }
        let open = rest.chars().next()?;
        let closers: &[char] = match open {
            '"' => &['"'],
            '\'' => &['\''],
            '“' | '”' | '„' => &['“', '”'],
            '‘' | '’' | '‚' => &['‘', '’'],
            _ => return None,
        };
        rest = &rest[open.len_utf8()..];
        let mut text = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            let (at, ch) = chars.next()?;
            if closers.contains(&ch) {
                break at + ch.len_utf8();
            }
            if ch == '\\' && chars.as_str().starts_with(['"', '\'', '\\']) {
                text.extend(chars.next().map(|(_, escaped)| escaped));
                continue;
            }
            text.push(ch);
        };
        strings.push(text);
        rest = &rest[end..];
        if !rest.trim_start().starts_with([',', ']', '"', '\'', '“', '”', '‘', '’'])
            && !rest.trim().is_empty()
        {
            return None;
        }
    }
    if strings.is_empty() {
        return None;
    }
    let quoted: Vec<String> =
        strings.iter().map(|text| serde_json::Value::from(text.as_str()).to_string()).collect();
    Some(format!("[{}]", quoted.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_offered() {
        assert_eq!(corrected("['a', 'b c']").as_deref(), Some(r#"["a", "b c"]"#));
        assert_eq!(corrected(r#"["a", "b",]"#).as_deref(), Some(r#"["a", "b"]"#));
        assert_eq!(corrected(r#"["a" "b"]"#).as_deref(), Some(r#"["a", "b"]"#));
        assert_eq!(corrected("[“a”, ”b”]").as_deref(), Some(r#"["a", "b"]"#));
        assert_eq!(corrected(r#"["c:\x"]"#).as_deref(), Some(r#"["c:\\x"]"#));
        assert_eq!(corrected(r#"["a", "b""#).as_deref(), Some(r#"["a", "b"]"#));
        assert_eq!(corrected("['say \"hi\"']").as_deref(), Some(r#"["say \"hi\""]"#));
    }

    #[test]
    fn shell_is_left_alone() {
        for text in ["[ -f x ] && y", "[ 'a' = 'b' ]", "[a, b]", "[", "[]x", "a", "['a'] || b", "['a"] {
            assert_eq!(corrected(text), None, "{text}");
        }
    }
}
