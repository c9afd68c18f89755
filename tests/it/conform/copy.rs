//! COPY: where files go, and what they and the directories on the way are like there.

use super::case::{Case, check, refused};

const CONTEXT: &[&str] = &[
    "f=1 600",
    "g=2 755",
    "d/ 700",
    "d/a=3 640",
    "d/s/ 711",
    "d/s/b=4",
    "e/",
    "bin/x.sh=5 755",
    "to-f->f",
    "to-d->d",
    "d/up->../f",
];

/// A base with links, owners and odd modes, made by the first instructions.
const BASE: &str =
    "FROM scratch\nCOPY --chown=7:8 --chmod=750 d/s /own/deep/\nCOPY --chown=7:8 --chmod=700 f /own/f\n";

#[test]
fn destinations() {
    let d =
        |want: &'static [&'static str], dockerfile, what| Case { what, context: CONTEXT, dockerfile, want };
    check(&[
        d(&["x=1 600"], "FROM scratch\nCOPY f /x", "a file gets the destination's name"),
        d(&["x/", "x/f=1 600"], "FROM scratch\nCOPY f /x/", "a slash says into"),
        d(&["x/", "x/f=1 600"], "FROM scratch\nCOPY f /x/.", "so does a dot"),
        d(&["f=1 600"], "FROM scratch\nCOPY f .", "a dot alone is the working directory"),
        d(&["f=1 600"], "FROM scratch\nCOPY f ./", "and with a slash"),
        d(&["f=1 600"], "FROM scratch\nENV e=\nCOPY f $e", "an empty destination too"),
        d(&["w/", "w/f=1 600"], "FROM scratch\nWORKDIR /w\nCOPY f \"\"", "an empty word"),
        d(&["w/", "w/x=1 600"], "FROM scratch\nWORKDIR /w\nCOPY f x", "relative to WORKDIR"),
        d(&["f=1 600", "w/"], "FROM scratch\nWORKDIR /w\nCOPY f ..", "above WORKDIR"),
        d(&["w/", "x=1 600"], "FROM scratch\nWORKDIR /w\nCOPY f ../../../x", "never above the root"),
        d(
            &["a/", "a/b/", "a/b/x=1 600"],
            "FROM scratch\nCOPY f /a/b/x",
            "missing directories are root's, 755",
        ),
        d(&["a b/", "a b/f=1 600"], "FROM scratch\nCOPY [\"f\", \"/a b/\"]", "JSON takes spaces"),
        d(&["a b/", "a b/f=1 600"], "FROM scratch\nCOPY [ \"f\" ,\"/a b/\" ]  ", "whatever the spacing"),
        d(&["x/", "x/f=1 600", "x/g=2 755"], "FROM scratch\nCOPY f g /x/", "several into a directory"),
        d(&["x=2 755"], "FROM scratch\nCOPY f g /x", "several onto one name: the last stays"),
        d(
            &["x/", "x/a=3 640", "x/f=1 600", "x/s/ 711", "x/s/b=4", "x/up->../f"],
            "FROM scratch\nCOPY d f /x",
            "a directory makes one",
        ),
        d(&["f=2 755"], "FROM scratch\nCOPY f /\nCOPY g /f", "a file replaces a file"),
        d(&["x=1 600"], "from scratch\ncopy f /x", "lower case instructions"),
        d(&["x=1 600"], "FROM scratch\r\nCOPY f \\\r\n  /x\r\n", "CRLF"),
        d(
            &["x=1 600"],
            "FROM scratch\nCOPY \\\n# a comment\n  f \\\n\n  /x\n",
            "comments and blanks in a continuation",
        ),
        d(&["x=1 600"], "\u{feff}# escape=`\nFROM scratch\nCOPY f `\n /x", "another escape, behind a BOM"),
        d(&["$x=1 600"], "FROM scratch\nCOPY f /\\$x", "an escaped dollar"),
        d(&["x=1 600"], "FROM scratch\nARG F=f T\nCOPY ${F} /${T:-x}", "words with defaults"),
        d(&["x=1 600"], "ARG B=scratch\nFROM $B AS Last\nCOPY --chown= f /x", "an empty flag is none"),
    ]);
}

