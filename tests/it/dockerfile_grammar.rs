//! Dockerfiles made by chance, in what other parsers read too.

use proptest::prelude::*;

/// How much of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// All instructions, flags, here-documents, directives.
    Wide,
    /// FROM, ARG, LABEL, ENV, RUN, CMD, ENTRYPOINT and COPY in plain forms.
    Narrow,
}

/// A whole file.
pub fn dockerfile(dialect: Dialect) -> BoxedStrategy<String> {
    let escape = match dialect {
        Dialect::Wide => prop_oneof![3 => Just(None), 1 => Just(Some('\\')), 1 => Just(Some('`'))].boxed(),
        Dialect::Narrow => Just(None).boxed(),
    };
    let bom = if dialect == Dialect::Wide { any::<bool>().boxed() } else { Just(false).boxed() };
    (escape, bom)
        .prop_flat_map(move |(escape, bom)| {
            let mark = escape.unwrap_or('\\');
            let first = (gap(), prop_oneof![Just("FROM a"), Just("FROM b:1 AS c"), Just("from scratch")]);
            let rest = prop::collection::vec((gap(), instruction(dialect, mark)), 0..8);
            let end = prop_oneof![Just("\n"), Just(""), Just("\n\n"), Just("\n# end")];
            (Just(escape), Just(bom), first, rest, end)
        })
        .prop_map(|(escape, bom, (gap, from), rest, end)| {
            let mut text = if bom { "\u{feff}".to_owned() } else { String::new() };
            if let Some(escape) = escape {
                text.push_str(&format!("# escape={escape}\n"));
            }
            text.push_str(&gap);
            text.push_str(from);
            for (at, (gap, instruction)) in rest.into_iter().enumerate() {
                text.push('\n');
                text.push_str(&gap);
                // One of the others refuses two stages of one name.
                text.push_str(&instruction.replace('@', &format!("-{at}")));
            }
            text.push_str(end);
            text
        })
        .boxed()
}

/// Blank lines and comments.
fn gap() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![Just("\n"), Just("# comment\n"), Just("#x=y z\n")], 0..3)
        .prop_map(|lines| lines.concat())
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,5}"
}

fn path() -> impl Strategy<Value = String> {
    "[a-z./*_][a-zA-Z0-9./*_]{0,8}"
}

fn json() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-z /$=-]{0,6}", 1..4).prop_map(|words| {
        let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        format!("[{}]", words.join(", "))
    })
}

fn pairs() -> impl Strategy<Value = String> {
    prop::collection::vec((name(), prop_oneof!["[a-z0-9/.]{1,6}", "\"[a-z /.]{1,6}\""]), 1..4).prop_map(
        |pairs| {
            let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            pairs.join(" ")
        },
    )
}

/// Shell text in which nothing is special to a builder, sometimes across lines.
fn shell(escape: char) -> impl Strategy<Value = String> {
    let joint = prop_oneof![
        4 => Just(" ".to_owned()),
        1 => Just(format!(" {escape}\n")),
        1 => Just(format!(" {escape} \t\n  ")),
        1 => Just(format!(" {escape}\n# inside\n")),
    ];
    ("[a-z]{1,6}", prop::collection::vec((joint, "[a-z0-9|;/=.&-]{1,6}"), 0..5))
        .prop_map(|(first, rest)| rest.into_iter().fold(first, |text, (joint, word)| text + &joint + &word))
}

fn instruction(dialect: Dialect, escape: char) -> BoxedStrategy<String> {
    let with = |keyword: &'static str| move |text: String| format!("{keyword} {text}");
    let plain = prop_oneof![
        name().prop_map(with("ARG")),
        (name(), "[a-z0-9]{1,5}").prop_map(|(name, value)| format!("ARG {name}={value}")),
        pairs().prop_map(with("ENV")),
        pairs().prop_map(with("LABEL")),
        shell(escape).prop_map(with("RUN")),
        json().prop_map(with("RUN")),
        json().prop_map(with("CMD")),
        shell(escape).prop_map(with("CMD")),
        json().prop_map(with("ENTRYPOINT")),
        shell(escape).prop_map(with("entrypoint")),
        (path(), path()).prop_map(|(source, dest)| format!("COPY {source} {dest}")),
        (name(), path(), path(), path())
            .prop_map(|(from, a, b, dest)| format!("COPY --from={from} {a} {b} {dest}")),
        name().prop_map(|alias| format!("FROM a AS {alias}@")),
        (name(), name()).prop_map(|(platform, image)| format!("FROM --platform={platform} {image}")),
    ];
    if dialect == Dialect::Narrow {
        return plain.boxed();
    }
    let body = prop::collection::vec(
        prop_oneof![Just("x y"), Just(""), Just("# no comment"), Just("\ttab"), Just("RUN z")],
        0..4,
    )
    .prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    let heredoc = (
        prop_oneof![Just(("EOF", "EOF")), Just(("-E1", "E1")), Just(("\"Q\"", "Q")), Just(("'Q'", "Q"))],
        body,
    );
    let wide = prop_oneof![
        heredoc.clone().prop_map(|((open, end), body)| format!("RUN <<{open}\n{body}{end}")),
        heredoc.clone().prop_map(|((open, end), body)| format!("RUN --network=none <<{open}\n{body}{end}")),
        heredoc.prop_map(|((open, end), body)| format!("COPY <<{open} /d\n{body}{end}")),
        (path(), path()).prop_map(|(a, b)| format!("ADD --chown=1:2 --link {a} {b}")),
        (path(), path()).prop_map(|(a, b)| format!("COPY --link=true --exclude=*.x --exclude=y {a} {b}")),
        (path(), path()).prop_map(|(a, b)| format!("COPY [\"{a}\", \"{b}\"]")),
        shell(escape).prop_map(with("RUN --mount=type=cache,target=/c --security=insecure")),
        path().prop_map(with("WORKDIR")),
        name().prop_map(with("USER")),
        Just("EXPOSE 80 443/tcp".to_owned()),
        (path(), path()).prop_map(|(a, b)| format!("VOLUME {a} {b}")),
        (path(), path()).prop_map(|(a, b)| format!("VOLUME [\"{a}\" ,\"{b}\"]")),
        json().prop_map(with("SHELL")),
        Just("STOPSIGNAL SIGTERM".to_owned()),
        Just("HEALTHCHECK NONE".to_owned()),
        json().prop_map(with("HEALTHCHECK --interval=5s --retries=2 CMD")),
        shell(escape).prop_map(with("HEALTHCHECK CMD")),
        name().prop_map(with("MAINTAINER")),
        (path(), path()).prop_map(|(a, b)| format!("ONBUILD COPY --from=x {a} {b}")),
        json().prop_map(with("ONBUILD RUN")),
    ];
    prop_oneof![plain, wide].boxed()
}
