//! What holds for every text whatever: no panic, places that tile the source, output that is bounded.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rbuild::dockerfile::{Kind, Span, Word, decode, expand, expand_words, parse, parse_mount, parse_trigger};

use super::dockerfile_grammar::{Dialect, dockerfile};

/// Text made of what means something in a Dockerfile: far more of it reaches the parser's corners than of plain noise.
fn noise() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        [
            "FROM a\n",
            "RUN ",
            "COPY ",
            "ADD ",
            "ENV ",
            "ARG ",
            "LABEL ",
            "ONBUILD ",
            "HEALTHCHECK ",
            "CMD ",
            "VOLUME ",
            "SHELL ",
            "EXPOSE ",
            "run ",
            "# escape=`\n",
            "# check=skip=all\n",
            "#",
            "\\",
            "\\\n",
            "`\n",
            "\n",
            "\r\n",
            " ",
            "\t",
            "\u{a0}",
            "\u{feff}",
            "<<",
            "<<EOF",
            "<<-",
            "3<<'E F'",
            "\nEOF\n",
            "EOF",
            "--",
            "--mount=",
            "--from=x ",
            "--link ",
            "=",
            "\"",
            "'",
            "[",
            "]",
            ",",
            "[\"a\"]",
            "${",
            "}",
            "$a",
            ":-",
            "/",
            "*",
            "?",
            "a",
            "é",
            "\0",
            "CMD",
            "NONE",
            "type=cache",
            "1s",
            "0",
        ]
        .as_slice(),
    );
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Words made of what means something to expansion.
fn word() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        [
            "$", "${", "}", "a", "b", "$a", "${b}", ":-", ":+", ":?", "-", "+", "?", "#", "##", "%", "%%",
            "/", "//", "\\", "`", "'", "\"", "*", " ", "é", "<<", "<", "\n", "$$", "${a//", "${b##*", "\\}",
            "\\/",
        ]
        .as_slice(),
    );
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn env() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("a".into(), "x*y /é".into()),
        ("b".into(), "\"'\\$a".repeat(40)),
        ("e".into(), String::new()),
    ])
}

/// What stands between instructions: blank lines, comments, a byte-order mark.
fn is_gap(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#')
    })
}

fn check_places(text: &str) -> Result<(), TestCaseError> {
    let file = match parse(text) {
        Ok(file) => file,
        Err(error) => {
            // Whoever shows the error needs a line, and one that is there.
            let lines = error.lines.clone().expect("an error of a file has lines");
            let count = text.matches('\n').count() + 1;
            prop_assert!(
                *lines.start() >= 1 && lines.start() <= lines.end() && *lines.end() <= count,
                "{error:?}"
            );
            return Ok(());
        }
    };
    let mut end = 0;
    for instruction in &file.instructions {
        let Span { start, end: next } = instruction.span;
        let gap = text.get(end..start);
        prop_assert!(gap.is_some_and(is_gap), "{:?} before {:?}", gap, instruction);
        prop_assert_eq!(instruction.keyword.span.of(text), instruction.keyword.value.as_str());
        for flag in &instruction.flags {
            prop_assert!(
                flag.span.start >= start && flag.span.end <= next && flag.span.of(text).starts_with("--")
            );
        }
        end = next;
    }
    prop_assert!(text.get(end..).is_some_and(is_gap), "{:?} at the end", text.get(end..));
    for warning in &file.warnings {
        prop_assert!(text.get(warning.span.start..warning.span.end).is_some(), "{warning:?}");
    }
    Ok(())
}

/// The same cases each time; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` ask for others.
fn config() -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(1);
    ProptestConfig { cases: 1500, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn instructions_and_gaps_tile_a_generated_file(text in dockerfile(Dialect::Wide)) {
        prop_assert!(parse(&text).is_ok());
        check_places(&text)?;
    }

    #[test]
    fn instructions_and_gaps_tile_any_file(text in noise()) {
        check_places(&text)?;
        check_places(&format!("FROM a\n{text}"))?;
    }

    #[test]
    fn any_bytes_parse_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
        let _ = decode(&bytes).and_then(parse);
        check_places(&text)?;
    }

    #[test]
    fn a_trigger_reads_back_as_the_same_instruction(text in noise()) {
        let _ = parse_trigger(&text);
        let Ok(file) = parse(&format!("FROM a\nONBUILD {text}")) else { return Ok(()) };
        if let Kind::OnBuild(on_build) = &file.instructions[1].kind && file.escape == '\\' {
            let again = parse_trigger(&on_build.trigger);
            let again = again.map_err(|error| TestCaseError::fail(format!("{error}: {:?}", on_build.trigger)))?;
            prop_assert_eq!(again.original.trim(), on_build.instruction.original.trim());
        }
    }

    #[test]
    fn expansion_is_bounded_and_never_panics(raw in word(), backtick in any::<bool>()) {
        let word = Word { span: Span::new(0, raw.len()), raw };
        let escape = if backtick { '`' } else { '\\' };
        if let Ok(expanded) = expand(&word, escape, &env()) {
            prop_assert!(expanded.text.len() <= word.raw.len() + 128 * 1024);
            prop_assert!(expanded.used.iter().all(|name| env().contains_key(name)));
            prop_assert!(expanded.undefined.iter().all(|name| !env().contains_key(name)));
        }
        let _ = expand_words(&word, escape, &env());
    }

    #[test]
    fn a_word_without_marks_is_itself(raw in "[a-zA-Z0-9 ./:@=,>*?{}-]{0,30}") {
        let word = Word { span: Span::new(0, raw.len()), raw };
        let expanded = expand(&word, '\\', &env()).expect("nothing to refuse");
        prop_assert_eq!(&expanded.text, &word.raw);
        let words: Vec<&str> = word.raw.split_whitespace().collect();
        prop_assert_eq!(expand_words(&word, '\\', &env()).expect("nothing to refuse"), words);
    }

    #[test]
    fn any_mount_is_read_or_refused(pieces in prop::collection::vec(prop::sample::select([
        "type=", "bind", "cache", "secret", "tmpfs", "ssh", ",", "=", "\"", "target=/t", "id=x", "mode=", "0777", "size=1g", "ro", "é",
        "required", "from=a", "source", "$",
    ].as_slice()), 0..12)) {
        let word = Word { raw: pieces.concat(), span: Span::new(3, 4) };
        if let Err(error) = parse_mount(&word, &mut |word: &Word| Ok(word.raw.clone())) {
            prop_assert_eq!(error.span, Some(word.span));
        }
    }
}