#[test]
fn directories() {
    let d =
        |want: &'static [&'static str], dockerfile, what| Case { what, context: CONTEXT, dockerfile, want };
    const D: &[&str] = &["x/", "x/a=3 640", "x/s/ 711", "x/s/b=4", "x/up->../f"];
    check(&[
        d(D, "FROM scratch\nCOPY d /x", "contents only; the new directory is 755, not as the source"),
        d(D, "FROM scratch\nCOPY d /x/", "slash or not"),
        d(D, "FROM scratch\nCOPY d/ /x", "at the source either"),
        d(D, "FROM scratch\nCOPY ./d/. /x", "nor a dot"),
        d(D, "FROM scratch\nCOPY /d /x", "a leading slash is the context's root"),
        d(D, "FROM scratch\nCOPY ../../d /x", "and so is what is above it"),
        d(D, "FROM scratch\nCOPY to-d /x", "a link at the source is followed"),
        d(&["x/"], "FROM scratch\nCOPY e /x", "an empty directory"),
        d(&["a=3 640", "s/ 711", "s/b=4", "up->../f"], "FROM scratch\nCOPY d /", "onto the root"),
        d(
            &[
                "a=3 640",
                "own/ 750 7:8",
                "own/deep/ 750 7:8",
                "own/deep/b=4 750 7:8",
                "own/f=1 700 7:8",
                "s/ 711",
                "s/b=4",
                "up->../f",
            ],
            &format!("{BASE}COPY d .").leak()[..],
            "what is there stays",
        ),
        d(
            &[
                "own/ 750 7:8",
                "own/a=3 640",
                "own/deep/ 750 7:8",
                "own/deep/b=4 750 7:8",
                "own/f=1 700 7:8",
                "own/s/ 711",
                "own/s/b=4",
                "own/up->../f",
            ],
            &format!("{BASE}COPY d /own").leak()[..],
            "an existing top keeps owner and mode",
        ),
        d(
            &["x/ 711 1:1", "x/b=4 711 1:1", "y/ 700 2:2", "y/a=3 640", "y/s/ 711", "y/s/b=4", "y/up->../f"],
            "FROM scratch\nCOPY --chown=1:1 --chmod=711 d/s /x\nCOPY --chown=2:2 --chmod=700 d/s /y/s/\nCOPY d /y",
            "a nested one takes the source's owner and mode",
        ),
    ]);
}

#[test]
fn links() {
    let d =
        |want: &'static [&'static str], dockerfile, what| Case { what, context: CONTEXT, dockerfile, want };
    const LINKS: &str = "FROM scratch\nCOPY links /\n";
    let on = |rest: &str| &*format!("{LINKS}{rest}").leak();
    let l = |want: &'static [&'static str], rest: &str, what: &'static str| Case {
        what,
        context: &[
            "f=1",
            "d/a=2",
            "links/real/r=3",
            "links/in->real",
            "links/abs->/real",
            "links/out->../../real",
            "links/gone->new/place",
            "links/file->real/r",
        ],
        dockerfile: on(rest),
        want,
    };
    check(&[
        d(&["x=1 600"], "FROM scratch\nCOPY to-f /x", "a link to a file is its file"),
        d(&["x/", "x/to-f=1 600"], "FROM scratch\nCOPY to-f /x/", "under the link's name"),
        d(&["x=4"], "FROM scratch\nCOPY to-d/s/b /x", "a link on the way"),
        d(
            &["x/", "x/a=3 640", "x/s/ 711", "x/s/b=4", "x/to-f=1 600", "x/up->../f"],
            "FROM scratch\nCOPY to-* /x/",
            "links that match are followed",
        ),
        l(
            &[
                "abs->/real",
                "file->real/r",
                "gone->new/place",
                "in->real",
                "out->../../real",
                "real/",
                "real/f=1",
                "real/r=3",
            ],
            "COPY f /in/",
            "a link at the destination",
        ),
        l(
            &[
                "abs->/real",
                "file->real/r",
                "gone->new/place",
                "in->real",
                "out->../../real",
                "real/",
                "real/f=1",
                "real/r=3",
            ],
            "COPY f /in",
            "without a slash too",
        ),
        l(
            &[
                "abs->/real",
                "file->real/r",
                "gone->new/place",
                "in->real",
                "out->../../real",
                "real/",
                "real/a=2",
                "real/r=3",
            ],
            "COPY d /abs",
            "an absolute one",
        ),
        l(
            &[
                "abs->/real",
                "file->real/r",
                "gone->new/place",
                "in->real",
                "out->../../real",
                "real/",
                "real/r=3",
                "real/x/",
                "real/x/f=1",
            ],
            "COPY f /out/x/",
            "one that would lead out",
        ),
        l(
            &[
                "abs->/real",
                "file->real/r",
                "gone->new/place",
                "in->real",
                "new/",
                "new/place/",
                "new/place/f=1",
                "out->../../real",
                "real/",
                "real/r=3",
            ],
            "COPY f /gone/",
            "one that leads to nothing yet",
        ),
        l(
            &[
                "abs->/real",
                "file->real/r",
                "gone->new/place",
                "in->real",
                "new/",
                "new/place=1",
                "out->../../real",
                "real/",
                "real/r=3",
            ],
            "COPY f /gone",
            "and becomes a file",
        ),
        l(
            &[
                "abs->/real",
                "file->real/r",
                "gone->new/place",
                "in->real",
                "out->../../real",
                "real/",
                "real/r=1",
            ],
            "COPY f /file",
            "a link to a file is written through",
        ),
    ]);
    // In a directory a link of the same name is replaced.
    check(&[Case {
        what: "a link of that name in the directory is replaced",
        context: &["f=1", "links/f->r", "links/r=3"],
        dockerfile: "FROM scratch\nCOPY links /\nCOPY f /",
        want: &["f=1", "r=3"],
    }]);
    refused(&[
        (
            &["d/l/x=1", "b/l->t", "b/t/"],
            "FROM scratch\nCOPY b /\nCOPY d /",
            "cannot copy to non-directory: /l",
        ),
        (&["d/f=1", "b/f/"], "FROM scratch\nCOPY b /\nCOPY d /", "cannot replace to directory /f with file"),
        (&["f=1", "b/f/"], "FROM scratch\nCOPY b /\nCOPY f /", "cannot replace to directory /f with file"),
        (&["f=1", "g=1"], "FROM scratch\nCOPY f /x\nCOPY g /x/", "not a directory"),
        (&["f=1", "d/"], "FROM scratch\nCOPY f /x\nCOPY d /x", "cannot copy to non-directory: /x"),
        (&["l->none"], "FROM scratch\nCOPY l /x", "not found"),
    ]);
}

