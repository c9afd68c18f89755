//! COPY: wildcards, `--parents`, `--exclude`, `--link`, other stages.

use super::case::{Case, check, refused};

const CONTEXT: &[&str] = &[
    "a.go=1",
    "b.go=2",
    "c.txt=3",
    "[x].go=4",
    "sub/d1/in/f=5",
    "sub/d2/in/f=6",
    "sub/d2/in/g=7",
    "sub/z=8",
    "deep/p/ 700",
    "deep/p/q/ 711",
    "deep/p/q/r.txt=9 600",
    "deep/p/q/r.md=10",
];

fn case(want: &'static [&'static str], dockerfile: &'static str, what: &'static str) -> Case<'static> {
    Case { what, context: CONTEXT, dockerfile, want }
}

#[test]
fn wildcards() {
    check(&[
        case(&["x/", "x/[x].go=4", "x/a.go=1", "x/b.go=2"], "FROM scratch\nCOPY *.go /x/", "files"),
        case(&["x=1"], "FROM scratch\nCOPY a*.go /x", "one match onto a name"),
        case(&["x=2"], "FROM scratch\nCOPY [ab].go /x", "several matches onto a name: the last"),
        case(
            &["x/", "x/d1/", "x/z=8"],
            "FROM scratch\nCOPY sub/z /x/\nCOPY sub/nothing* /y/\nCOPY <<E /x/d1/k\nE\nFROM scratch\nCOPY --from=0 /x/z /x/\nWORKDIR /x/d1",
            "no match makes nothing",
        ),
        case(
            &["x/", "x/in/", "x/in/f=6", "x/in/g=7", "x/z=8"],
            "FROM scratch\nCOPY sub/* /x/",
            "directories that match are merged",
        ),
        case(&["x/", "x/f=6"], "FROM scratch\nCOPY sub/*/in/f /x/", "in the middle"),
        case(&["x/", "x/y=5"], "FROM scratch\nCOPY sub/?1/in/f /x/y", "one character"),
        case(&["x=4"], "FROM scratch\nCOPY [[]x].go /x", "a bracket in a class"),
        case(&["x/", "x/a.go=1"], "FROM scratch\nCOPY a.go none* /x/", "one of two matches nothing"),
        case(&["x/", "x/a.go=1", "x/b.go=2"], "FROM scratch\nCOPY [\"[a-b].go\", \"/x/\"]", "in JSON"),
        case(
            &["x/", "x/a.go=1", "x/b.go=2", "x/c.txt=3"],
            "FROM scratch\nARG P=[abc].*\nCOPY $P /x/",
            "from a variable",
        ),
    ]);
    refused(&[
        (CONTEXT, "FROM scratch\nCOPY none /x/", "\"/none\": not found"),
        (CONTEXT, "FROM scratch\nCOPY none/*.go /x/", "\"/none\": not found"),
        (CONTEXT, "FROM scratch\nCOPY sub/d1/in/f/g /x/", "not found"),
        (CONTEXT, "FROM scratch\nCOPY a.go", "COPY requires at least two arguments"),
    ]);
}

#[test]
fn hidden_files_and_names_in_order() {
    const HIDDEN: &[&str] =
        &["src/.env=1", "src/a=2", "src/.d/e=3", "src.txt=4", "srcs/f=5", "x/same=6", "y/same=7"];
    let case =
        |want: &'static [&'static str], dockerfile, what| Case { what, context: HIDDEN, dockerfile, want };
    check(&[
        case(
            &["o/", "o/.env=1", "o/a=2", "o/e=3"],
            "FROM scratch\nCOPY src/* /o/",
            "a star matches a dot at the start",
        ),
        case(&["o/", "o/.env=1"], "FROM scratch\nCOPY src/.e* /o/", "and a dot is a letter"),
        case(
            &["o/", "o/.d/", "o/.d/e=3", "o/.env=1", "o/a=2", "o/f=5", "o/src.txt=4"],
            "FROM scratch\nCOPY src* /o/",
            "directories give their contents, files themselves",
        ),
        case(&["o/", "o/same=7"], "FROM scratch\nCOPY x y /o/", "later sources win"),
        case(&["o/", "o/same=6"], "FROM scratch\nCOPY y x /o/", "in the order of the line"),
        case(&["o/", "o/same=7"], "FROM scratch\nCOPY [xy]/same /o/", "and of names within a pattern"),
    ]);
}

