//! Two versions of one line, and how they are shown.

use super::number::first_difference;

/// LIMIT: ours. So many characters of a line are shown.
const SHOWN: usize = 120;
/// So many of them stand before the place where the lines begin to differ.
const BEFORE: usize = 40;

/// Two versions of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Counted from one.
    pub number: usize,
    /// The first run's; empty where its text is shorter.
    pub first: &'a str,
    /// The second run's.
    pub second: &'a str,
}

impl Line<'_> {
    /// Both, cut to what can be read.
    pub fn shown(&self) -> String {
        let at = first_difference(self.first.as_bytes(), self.second.as_bytes()).unwrap_or_default();
        format!("line {} is `{}`, then `{}`", self.number, cut(self.first, at), cut(self.second, at))
    }
}

/// The part of a text around a place that is shown.
pub fn cut(text: &str, at: usize) -> String {
    let text = text.trim_end_matches('\r');
    let length = text.chars().count();
    if length <= SHOWN {
        return text.to_string();
    }
    // In characters from here on, so that none is cut in two.
    let at = text.char_indices().take_while(|(byte, _)| *byte < at).count();
    let start = at.saturating_sub(BEFORE).min(length - SHOWN);
    let shown: String = text.chars().skip(start).take(SHOWN).collect();
    let dots = |there: bool| if there { "…" } else { "" };
    format!("{}{shown}{}", dots(start > 0), dots(start + SHOWN < length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_difference_and_within_no_character() {
        assert_eq!(cut("short", 3), "short");
        let long = format!("{}DIFFERENCE{}", "ä".repeat(300), "ö".repeat(300));
        let cut = cut(&long, 600);
        assert_eq!(cut.chars().count(), SHOWN + 2);
        assert!(cut.starts_with("…ä") && cut.contains("DIFFERENCE") && cut.ends_with("ö…"), "{cut}");
        assert!(super::cut(&long, usize::MAX).ends_with("ö"));
        assert!(super::cut(&long, 0).starts_with("ä"));
    }

    #[test]
    fn both_versions_are_shown_with_the_number() {
        let line = Line { number: 7, first: "a", second: "b" };
        assert_eq!(line.shown(), "line 7 is `a`, then `b`");
    }
}
