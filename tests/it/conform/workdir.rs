//! WORKDIR: which directories are made, and whose they are.

use super::case::{Case, check, refused};

fn case(want: &'static [&'static str], dockerfile: &'static str, what: &'static str) -> Case<'static> {
    Case { what, context: &["f=1", "l->real", "real/r=2"], dockerfile, want }
}

#[test]
fn directories_belong_to_the_user() {
    check(&[
        case(&["a/", "a/b/"], "FROM scratch\nWORKDIR /a/b", "all that is missing"),
        case(&["a/", "a/c/"], "FROM scratch\nWORKDIR /a\nWORKDIR b/../c", "relative"),
        case(&["a/"], "FROM scratch\nWORKDIR /a/./x/..", "cleaned before it is made"),
        case(
            &["w/ 1000:1000", "w/x/ 1000:1000"],
            "FROM scratch\nUSER 1000\nWORKDIR /w/x",
            "a number is user and group",
        ),
        case(&["w/ 1000:5"], "FROM scratch\nUSER 1000:5\nWORKDIR /w", "unless a group is given"),
        case(&["w/"], "FROM scratch\nUSER root\nWORKDIR /w", "root"),
        case(&["w/"], "FROM scratch\nUSER nobody\nWORKDIR /w", "a name that nobody knows is root"),
        case(
            &["etc/", "etc/passwd=app:x:10:20::/:\n5:x:6:7::/:\n", "n/ 5:5", "w/ 10:20"],
            "FROM scratch\nCOPY <<E /etc/passwd\napp:x:10:20::/:\n5:x:6:7::/:\nE\nUSER app\nWORKDIR /w\nUSER 5\nWORKDIR /n",
            "by name, in the image",
        ),
        case(
            &["w/ 700 3:4"],
            "FROM scratch\nCOPY --chown=3:4 --chmod=700 real /w\nFROM scratch\nCOPY --from=0 --exclude=**/r --parents /w /\nUSER 9\nWORKDIR /w",
            "one that is there is left alone",
        ),
        case(
            &["l->real", "real/", "real/r=2", "real/x/ 9:9"],
            "FROM scratch\nCOPY . /c\nFROM scratch\nCOPY --from=0 /c /\nUSER 9\nWORKDIR /l/x\nFROM scratch\nCOPY --from=1 --exclude=f / /",
            "links are followed",
        ),
        case(&["w/", "w/f=1"], "FROM scratch\nENV D=/w\nWORKDIR $D\nCOPY f .", "from a variable"),
        case(&["a/", "a/b/"], "FROM scratch AS a\nWORKDIR /a\nFROM a\nWORKDIR b", "inherited"),
    ]);
    refused(&[(&["f=1"], "FROM scratch\nCOPY f /x\nWORKDIR /x/y", "not a directory")]);
}