#[test]
fn parents() {
    check(&[
        case(
            &["deep/", "deep/p/ 700", "deep/p/q/ 711", "deep/p/q/r.txt=9 600"],
            "FROM scratch\nCOPY --parents deep/p/q/r.txt /",
            "the directories come with their metadata",
        ),
        case(
            &["w/", "w/p/ 700", "w/p/q/ 711", "w/p/q/r.md=10", "w/p/q/r.txt=9 600"],
            "FROM scratch\nWORKDIR /w\nCOPY --parents deep/./p .",
            "from the pivot on",
        ),
        case(
            &[
                "o/",
                "o/sub/",
                "o/sub/d1/",
                "o/sub/d1/in/",
                "o/sub/d1/in/f=5",
                "o/sub/d2/",
                "o/sub/d2/in/",
                "o/sub/d2/in/f=6",
            ],
            "FROM scratch\nCOPY --parents sub/*/in/f /o/",
            "with wildcards",
        ),
        case(
            &["o/", "o/in/", "o/in/f=6", "o/in/g=7"],
            "FROM scratch\nCOPY --parents sub/*/./in /o/",
            "before the pivot",
        ),
        case(
            &["o/", "o/deep/ 1:1", "o/deep/p/ 700 1:1", "o/deep/p/q/ 711 1:1", "o/deep/p/q/r.md=10 1:1"],
            "FROM scratch\nCOPY <<E /o/k\nE\nFROM scratch\nWORKDIR /o\nCOPY --parents --chown=1:1 **/*.md /o/",
            "two stars",
        ),
        case(
            &["o/"],
            "FROM scratch\nCOPY --parents sub/none*/x /o/",
            "nothing is picked, the destination is made",
        ),
        case(
            &["deep/ 7:7", "deep/p/ 700 7:7", "deep/p/q/ 711", "deep/p/q/r.md=10"],
            "FROM scratch\nCOPY --chown=7:7 --chmod=750 <<E /deep/p/k\nE\nFROM scratch\nCOPY --from=0 /deep /deep\nFROM scratch\nCOPY --from=0 --exclude=**/k --parents /deep/p /\nCOPY --parents deep/p/q/r.md /",
            "existing ones keep their owner and take the mode",
        ),
        case(&["a.go=1", "sub/", "sub/z=8"], "FROM scratch\nCOPY --parents a.go ./sub/z /", "several"),
    ]);
    refused(&[
        (CONTEXT, "FROM scratch\nCOPY --parents sub/none /", "\"/sub/none\": not found"),
        (&["c/dang->no"], "FROM scratch\nCOPY --parents c/dang /", "which does not exist"),
        (&["c/loop->loop"], "FROM scratch\nCOPY --parents c/loop /", "too many levels of symbolic links"),
    ]);
}

#[test]
fn links_that_lead_nowhere_stop_only_those_who_follow_them() {
    const LINKS: &[&str] = &["loop->loop", "dang->no", "d/a=1"];
    let case =
        |want: &'static [&'static str], dockerfile, what| Case { what, context: LINKS, dockerfile, want };
    check(&[
        case(&["p/", "p/a=1"], "FROM scratch\nCOPY */a /p/", "a pattern does not go on through them"),
        case(&["p/", "p/d/", "p/d/a=1"], "FROM scratch\nCOPY --parents */a /p/", "with --parents"),
        case(
            &["p/", "p/c/", "p/c/dang->no", "p/c/loop->loop"],
            "FROM scratch AS s\nCOPY . /c/\nFROM scratch\nCOPY --from=s --parents /c/dang /c/loop /p/",
            "--parents keeps a link of a stage",
        ),
    ]);
    refused(&[
        (LINKS, "FROM scratch\nCOPY l* /p/", "too many levels of symbolic links"),
        (LINKS, "FROM scratch\nCOPY loop/a /p/", "too many levels of symbolic links"),
        (&["p/l->r", "p/r/a=1"], "FROM scratch\nCOPY --parents p/l/a /o/", "is a link; write /p/r/a"),
        (
            LINKS,
            "FROM scratch AS s\nCOPY . /c/\nFROM scratch\nCOPY --from=s /c/dang /p/",
            "which does not exist",
        ),
    ]);
}