#[test]
fn owners_and_modes() {
    let d =
        |want: &'static [&'static str], dockerfile, what| Case { what, context: CONTEXT, dockerfile, want };
    const WHO: &str = "FROM scratch\nCOPY <<P /etc/passwd\nroot:x:0:0::/:\napp:x:10:20::/:\n77:x:5:6::/:\nP\n\
        COPY <<G /etc/group\nroot:x:0:\nweb:x:30:\nG\n";
    let named = |rest: &'static str, want: &'static [&'static str], what| {
        let dockerfile = format!("{WHO}{rest}\nFROM scratch\nCOPY --from=0 /o /\n").leak();
        Case { what, context: &["f=1"], dockerfile, want }
    };
    check(&[
        d(
            &["a/ 3:4", "a/x=1 600 3:4"],
            "FROM scratch\nCOPY --chown=3:4 f /a/x",
            "missing directories get the owner",
        ),
        d(&["x=1 600 5:5"], "FROM scratch\nCOPY --chown=5 f /x", "a number alone is the group too"),
        d(&["x=1 600"], "FROM scratch\nCOPY --chown=root:root f /x", "root needs no file"),
        d(&["x=1 600"], "FROM scratch\nCOPY --chown=root f /x", "alone either"),
        d(&["x=1 600"], "FROM scratch\nCOPY --link --chown=root:root f /x", "nor in a linked copy"),
        d(&["x=1 600 3:0"], "FROM scratch\nCOPY --chown=3:root f /x", "as a group"),
        d(
            &["x/ 9:9", "x/a=3 640 9:9", "x/s/ 711 9:9", "x/s/b=4 9:9", "x/up->../f 9:9"],
            "FROM scratch\nCOPY --chown=9:9 d /x",
            "links too",
        ),
        named("COPY --chown=app f /o/x", &["x=1 10:20"], "a name has its group"),
        named("COPY --chown=app:web f /o/x", &["x=1 10:30"], "a group by name"),
        named("COPY --chown=77 f /o/x", &["x=1 77:77"], "digits are a number"),
        named("COPY --chown=app:7 f /o/x", &["x=1 10:7"], "mixed"),
        named("ARG W=web\nENV U=app\nCOPY --chown=${U}:${W} f /o/x", &["x=1 10:30"], "from variables"),
        d(&["a/", "a/x=1 755"], "FROM scratch\nCOPY --chmod=0755 f /a/x", "an octal mode"),
        d(
            &["a/ 700", "a/x=1 700"],
            "FROM scratch\nCOPY --chmod=700 f /a/x",
            "is that of missing directories",
        ),
        d(&["a/", "a/x=1 4755"], "FROM scratch\nCOPY --chmod=4755 f /a/x", "but its upper bits"),
        d(&["x=1 0"], "FROM scratch\nCOPY --chmod=0 f /x", "no bits at all"),
        d(
            &["x/ 600", "x/a=3 600", "x/s/ 600", "x/s/b=4 600", "x/up->../f"],
            "FROM scratch\nCOPY --chmod=600 d /x",
            "directories are files",
        ),
        d(
            &["a/", "a/x=1 755"],
            "FROM scratch\nCOPY --chmod=u=rwx,go=rx f /a/x",
            "a symbolic mode is not that of directories",
        ),
        d(&["x=1 640"], "FROM scratch\nCOPY --chmod=g+r f /x", "it changes"),
        d(
            &["x/", "x/a=3 640", "x/s/ 711", "x/s/b=4", "x/up->../f"],
            "FROM scratch\nCOPY --chmod=a+X d /x",
            "X is for directories",
        ),
        d(&["x=1 711"], "FROM scratch\nARG M=711\nCOPY --chmod=$M f /x", "from a variable"),
        d(
            &["x=h\n 600 1:2"],
            "FROM scratch\nCOPY --chmod=600 --chown=1:2 <<E /x\nh\nE\n",
            "here-documents too",
        ),
        d(&["x=h\n"], "FROM scratch\nCOPY <<E /x\nh\nE\n", "which are 644"),
    ]);
    refused(&[
        (&["f=1"], "FROM scratch\nCOPY --chmod=64a f /", "invalid chmod parameter \"64a\""),
        (&["f=1"], "FROM scratch\nCOPY --chmod=10000 f /", "invalid chmod parameter \"10000\""),
        (&["f=1"], "FROM scratch\nCOPY --chown=app f /", "unable to find user app"),
    ]);
}
