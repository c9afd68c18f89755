//! Ignore patterns, matched the slow and obvious way: a token at a time, every possibility tried.
//!
//! **Not here**: what patterns are when they are not clean, and brackets beyond lists and ranges.

/// One thing that a pattern asks for.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// This character.
    Char(char),
    /// `?`
    One,
    /// `*`
    Star,
    /// `**` or `**/` with something behind it: any number of directories.
    Deep,
    /// `**` at the end: anything.
    All,
    /// `[…]`: whether it is turned round, and ranges.
    Class(bool, Vec<(char, char)>),
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest: Vec<char> = pattern.chars().rev().collect();
    while let Some(c) = rest.pop() {
        found.push(match c {
            '*' if rest.last() == Some(&'*') => {
                rest.pop();
                if rest.last() == Some(&'/') {
                    rest.pop();
                }
                if rest.is_empty() { Token::All } else { Token::Deep }
            }
            '*' => Token::Star,
            '?' => Token::One,
            '\\' => Token::Char(rest.pop().expect("a pattern does not end in a backslash")),
            '[' => {
                let negated = rest.last() == Some(&'^') && rest.pop().is_some();
                let mut ranges = Vec::new();
                while let Some(low) = rest.pop().filter(|c| *c != ']') {
                    let range = rest.last() == Some(&'-') && rest.pop().is_some();
                    ranges.push((low, if range { rest.pop().expect("a range has an end") } else { low }));
                }
                Token::Class(negated, ranges)
            }
            c => Token::Char(c),
        });
    }
    found
}

fn matches_here(tokens: &[Token], path: &[char]) -> bool {
    let Some((token, rest)) = tokens.split_first() else { return path.is_empty() };
    let one =
        |is: &dyn Fn(char) -> bool| path.first().is_some_and(|c| is(*c)) && matches_here(rest, &path[1..]);
    match token {
        Token::Char(wanted) => one(&|c| c == *wanted),
        Token::One => one(&|c| c != '/'),
        // COMPAT: as in Go a class takes a slash as well.
        Token::Class(negated, ranges) => {
            one(&|c| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated)
        }
        Token::Star => {
            let reach = path.iter().position(|c| *c == '/').unwrap_or(path.len());
            (0..=reach).any(|end| matches_here(rest, &path[end..]))
        }
        Token::Deep => {
            matches_here(rest, path)
                || (0..path.len()).any(|at| path[at] == '/' && matches_here(rest, &path[at + 1..]))
        }
        Token::All => true,
    }
}

/// Whether `pattern` matches this very path.
fn matches(pattern: &str, path: &str) -> bool {
    // COMPAT: moby takes stars at the start, with nothing special behind them, for an end of the path.
    if let Some(end) = pattern.strip_prefix("**")
        && !end.contains(['*', '?', '[', ']', '\\'])
    {
        return path.ends_with(end) || end.strip_prefix('/').is_some_and(|name| path == name);
    }
    matches_here(&tokens(pattern), &path.chars().collect::<Vec<char>>())
}

/// Whether `path` is left out: the last pattern that matches it or a directory above it decides.
pub fn left_out(patterns: &[String], path: &str) -> bool {
    let above = path.match_indices('/').map(|(at, _)| &path[..at]);
    let all: Vec<&str> = above.chain([path]).collect();
    let mut left_out = false;
    for pattern in patterns {
        let (exception, pattern) =
            pattern.strip_prefix('!').map_or((false, pattern.as_str()), |rest| (true, rest));
        if all.iter().any(|path| matches(pattern, path)) {
            left_out = !exception;
        }
    }
    left_out
}
