//! Text to a Dockerfile: the way from top to bottom.

use super::casing;
use super::directive;
use super::error::Error;
use super::error_kind::ErrorKind;
use super::file::Dockerfile;
use super::head::Head;
use super::heredoc::Heredoc;
use super::instruction::{Instruction, Kind};
use super::instruction_kinds;
use super::json::{self, Json};
use super::keyword::Keyword;
use super::lines::Lines;
use super::opening;
use super::reader::{Reader, Statement};
use super::request::Request;
use super::span::Span;
use super::warning::Warning;

/// LIMIT: a hundred thousand lines of Dockerfile; whatever is longer is some other file. Lines have no limit of their own.
const MAX_SIZE: usize = 16 * 1024 * 1024;

/// Bytes to the text of a Dockerfile, which is UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, Error> {
    check_size(bytes.len())?;
    std::str::from_utf8(bytes).map_err(|problem| {
        let good = problem.valid_up_to();
        let lines = Lines::new(std::str::from_utf8(&bytes[..good]).unwrap_or_default());
        let byte = bytes.get(good).copied().unwrap_or_default();
        let hint = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file is UTF-16: save it as UTF-8",
            _ => "save the file as UTF-8",
        };
        let mut error = Error::new(ErrorKind::NotUtf8 { byte }).at(Span::new(good, good)).hint(hint);
        error.lines = Some(lines.count()..=lines.count());
        error
    })
}

/// Reads a Dockerfile.
pub fn parse(text: &str) -> Result<Dockerfile, Error> {
    check_size(text.len())?;
    let lines = Lines::new(text);
    read(text, &lines).map_err(|error| error.in_lines(&lines))
}

/// Reads a trigger as a base image's config keeps it: one instruction, which is not FROM, ONBUILD or MAINTAINER. Spans
/// are in `text`.
pub fn parse_trigger(text: &str) -> Result<Instruction, Error> {
    check_size(text.len())?;
    let lines = Lines::new(text);
    let read = || {
        let mut instructions = instructions(text, '\\', directive::start(text), &mut Vec::new(), false)?;
        let count = instructions.len();
        let Some(only) = instructions.pop().filter(|_| count == 1) else {
            return Err(ErrorKind::TriggerNotOne(count).into());
        };
        let forbidden = match &only.kind {
            Kind::OnBuild(_) => ErrorKind::ChainedOnBuild,
            Kind::From(_) => ErrorKind::ForbiddenTrigger("FROM"),
            Kind::Maintainer(_) => ErrorKind::ForbiddenTrigger("MAINTAINER"),
            _ => return Ok(only),
        };
        Err(Error::new(forbidden).at(only.span))
    };
    read().map_err(|error: Error| error.at(Span::new(0, text.len())).in_lines(&lines))
}

fn check_size(size: usize) -> Result<(), Error> {
    if size > MAX_SIZE {
        return Err(ErrorKind::TooLarge { size, limit: MAX_SIZE }.into());
    }
    Ok(())
}

fn read(text: &str, lines: &Lines) -> Result<Dockerfile, Error> {
    if text.is_empty() {
        return Err(Error::new(ErrorKind::Empty).at(Span::new(0, 0)));
    }
    let (directives, directives_end) = directive::read(text)?;
    let escape = directives.escape.as_ref().and_then(|found| found.value.chars().next()).unwrap_or('\\');
    let mut warnings = Vec::new();
    let instructions = instructions(text, escape, directives_end, &mut warnings, true)?;
    if instructions.is_empty() {
        return Err(Error::new(ErrorKind::NoInstructions).at(Span::new(text.len(), text.len())));
    }
    warnings.extend(casing::warnings(&instructions));
    warnings.sort_by_key(|warning| warning.span.start);
    Ok(Dockerfile { directives, escape, instructions, warnings, lines: lines.clone() })
}

/// Every instruction of `text`. In a file (`staged`), only ARG may stand before the first FROM.
fn instructions(
    text: &str,
    escape: char,
    directives_end: usize,
    warnings: &mut Vec<Warning>,
    staged: bool,
) -> Result<Vec<Instruction>, Error> {
    let mut reader = Reader::new(text, escape, directives_end);
    let mut instructions = Vec::new();
    let mut in_stage = !staged;
    let mut unopened = None;
    while let Some(mut statement) = reader.statement() {
        let head = Head::cut(statement.line.all(), escape).map_err(|error| {
            let unknown = matches!(*error.kind, ErrorKind::UnknownInstruction { .. });
            let hint = unopened.filter(|_| unknown && error.hint.is_none());
            let error = error.at(statement.span);
            match hint {
                Some(why) => error.hint(format!(
                    "is this the body of a here-document that the instruction above was meant to open? {why}"
                )),
                None => error,
            }
        })?;
        let heredocs = heredocs(&head, escape, &mut reader, &mut statement.span)?;
        let line = head.line.str();
        unopened = (heredocs.is_empty() && line.contains("<<")).then(|| opening::why_none(line));
        let Statement { comments, span, empty_continuation, .. } = &statement;
        if let Some(span) = *empty_continuation {
            let message = "Empty continuation line".to_owned();
            warnings.push(Warning { rule: "NoEmptyContinuation", message, hint: None, span });
        }
        let request = Request { head, heredocs, comments, span: *span, escape, warnings: Vec::new() };
        let (instruction, noticed) = instruction_kinds::read(request).map_err(|error| error.at(*span))?;
        warnings.extend(noticed);
        in_stage |= matches!(instruction.kind, Kind::From(_));
        if !in_stage && !matches!(instruction.kind, Kind::Arg(_)) {
            return Err(Error::new(ErrorKind::NoStage)
                .at(*span)
                .hint("only ARG may stand before the first FROM"));
        }
        instructions.push(instruction);
    }
    Ok(instructions)
}

