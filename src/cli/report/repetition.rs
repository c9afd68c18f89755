//! The RUNs of a build that were done twice, as a person reads it.

use std::fmt::Write as _;

use super::finding::{are, count, findings_text};
use crate::build::{Reaches, RunTwice, Second, Traced, Verdict};
use crate::cli::display::escape;
use crate::cli::failure::{last_lines, lines_around};
use crate::repro::Finding;

/// The verdict in words, as the report ends with it.
pub fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reproducible => "reproducible",
        Verdict::NotReproducible => "not reproducible",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// Each RUN that came out differently, with its lines and what differs; the verdict last.
pub fn repetition_text(traced: &Traced, twice: &RunTwice, findings: &[Vec<Finding>]) -> String {
    let mut text = String::new();
    for (run, findings) in twice.runs.iter().zip(findings) {
        let said = match &run.second {
            Second::Same { .. } => continue,
            Second::Other { reaches, .. } => {
                let place = match reaches {
                    Reaches::Itself => String::new(),
                    Reaches::Through(by) => {
                        let name = by.name.replace('\n', " ");
                        format!("; that reaches the image through line {}, {name}", by.location.first)
                    }
                    Reaches::None => "; the image has nothing of it".to_string(),
                };
                let paths = match findings.len() {
                    // Two layers can be told apart in more ways than there are to look at a file.
                    0 => "the layer is another one, though each path is alike".to_string(),
                    paths => format!("{} not the same twice", are(paths)),
                };
                format!("{}\n{}", escape(&format!("{paths}{place}:")), findings_text(findings))
            }
            Second::Failed { message, tail } => {
                let message = escape(&message.replace('\n', " "));
                format!("it failed the second time: {message}\n{}", last_lines(tail))
            }
        };
        writeln!(text, "{}", escape(&run.by.name.replace('\n', " "))).expect("memory");
        text.push_str(&lines_around(&traced.excerpt(run.by.location)));
        writeln!(text, "{said}").expect("memory");
    }
    text + &conclusion(twice) + "\n"
}

fn conclusion(twice: &RunTwice) -> String {
    let verdict = twice.verdict();
    let how_many = |is: fn(&Second) -> bool| twice.runs.iter().filter(|run| is(&run.second)).count();
    let all = twice.runs.len();
    let differed = how_many(|second| matches!(second, Second::Other { .. }));
    let failed = how_many(|second| matches!(second, Second::Failed { .. }));
    let remembered = match how_many(|second| *second == Second::Same { remembered: true }) {
        0 => String::new(),
        known if known == all => ", when last looked at".to_string(),
        known => format!(", {known} of them when last looked at"),
    };
    let runs = count(all, "RUN");
    let said = match (verdict, all, differed) {
        (_, 0, _) => "there is no RUN: the same inputs give the same bytes".to_string(),
        (Verdict::Reproducible, 1, 0) => format!("the RUN left the same bytes twice{remembered}"),
        (Verdict::Reproducible, _, 0) => format!("each of {runs} left the same bytes twice{remembered}"),
        (Verdict::Reproducible, ..) => format!("{differed} of {runs} differed, and the image does not"),
        (Verdict::NotReproducible, ..) => format!("{differed} of {runs} differed, and so does the image"),
        (Verdict::Inconclusive, ..) => format!("{failed} of {runs} failed the second time"),
    };
    format!("{}: {said}", words(verdict))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{MadeBy, Repeated};
    use crate::graph::Location;
    use crate::oci::{DiffId, Digest};
    use crate::worker::Chain;

    fn twice(seconds: &[Second]) -> RunTwice {
        let by = || MadeBy { name: "RUN".into(), location: Location::default() };
        let first = DiffId(Digest::of(b"first"));
        let run = |second: &Second| Repeated::new(by(), Chain::default(), first, second.clone());
        RunTwice { runs: seconds.iter().map(run).collect() }
    }

    #[test]
    fn the_verdict_is_about_the_image() {
        let (same, known) = (Second::Same { remembered: false }, Second::Same { remembered: true });
        let other = |reaches| Second::Other { layer: DiffId(Digest::of(b"other")), reaches };
        let fails = || Second::Failed { message: "exit code: 1".into(), tail: Vec::new() };
        for (seconds, said) in [
            (vec![], "reproducible: there is no RUN"),
            (vec![same.clone()], "reproducible: the RUN left the same bytes twice"),
            (vec![known.clone()], "reproducible: the RUN left the same bytes twice, when last"),
            (vec![known, same.clone()], "reproducible: each of 2 RUNs left the same bytes twice, 1 of them"),
            (vec![other(Reaches::None)], "reproducible: 1 of 1 RUN differed, and the image does not"),
            (vec![other(Reaches::Itself), same], "not reproducible: 1 of 2 RUNs differed"),
            (vec![fails()], "inconclusive: 1 of 1 RUN failed"),
            (vec![fails(), other(Reaches::Itself)], "not reproducible: 1 of 2 RUNs differed"),
            (vec![fails(), other(Reaches::None)], "inconclusive: 1 of 2 RUNs failed"),
        ] {
            let text = conclusion(&twice(&seconds));
            assert!(text.starts_with(said), "{text}");
        }
    }
}
