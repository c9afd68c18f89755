//! The words that open here-documents: `<<EOF`, `3<<-"EOF"`.

use super::environment::NoEnv;
use super::error_kind::WordProblem;
use super::lexer::{self, Rules};

/// What one opening word says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opening {
    /// The delimiter without quotes.
    pub name: String,
    /// No quote in the delimiter.
    pub expand: bool,
    /// `<<-`.
    pub chomp: bool,
    /// The digits in front.
    pub fd: u32,
}

/// COMPAT: delimiters are read with the backslash as escape character whatever `# escape=` says, and variables in them
/// are no variables.
const RULES: Rules = Rules {
    escape: '\\',
    keep_quotes: true,
    keep_escapes: false,
    no_quotes: false,
    keep_unset: true,
    limit: usize::MAX,
};

/// Every opening in an instruction's line, in order.
///
/// COMPAT: none in a line with an unbalanced quote or a substitution that the builder does not know (`${!x}`), as in
/// BuildKit: what looks like a body then is read as instructions.
pub(super) fn all(line: &str) -> Vec<Opening> {
    words(line).unwrap_or_default().iter().filter_map(|word| one(word)).collect()
}

/// Why a line that has `<<` in it opens nothing, as a hint for whoever meant it to.
pub(super) fn why_none(line: &str) -> &'static str {
    match words(line) {
        Err(_) => {
            "it has an unbalanced quote, or a substitution such as ${!x} that the builder cannot skip over"
        }
        Ok(_) => {
            "it must be outside quotes, in a RUN, COPY or ADD that is no JSON array, with its delimiter right behind << or <<-"
        }
    }
}

fn words(line: &str) -> Result<Vec<String>, WordProblem> {
    lexer::process(line, Rules { keep_escapes: true, ..RULES }, &NoEnv).map(|read| read.words)
}

/// `word` as an opening, where it is one and nothing else.
pub(super) fn one(word: &str) -> Option<Opening> {
    let digits = word.len() - word.trim_start_matches(|ch: char| ch.is_ascii_digit()).len();
    let (fd, rest) = word.split_at(digits);
    let rest = rest.strip_prefix("<<")?;
    let (chomp, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let delimiter = rest.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    if delimiter.is_empty() || delimiter.contains('<') {
        return None;
    }
    let read = |rules| lexer::process(delimiter, rules, &NoEnv).ok();
    let [name]: [String; 1] = read(Rules { keep_quotes: false, ..RULES })?.words.try_into().ok()?;
    let [quoted]: [String; 1] = read(RULES)?.words.try_into().ok()?;
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    let expand = quotes(&name) == quotes(&quoted);
    Some(Opening { name, expand, chomp, fd: if fd.is_empty() { 0 } else { fd.parse().unwrap_or(u32::MAX) } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(word: &str) -> Option<(String, bool, bool, u32)> {
        one(word).map(|opening| (opening.name, opening.expand, opening.chomp, opening.fd))
    }

    #[test]
    fn an_opening_is_digits_arrows_dash_and_one_word() {
        assert_eq!(parts("<<EOF"), Some(("EOF".into(), true, false, 0)));
        assert_eq!(parts("3<<-EOF"), Some(("EOF".into(), true, true, 3)));
        assert_eq!(parts("<<'E O'"), Some(("E O".into(), false, false, 0)));
        assert_eq!(parts("<<E\"O\"F"), Some(("EOF".into(), false, false, 0)));
        assert_eq!(parts(r"<<E\'F"), Some(("E'F".into(), true, false, 0)));
        assert_eq!(parts("<<$A"), Some(("$A".into(), true, false, 0)));
        assert_eq!(parts("<< EOF"), Some(("EOF".into(), true, false, 0)));
        for word in ["<EOF", "<<", "<<-", "<<<EOF", "a<<EOF", "<<a b", "<<'a", "<<\"\"", "", "<<a<"] {
            assert_eq!(parts(word), None, "{word}");
        }
    }

    #[test]
    fn a_line_may_open_several() {
        let names = |line| all(line).into_iter().map(|opening| opening.name).collect::<Vec<_>>();
        assert_eq!(names("RUN cat <<A 3<<\"B C\" | tee << D"), ["A", "B C", "D"]);
        assert_eq!(names("RUN echo ${x%%y} ${x:-z} $(a) <<A"), ["A"]);
        assert_eq!(names("RUN echo '<<A' \"<<B\""), Vec::<String>::new());
        assert_eq!(names(r"RUN echo \<<A"), Vec::<String>::new());
        assert_eq!(names("RUN echo it's <<A"), Vec::<String>::new());
        assert_eq!(names("RUN cat <<- A"), Vec::<String>::new());
        assert_ne!(why_none("RUN echo it's <<A"), why_none("RUN cat <<- A"));
        assert_eq!(names("RUN echo ${!x} <<A"), Vec::<String>::new());
    }
}
