//! The RUNs of a build that were done twice, as a person reads it.

use std::fmt::Write as _;

use super::finding::{are, count, findings_text};
use crate::build::{RunTwice, Second, Traced};
use crate::cli::display::escape;
use crate::cli::failure::lines_around;
use crate::repro::Finding;

/// What doing each RUN twice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The image would have been the same.
    Reproducible,
    /// It would have been another.
    NotReproducible,
    /// A RUN failed the second time.
    Inconclusive,
}

impl Verdict {
    /// In words, as the report begins with it.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Reproducible => "reproducible",
            Verdict::NotReproducible => "not reproducible",
            Verdict::Inconclusive => "inconclusive",
        }
    }

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Verdict::Reproducible => 0,
            Verdict::NotReproducible => 1,
            Verdict::Inconclusive => 3,
        }
    }
}

/// What it came to.
pub fn verdict(twice: &RunTwice) -> Verdict {
    match twice.same {
        Some(true) => Verdict::Reproducible,
        Some(false) => Verdict::NotReproducible,
        None => Verdict::Inconclusive,
    }
}

/// Each RUN that came out differently, with its lines and what differs; the verdict last.
pub fn repetition_text(traced: &Traced, twice: &RunTwice, findings: &[Vec<Finding>]) -> String {
    let mut text = String::new();
    for (run, findings) in twice.runs.iter().zip(findings).filter(|(run, _)| !run.is_same()) {
        writeln!(text, "{}", escape(&run.by.name.replace('\n', " "))).expect("memory");
        text.push_str(&lines_around(&traced.excerpt(run.by.location)));
        match &run.second {
            Second::Layer(_) => {
                let place = if run.in_image { "" } else { ", in a stage that the image only copies from" };
                writeln!(text, "{} not the same twice{place}:", are(findings.len())).expect("memory");
                text.push_str(&findings_text(findings));
            }
            Second::Failed(message) => {
                let message = escape(&message.replace('\n', " "));
                writeln!(text, "it failed the second time: {message}").expect("memory");
            }
        }
        text.push('\n');
    }
    text + &conclusion(twice) + "\n"
}

fn conclusion(twice: &RunTwice) -> String {
    let verdict = verdict(twice);
    let all = twice.runs.len();
    let differing = twice.runs.iter().filter(|run| !run.is_same()).count();
    let of = format!("{differing} of {}", count(all, "RUN"));
    let remembered = match twice.runs.iter().filter(|run| run.remembered).count() {
        0 => String::new(),
        known if known == all => ", when last looked at".to_string(),
        known => format!(", {known} of them when last looked at"),
    };
    let said = match (verdict, all, differing) {
        (_, 0, _) => "there is no RUN: the same inputs give the same bytes".to_string(),
        (Verdict::Reproducible, 1, 0) => format!("the RUN left the same bytes twice{remembered}"),
        (Verdict::Reproducible, _, 0) => {
            format!("each of {} left the same bytes twice{remembered}", count(all, "RUN"))
        }
        (Verdict::Reproducible, ..) => format!("{of} differed, and the image does not"),
        (Verdict::NotReproducible, ..) => format!("{of} differed, and so does the image"),
        (Verdict::Inconclusive, ..) => format!("{of} differed or failed the second time"),
    };
    format!("{}: {said}", verdict.words())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{MadeBy, Repeated};
    use crate::graph::Location;
    use crate::oci::{DiffId, Digest};

    fn twice(same: Option<bool>, runs: &[(&str, bool)]) -> RunTwice {
        let layer = |text: &str| DiffId(Digest::of(text.as_bytes()));
        let run = |(second, in_image): &(&str, bool)| Repeated {
            by: MadeBy { name: "RUN".into(), location: Location::default() },
            first: layer("same"),
            second: match *second {
                "fails" => Second::Failed("exit code: 1".into()),
                "known" => Second::Layer(layer("same")),
                second => Second::Layer(layer(second)),
            },
            remembered: *second == "known",
            in_image: *in_image,
        };
        RunTwice { runs: runs.iter().map(run).collect(), same }
    }

    #[test]
    fn the_verdict_is_about_the_image() {
        for (same, runs, want, said) in [
            (Some(true), &[][..], Verdict::Reproducible, "reproducible: there is no RUN"),
            (
                Some(true),
                &[("same", true)],
                Verdict::Reproducible,
                "reproducible: the RUN left the same bytes",
            ),
            (
                Some(true),
                &[("other", false)],
                Verdict::Reproducible,
                "reproducible: 1 of 1 RUN differed, and the image",
            ),
            (
                Some(false),
                &[("other", true), ("same", true)],
                Verdict::NotReproducible,
                "not reproducible: 1 of 2 RUNs",
            ),
            (None, &[("fails", true)], Verdict::Inconclusive, "inconclusive: 1 of 1 RUN"),
            (
                Some(false),
                &[("fails", true), ("other", true)],
                Verdict::NotReproducible,
                "not reproducible: 2 of 2",
            ),
            (None, &[("fails", true), ("other", false)], Verdict::Inconclusive, "inconclusive: 2 of 2"),
        ] {
            let twice = twice(same, runs);
            assert_eq!(verdict(&twice), want, "{runs:?}");
            let text = conclusion(&twice);
            assert!(text.starts_with(said), "{text}");
        }
    }
}
