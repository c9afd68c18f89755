//! `WWW-Authenticate`: which ways of authorization a server offers.

use std::collections::BTreeMap;

/// One way. SPEC: RFC 9110 section 11.6.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case: `bearer`, `basic`, …
    pub scheme: String,
    /// By name in lower case.
    pub parameters: BTreeMap<String, String>,
}

/// The challenges in the values of the headers, in order. What cannot be read is left out.
pub(super) fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    for value in values {
        let mut rest = value;
        let mut current: Option<Challenge> = None;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',', '=']);
            let end = rest.find([' ', '\t', ',', '=', '"']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let value_follows = after.trim_start().strip_prefix('=');
            match (word, value_follows, &mut current) {
                ("", ..) => match rest.chars().next() {
                    Some(stray) => rest = &rest[stray.len_utf8()..],
                    None => break,
                },
                (name, Some(after), Some(challenge)) => {
                    let (value, left) = read_value(after.trim_start());
                    challenge.parameters.entry(name.to_ascii_lowercase()).or_insert(value);
                    rest = left;
                }
                (scheme, _, _) => {
                    challenges.extend(current.take());
                    current =
                        Some(Challenge { scheme: scheme.to_ascii_lowercase(), parameters: BTreeMap::new() });
                    rest = after;
                }
            }
        }
        challenges.extend(current);
    }
    challenges
}

fn read_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..end].to_string(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn challenges_are_taken_apart() {
        let found = parse([
            "Bearer realm=\"https://auth.example/token?x=1,2\",service=\"reg\", Scope=\"repository:a/b:pull,push\", Basic realm=\"a \\\"b\\\"\"",
            "Negotiate",
            "Digest realm=x , qop=auth",
        ]);
        let schemes: Vec<&str> = found.iter().map(|c| c.scheme.as_str()).collect();
        assert_eq!(schemes, ["bearer", "basic", "negotiate", "digest"]);
        assert_eq!(found[0].parameters["realm"], "https://auth.example/token?x=1,2");
        assert_eq!(found[0].parameters["scope"], "repository:a/b:pull,push");
        assert_eq!(found[1].parameters["realm"], "a \"b\"");
        assert_eq!(found[3].parameters["qop"], "auth");
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart_in_finite_time(text in "[a-zA-Z =,\"\\\\é]{0,80}") {
            parse([text.as_str()]);
        }
    }
}