/// The bodies that `head` opens, taken from the lines behind it; `span` grows over them.
fn heredocs(
    head: &Head<'_>,
    escape: char,
    reader: &mut Reader<'_>,
    span: &mut Span,
) -> Result<Vec<Heredoc>, Error> {
    if !head.line.str().contains("<<") {
        return Ok(Vec::new());
    }
    let inner;
    let acting = match head.keyword {
        // What is wrong with the trigger is said when it is read.
        Keyword::OnBuild => match Head::cut(head.rest, escape) {
            Ok(cut) => {
                inner = cut;
                &inner
            }
            Err(_) => return Ok(Vec::new()),
        },
        _ => head,
    };
    if !acting.keyword.takes_heredocs() || matches!(json::read(acting.rest), Json::Strings(_)) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for opening in opening::all(head.line.str()) {
        let (body, body_span, end) =
            reader.heredoc(&opening.name, opening.chomp).map_err(|error| error.at(*span))?;
        span.end = end;
        found.push(Heredoc {
            name: opening.name,
            expand: opening.expand,
            chomp: opening.chomp,
            fd: opening.fd,
            body: body.to_owned(),
            span: body_span,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_one_allowed_instruction() {
        let run = parse_trigger("RUN cat <<A <<-B\nx\nA\n\ty\nB").expect("well-formed");
        assert!(matches!(&run.kind, Kind::Run(_)));
        let message = |text: &str| parse_trigger(text).expect_err("refused").kind.to_string();
        assert_eq!(message("FROM a"), "FROM isn't allowed as an ONBUILD trigger");
        assert_eq!(message("ONBUILD RUN x"), "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
        assert_eq!(message("RUN a\nRUN b"), "an ONBUILD trigger must be one instruction, this has 2");
        assert_eq!(message(""), "an ONBUILD trigger must be one instruction, this has 0");
        assert_eq!(message("RNU a"), "unknown instruction: RNU (did you mean RUN?)");
        assert_eq!(parse_trigger("").expect_err("refused").lines, Some(1..=1));
    }

    #[test]
    fn a_trigger_read_back_says_what_the_file_said() {
        let text =
            "FROM a\nONBUILD RUN --mount=target=/x \\\n # c\n cat <<A \\\n <<-'B C'\nx\nA\n\ty\n\tB C\n";
        let file = parse(text).expect("well-formed");
        let Kind::OnBuild(on_build) = &file.instructions[1].kind else { panic!("{file:?}") };
        let again = parse_trigger(&on_build.trigger).expect("well-formed");
        let script = |instruction: &Instruction| match &instruction.kind {
            Kind::Run(run) => {
                format!("{:?} {:?}", run.mounts[0].raw, crate::dockerfile::Command::clone(&run.command))
            }
            _ => panic!("{instruction:?}"),
        };
        let without_places = |text: String| text.replace(|ch: char| ch.is_ascii_digit(), "");
        assert_eq!(without_places(script(&again)), without_places(script(&on_build.instruction)));
    }

    #[test]
    fn bytes_must_be_utf8_and_not_too_many() {
        assert_eq!(decode("é".as_bytes()), Ok("é"));
        let error = decode(b"a\nb\xc3(").expect_err("refused");
        assert_eq!(
            (error.to_string(), error.span),
            (
                "dockerfile parse error on line 2: the Dockerfile is not UTF-8: byte 0xc3".into(),
                Some(Span::new(3, 3))
            )
        );
        assert!(decode(b"\xff\xfeF\0").expect_err("refused").hint.expect("hint").contains("UTF-16"));
        let huge = "#".repeat(MAX_SIZE + 1);
        assert!(matches!(*parse(&huge).expect_err("refused").kind, ErrorKind::TooLarge { .. }));
        assert!(matches!(*decode(huge.as_bytes()).expect_err("refused").kind, ErrorKind::TooLarge { .. }));
    }

    #[test]
    fn a_line_may_be_longer_than_other_readers_take() {
        let text = format!("FROM a\nRUN echo {}\n", "x".repeat(1 << 20));
        assert_eq!(parse(&text).expect("well-formed").instructions.len(), 2);
    }
}
