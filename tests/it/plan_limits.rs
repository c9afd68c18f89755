//! Dockerfiles that nobody writes by hand: long chains, values that multiply. They end in a plan or a clear error.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rbuild::dockerfile::parse;
use rbuild::oci::Platform;
use rbuild::plan::{ErrorKind, Outcome, Plan, Request, plan};

fn planned(text: &str) -> Result<Plan, rbuild::plan::Error> {
    let request = Request::new(parse(text).expect("it parses"), Platform::new("linux", "amd64", None));
    match plan(&request, &BTreeMap::new())? {
        Outcome::Ready(plan) => Ok(*plan),
        Outcome::Needs(questions) => panic!("nothing is to be asked: {questions:?}"),
    }
}

fn refused(text: &str) -> ErrorKind {
    *planned(text).expect_err("it is too much").kind
}

#[test]
fn a_chain_of_ten_thousand_stages_is_planned_without_recursion() {
    let mut text = String::from("FROM scratch AS s0\n");
    for stage in 1..10_000 {
        let from = stage - 1;
        writeln!(text, "FROM s{from} AS s{stage}\nCOPY --from=s{from} a{stage} /a").expect("memory");
    }
    let plan = planned(&text).expect("it can be planned");
    assert_eq!(plan.graph.steps.len(), 9_999);
    assert_eq!(plan.target.config.history.len(), 9_999);
    assert_eq!(plan.target.config.history[7].created_by.as_deref(), Some("COPY a8 /a # buildkit"));
}

#[test]
fn a_circle_at_the_end_of_a_long_chain_is_found_without_recursion() {
    let mut text = String::new();
    for stage in 0..10_000 {
        let next = (stage + 1) % 10_000;
        writeln!(text, "FROM scratch AS s{stage}\nCOPY --from=s{next} a /a").expect("memory");
    }
    assert_eq!(refused(&text), ErrorKind::Circle("s0".to_string()));
}

#[test]
fn arguments_that_double_one_another_end_in_an_error() {
    for keyword in ["ARG", "ENV"] {
        let mut text = format!("FROM scratch\n{keyword} v0=0123456789\n");
        for step in 1..40 {
            let last = step - 1;
            writeln!(text, "{keyword} v{step}=$v{last}$v{last}").expect("memory");
        }
        assert!(matches!(refused(&text), ErrorKind::Dockerfile(_)), "{keyword}");
    }
}

#[test]
fn a_large_value_in_many_places_ends_in_an_error() {
    let large = "x".repeat(100_000);
    for line in ["RUN x", "EXPOSE 0-65535"] {
        let text = format!("FROM scratch\nENV a={large}\n{}", format!("{line}\n").repeat(2000));
        assert_eq!(refused(&text), ErrorKind::TooLarge, "{line}");
    }
}

#[test]
fn a_large_environment_through_many_stages_ends_in_an_error() {
    let mut text = format!("FROM scratch AS s0\nENV a={}\n", "x".repeat(100_000));
    for stage in 1..2000 {
        writeln!(text, "FROM s{} AS s{stage}", stage - 1).expect("memory");
    }
    assert_eq!(refused(&text), ErrorKind::TooLarge);
}

#[test]
fn undefined_variables_by_the_thousand_are_told_up_to_a_limit() {
    let words: String = (0..50_000).map(|n| format!("$u{n}")).collect();
    let plan = planned(&format!("FROM scratch\nENV v={words}\n")).expect("it can be planned");
    assert_eq!(plan.warnings.len(), 1000);
}

/// That many bytes of a piece, in one line that begins so.
fn long(start: &str, piece: &str, bytes: usize) -> String {
    format!("FROM scratch\n{start}{}\n", piece.repeat(bytes / piece.len()))
}

fn read_and_planned(text: &str) {
    let Ok(file) = parse(text) else { return };
    let request = Request::new(file, Platform::new("linux", "amd64", None));
    let checks =
        rbuild::plan::Checks::read(&request.dockerfile, &request.build_args).expect("none are asked for");
    drop(checks.of_text(&request.dockerfile));
    drop(plan(&request, &BTreeMap::new()));
}

#[test]
fn a_line_of_ten_megabytes_is_planned_or_refused() {
    for (start, piece) in [("RUN echo ", "x"), ("", "A"), ("# ", "x")] {
        read_and_planned(&long(start, piece, 10 << 20));
    }
}

#[test]
fn lines_of_a_hundred_thousand_words_take_no_time_that_grows_with_its_square() {
    for (start, piece) in [
        ("RUN echo ", "<<A "),
        ("RUN [\"", "\\u00e9"),
        ("RUN --mount=type=bind,target=/", "a,"),
        ("RUN [", "[["),
        ("ENV a=", "$a"),
        ("ENV a=", "${a:-"),
        ("ENV ", "a=b "),
        ("ENV a ", "\\ "),
        ("LABEL a=\"", "\\\\"),
        ("COPY ", "a "),
        ("COPY --exclude=", "\"'"),
        ("EXPOSE ", "0 "),
        ("VOLUME ", "a "),
        ("ARG ", "a "),
        ("HEALTHCHECK --interval=", "1h"),
        ("ONBUILD ONBUILD ", "ONBUILD "),
        ("RUN a", "\\\n"),
        ("RUN a", " \\\n# c\n"),
        ("", "run a\n"),
    ] {
        read_and_planned(&long(start, piece, 200_000));
    }
}
