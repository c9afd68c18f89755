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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dockerfile::span::Span;

    fn env() -> BTreeMap<String, String> {
        let pairs = [
            ("a", "A"),
            ("empty", ""),
            ("sp", "x  y"),
            ("path", "/usr/lib/libc.so.6"),
            ("quote", "\"q\" 'r' \\s"),
            ("star", "a*b*c"),
            ("_u1", "U"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn word(raw: &str) -> Word {
        Word { raw: raw.to_owned(), span: Span::new(0, raw.len()) }
    }

    fn text(raw: &str) -> String {
        expand(&word(raw), '\\', &env()).unwrap_or_else(|error| panic!("{raw}: {error}")).text
    }

    fn refused(raw: &str) -> String {
        match expand(&word(raw), '\\', &env()).map_err(|error| *error.kind) {
            Err(ErrorKind::BadWord { problem, .. }) => problem.to_string(),
            other => panic!("{raw}: {other:?}"),
        }
    }

    fn words(raw: &str) -> Vec<String> {
        expand_words(&word(raw), '\\', &env()).expect("well-formed")
    }

    #[test]
    fn variables_are_replaced_once() {
        assert_eq!(text("$a${a}b$_u1 $no-${no}."), "AAbU -.");
        assert_eq!(text("$quote"), "\"q\" 'r' \\s");
        assert_eq!(text("$ab $"), " $");
        assert_eq!(text("$1a$@$*$#$?$-$$$!$0."), "a.");
        assert_eq!(text("é$a→"), "éA→");
    }

    #[test]
    fn defaults_and_alternatives_tell_unset_from_empty() {
        assert_eq!(text("${a:-w}${a-w}|${no:-w}${no-w}|${empty:-w}${empty-w}"), "AA|ww|w");
        assert_eq!(text("${a:+w}${a+w}|${no:+w}${no+w}|${empty:+w}${empty+w}"), "ww||w");
        assert_eq!(text("${a:?m}${a?m}${empty?m}"), "AA");
        assert_eq!(refused("${no:?is $a}"), "no: is A");
        assert_eq!(refused("${no?}"), "no: is not allowed to be unset");
        assert_eq!(refused("${empty:?}"), "empty: is not allowed to be empty");
        assert_eq!(refused("${no:?}"), "no: is not allowed to be unset");
    }

    #[test]
    fn words_nest() {
        assert_eq!(text("${no:-${none:-<$a>}}"), "<A>");
        assert_eq!(text("${no:-\"}\"}"), "}");
        assert_eq!(text("${no:-a\\}b}"), "a}b");
        assert_eq!(text("${path##*${no:-/}}"), "libc.so.6");
        assert_eq!(text("\"${no:-'x'}\""), "x");
        assert_eq!(text("${no:-${a:+$sp}}"), "x  y");
    }

    #[test]
    fn patterns_trim_and_replace() {
        assert_eq!(
            text("${path#*/}|${path##*/}|${path%.*}|${path%%.*}"),
            "usr/lib/libc.so.6|libc.so.6|/usr/lib/libc.so|/usr/lib/libc"
        );
        assert_eq!(
            text("${path/lib/L}|${path//lib/L}|${path//\\//-}"),
            "/usr/L/libc.so.6|/usr/L/Lc.so.6|-usr-lib-libc.so.6"
        );
        assert_eq!(text("${star//\\*/}|${star/\\*/$a}|${no/x/y}|${no#x}"), "abc|aAb*c||");
        assert_eq!(text("${star//'*'/.}"), ".");
        assert_eq!(refused("${path#\\x}"), "invalid pattern (\\x) in substitution: invalid escape '\\x'");
    }

    #[test]
    fn quotes_and_escapes_go() {
        assert_eq!(text(r#"'$a'"$a"\$a\\"#), r"$aA$a\");
        assert_eq!(text(r#""a\"b\$c\\d\e""#), r#"a"b$c\d\e"#);
        assert_eq!(text(r"a\ b\"), "a b");
        assert_eq!(text(r#"a"b c"'d e'"#), "ab cd e");
        let backtick = |raw| expand(&word(raw), '`', &env()).expect("well-formed").text;
        assert_eq!(backtick("c:\\x\\`$a\"`\"\\\""), "c:\\x\\$a\"\\");
    }

    #[test]
    fn malformed_words_are_refused() {
        for raw in ["${}", "${:x}", "${:}", "${{a}}"] {
            assert_eq!(refused(raw), "syntax error: bad substitution", "{raw}");
        }
        for raw in ["${", "${a", "${a:", "${a:-", "${a:-b", "${a#", "${a/b/c"] {
            assert_eq!(refused(raw), "syntax error: missing '}'", "{raw}");
        }
        assert_eq!(refused("${a/b}"), "syntax error: missing '/' in ${}");
        assert_eq!(refused("${a!b}"), "unsupported modifier (!) in substitution");
        assert_eq!(refused("${a:!b}"), "unsupported modifier (:!) in substitution");
        assert_eq!(refused("${a:#b}"), "unsupported modifier (:#) in substitution");
        assert_eq!(refused("'a"), "unexpected end of statement while looking for matching single-quote");
        assert_eq!(refused("\"a'"), "unexpected end of statement while looking for matching double-quote");
    }

    #[test]
    fn an_error_shows_the_word_and_its_place() {
        let error = expand(&word("x${}"), '\\', &env()).expect_err("refused");
        assert_eq!(error.to_string(), "failed to process \"x${}\": syntax error: bad substitution");
        assert_eq!(error.span, Some(Span::new(0, 4)));
        assert!(error.hint.is_some());
        let long = expand(&word(&format!("{}$'", "x".repeat(5000))), '\\', &env()).expect_err("refused");
        assert!(long.to_string().len() < 400);
    }

    #[test]
    fn what_was_asked_for_is_told_in_order() {
        let expanded = expand(&word("$b$a${c:-$sp}$a$b'$x'"), '\\', &env()).expect("well-formed");
        assert_eq!(expanded.used, ["a", "sp"]);
        assert_eq!(expanded.undefined, ["b", "c"]);
    }

    #[test]
    fn words_split_behind_expansion_where_not_quoted() {
        assert_eq!(words("80 $sp\t\"$sp\" '' a$sp"), ["80", "x", "y", "x  y", "ax", "y"]);
        assert_eq!(words("a${no:-b c}d e\\ f"), ["ab", "cd", "e f"]);
        assert_eq!(words(" $empty "), Vec::<String>::new());
    }

    #[test]
    fn here_documents_expand_with_quotes_as_they_are() {
        let doc = |body: &str, expand, chomp| {
            let heredoc =
                Heredoc { name: "E".into(), expand, chomp, fd: 0, body: body.into(), span: Span::default() };
            expand_heredoc(&heredoc, &env()).expect("well-formed").text
        };
        assert_eq!(doc("\"$a\" it's \\$a \\\\ `\n", true, false), "\"A\" it's $a \\ `\n");
        assert_eq!(doc("\t\"$a\"\n", false, true), "\"$a\"\n");
        assert_eq!(doc("\t\ta\n \tb\n", true, true), "a\n \tb\n");
    }

    #[test]
    fn doubling_arguments_end_in_an_error() {
        let mut env = BTreeMap::from([("v0".to_owned(), "x".repeat(10))]);
        let failed =
            (0..64).find_map(|at| match expand(&word(&format!("${{v{at}}}${{v{at}}}")), '\\', &env) {
                Ok(expanded) => {
                    env.insert(format!("v{}", at + 1), expanded.text);
                    None
                }
                Err(error) => Some(*error.kind),
            });
        assert!(
            matches!(failed, Some(ErrorKind::BadWord { problem: WordProblem::TooLong(_), .. })),
            "{failed:?}"
        );
        assert!(env.values().all(|value| value.len() <= MAX_GROWTH + 100));
        let deep = "${a:-".repeat(100_000);
        assert!(refused(&deep).contains("nested deeper"));
    }
}