#[test]
fn excludes() {
    check(&[
        case(
            &[
                "x/",
                "x/[x].go=4",
                "x/a.go=1",
                "x/b.go=2",
                "x/deep/",
                "x/deep/p/ 700",
                "x/deep/p/q/ 711",
                "x/deep/p/q/r.md=10",
            ],
            "FROM scratch\nCOPY --exclude=**/*.txt --exclude=sub . /x",
            "by path",
        ),
        case(
            &["x/", "x/d1/", "x/d1/in/", "x/d1/in/f=5", "x/z=8"],
            "FROM scratch\nCOPY --exclude=d2 sub /x",
            "relative to the source",
        ),
        case(
            &["x/", "x/d2/", "x/d2/in/", "x/d2/in/g=7"],
            "FROM scratch\nCOPY --exclude=* --exclude=!d2/in/g sub /x",
            "with an exception",
        ),
        case(&["x/"], "FROM scratch\nCOPY --exclude=* sub /x", "everything"),
        case(&["x/", "x/in/", "x/in/f=6"], "FROM scratch\nCOPY --exclude=in/g sub/d* /x", "of each match"),
        case(
            &["o/", "o/deep/", "o/deep/p/ 700", "o/deep/p/q/ 711", "o/deep/p/q/r.md=10"],
            "FROM scratch\nCOPY --parents --exclude=**/*.txt deep /o/",
            "with --parents",
        ),
        case(
            &["x/", "x/d1/", "x/d1/in/", "x/d1/in/f=5", "x/z=8"],
            "FROM scratch\nADD --exclude=d2 sub /x/",
            "on ADD",
        ),
        case(
            &["x/", "x/a.go=1", "x/b.go=2", "x/d1/", "x/d1/in/", "x/d1/in/f=5", "x/z=8"],
            "FROM scratch\nCOPY --exclude=*.go --exclude=d2 [ab].go sub /x/",
            "not on a source that is itself a file",
        ),
    ]);
}

#[test]
fn linked_copies_know_nothing_of_what_they_lie_on() {
    check(&[
        case(
            &["o/", "o/a.go=1", "o/k=\n 700 1:1"],
            "FROM scratch\nCOPY --chown=1:1 --chmod=700 <<E /o/k\n\nE\nCOPY --link a.go /o/",
            "the directory is the new layer's",
        ),
        case(&["w/", "w/a.go=1"], "FROM scratch\nWORKDIR /w\nCOPY --link a.go .", "relative"),
        case(&["w/", "w/x=1"], "FROM scratch\nWORKDIR /w\nCOPY --link=true a.go x", "with a value"),
        case(
            &["w/", "w/a.go=1"],
            "FROM scratch\nWORKDIR /w\nENV e=\nCOPY --link a.go $e",
            "an empty destination",
        ),
    ]);
}

#[test]
fn other_stages() {
    check(&[
        case(
            &["x=1"],
            "FROM scratch AS One\nWORKDIR /w\nCOPY a.go f\nFROM scratch\nCOPY --from=one w/f /x",
            "names in any case; paths are from the root",
        ),
        case(&["x=1"], "FROM scratch\nCOPY a.go /f\nFROM scratch\nCOPY --from=0 /f /x", "by number"),
        case(
            &["x/", "x/k=1 3:4"],
            "FROM scratch AS a\nCOPY --chown=3:4 a.go /d/k\nFROM scratch\nCOPY --from=a /d /x",
            "owners are kept",
        ),
        case(
            &["k=1", "l=2"],
            "FROM scratch AS a\nCOPY a.go /k\nFROM a AS b\nCOPY b.go /l\nFROM a\nFROM b",
            "stages on stages",
        ),
        case(
            &["k=1 3:4"],
            "FROM scratch AS a\nCOPY --chown=3:4 a.go /k\nFROM scratch\nCOPY --from=a / /",
            "all of it",
        ),
        case(&[], "FROM scratch AS a\nFROM scratch\nCOPY --from=a / /", "all of nothing"),
    ]);
}
