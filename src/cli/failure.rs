//! A failure as a person reads it: the lines of the Dockerfile, what happened, what to do.

use std::fmt::Write as _;

use super::display::{escape, escape_line};
use crate::build::{Error, Excerpt, Failure};
use crate::sandbox::Ended;

/// LIMIT: lines of a failing step's output, as BuildKit shows them.
const TAIL_LINES: usize = 10;

/// The whole text, ending in `ERROR: …`.
pub fn render(failure: &Failure) -> String {
    let mut text = String::new();
    if let Error::Step { name, source, .. } = &failure.error
        && let crate::worker::Error::Exited(exited) = &**source
    {
        writeln!(text, "------\n > {}:", escape(&name.replace('\n', " "))).expect("memory");
        text.push_str(&last_lines(&exited.tail));
        if let (Some(log), true) = (&exited.log, lines(&exited.tail).count() > TAIL_LINES) {
            writeln!(text, "(the whole output is in {})", log.display()).expect("memory");
        }
        text.push_str("------\n");
    }
    if let Some(excerpt) = &failure.excerpt {
        text.push_str(&lines_around(excerpt));
    }
    writeln!(text, "ERROR: {}", escape(&causes(&failure.error))).expect("memory");
    if let Some(hint) = hint(&failure.error) {
        writeln!(text, "hint: {}", escape(&hint)).expect("memory");
    }
    text
}

/// The last lines of what a process wrote.
pub(super) fn last_lines(tail: &[u8]) -> String {
    let mut text = String::new();
    for line in lines(tail).skip(lines(tail).count().saturating_sub(TAIL_LINES)) {
        writeln!(text, "{}", escape_line(line)).expect("memory");
    }
    text
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// COMPAT: BuildKit's box: four lines around one line, two around several, `>>>` on each line that failed.
pub(super) fn lines_around(excerpt: &Excerpt) -> String {
    let Excerpt { name, text, location } = excerpt;
    let around = if location.first == location.last { 4 } else { 2 };
    let lines: Vec<&str> = text.lines().collect();
    let first = location.first.saturating_sub(around).max(1);
    let last = (location.last + around).min(lines.len());
    if first > last {
        return String::new();
    }
    let rule = "--------------------";
    let mut shown = format!("{}:{}\n{rule}\n", escape(name), location.first);
    for number in first..=last {
        let mark = if (location.first..=location.last).contains(&number) { ">>>" } else { "   " };
        let line = escape(lines.get(number - 1).copied().unwrap_or_default().trim_end_matches('\r'));
        shown.push_str(format!("{number:4} | {mark} {line}").trim_end());
        shown.push('\n');
    }
    shown + rule + "\n"
}

/// The error with its causes, each said once.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn hint(error: &Error) -> Option<String> {
    match error {
        Error::Parse(e) => e.hint.clone(),
        Error::Plan(e) => e.hint.clone(),
        Error::PlanFor(_, e) => e.hint.clone(),
        Error::Base { hint, .. } => hint.clone(),
        Error::Step { source, .. } => match &**source {
            crate::worker::Error::Exited(exited) => meaning(exited.ended),
            _ => None,
        },
        _ => None,
    }
}

/// What an exit code means by the conventions of shells and kernels.
fn meaning(ended: Ended) -> Option<String> {
    let text = match ended {
        Ended::Code(127) => "127 is a shell's code for a command that was not found",
        Ended::Code(126) => "126 is a shell's code for a file that cannot be executed",
        Ended::Signal(9) => "signal 9 is how the kernel ends a process when memory is short",
        _ => return None,
    };
    Some(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Location;

    #[test]
    fn the_failing_lines_are_marked_in_their_surroundings() {
        let text = (1..=12).map(|n| format!("line {n}\n")).collect::<String>();
        let excerpt = |first, last| {
            let location = Location { first, last };
            lines_around(&Excerpt { name: "Dockerfile".into(), text: text.clone(), location })
        };
        let one = excerpt(12, 12);
        assert!(one.starts_with("Dockerfile:12\n--------------------\n   8 |     line 8\n"), "{one}");
        assert!(one.ends_with("  12 | >>> line 12\n--------------------\n"), "{one}");
        let two = excerpt(3, 4);
        assert!(
            two.contains("   3 | >>> line 3\n   4 | >>> line 4\n   5 |     line 5\n   6 |     line 6\n---"),
            "{two}"
        );
    }

    #[test]
    fn a_dockerfile_cannot_drive_the_terminal() {
        let excerpt = Excerpt {
            name: "a\x1b[2J".into(),
            text: "RUN \x1b]0;x\x07\n".into(),
            location: Location { first: 1, last: 1 },
        };
        assert!(!lines_around(&excerpt).contains(['\x1b', '\x07']));
    }
}
