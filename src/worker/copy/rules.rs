//! The rules of COPY, row by row.

use super::drawn::{copy, draw, placed, placed_with, stack};
use super::owner::Owner;
use super::place::Archives;
use super::select::select;
use crate::graph::{Copy, CopySource};

fn lines(copy: &Copy, source: &[&str], base: &[&str]) -> Vec<String> {
    placed(copy, source, base).unwrap()
}

fn error(copy: &Copy, source: &[&str], base: &[&str]) -> String {
    placed(copy, source, base).unwrap_err()
}

const TREE: &[&str] = &["f=1", "d/ 700", "d/a=2 600", "d/s/", "d/s/b=3", "e/", "e/c=4"];

#[test]
fn a_file_becomes_the_destination_unless_that_is_a_directory() {
    let base = &["there/ 711 5:5 @7", "old=0"];
    for (sources, destination, want) in [
        (&["f"][..], "/x", &["x=1"][..]),
        (&["f"], "/x/", &["x/", "x/f=1"]),
        (&["f"], "/x/.", &["x/", "x/f=1"]),
        (&["f"], "/", &["f=1"]),
        (&["f"], "/there", &["there/ 711 5:5 @7", "there/f=1"]),
        (&["f"], "/there/", &["there/ 711 5:5 @7", "there/f=1"]),
        (&["f"], "/old", &["old=1"]),
        (&["f"], "/x/y/z", &["x/", "x/y/", "x/y/z=1"]),
        (&["f"], "/there/y/z/", &["there/ 711 5:5 @7", "there/y/", "there/y/z/", "there/y/z/f=1"]),
        (&["./f"], "/x", &["x=1"]),
        (&["../../f"], "/x", &["x=1"]),
        (&["/d/../f/"], "/x", &["x=1"]),
        (&["f", "d/a"], "/x/", &["x/", "x/a=2 600", "x/f=1"]),
        (&["f", "d/a"], "/there", &["there/ 711 5:5 @7", "there/a=2 600", "there/f=1"]),
    ] {
        assert_eq!(lines(&copy(sources, destination), TREE, base), want, "{sources:?} {destination}");
    }
}

#[test]
fn several_sources_without_a_directory_replace_one_another() {
    for (sources, want) in [(&["f", "d/a"][..], "x=2"), (&["f*"], "x=3")] {
        assert_eq!(lines(&copy(sources, "/x"), &["f=1", "d/", "d/a=2", "fg=3"], &[]), [want], "{sources:?}");
    }
    let said = error(&copy(&["f", "d"], "/x"), &["f=1", "d/", "d/a=2"], &[]);
    assert_eq!(said, "cannot copy to non-directory: /x");
    // A directory that comes first makes one.
    assert_eq!(lines(&copy(&["d", "f"], "/x"), TREE, &[]), ["x/", "x/a=2 600", "x/f=1", "x/s/", "x/s/b=3"]);
}

#[test]
fn a_directory_is_copied_without_itself() {
    let contents = |top: &str| {
        [top, "x/a=2 600", "x/s/", "x/s/b=3"]
            .iter()
            .filter(|l| !l.is_empty())
            .map(|l| l.to_string())
            .collect::<Vec<_>>()
    };
    for source in ["d", "d/", "/d", "./d/."] {
        // The new directory does not have the source's mode.
        assert_eq!(lines(&copy(&[source], "/x"), TREE, &[]), contents("x/"), "{source}");
        assert_eq!(lines(&copy(&[source], "/x/"), TREE, &[]), contents("x/"), "{source}");
        // An existing one keeps all that it has.
        assert_eq!(lines(&copy(&[source], "/x"), TREE, &["x/ 700 1:2 @9"]), contents("x/ 700 1:2 @9"));
    }
    assert_eq!(lines(&copy(&["."], "/"), &["a=1", "b/"], &[]), ["a=1", "b/"]);
    assert_eq!(lines(&copy(&["b"], "/new"), &["b/"], &[]), ["new/"]);
    assert_eq!(lines(&copy(&["b"], "/old"), &["b/"], &["old/"]), [""; 0]);
}

#[test]
fn nested_directories_take_the_sources_metadata_and_files_replace_files() {
    let base = &["x/ 711", "x/s/ 777 4:4 @4", "x/s/old=5", "x/s/b=0 777"];
    let source = &["d/", "d/s/ 750 @8", "d/s/b=3 640"];
    assert_eq!(lines(&copy(&["d"], "/x"), source, base), ["x/ 711", "x/s/ 750 @8", "x/s/b=3 640"]);
    assert_eq!(lines(&copy(&["d"], "/x"), &["d/", "d/s->t"], &["x/", "x/s=1"]), ["x/", "x/s->t"]);
}

#[test]
fn a_file_never_replaces_a_directory_nor_a_directory_a_file() {
    let file_over = "cannot replace to directory";
    let directory_over = "cannot copy to non-directory";
    for (sources, destination, source, base, want) in [
        (&["d"][..], "/x", &["d/", "d/s=1"][..], &["x/", "x/s/"][..], file_over),
        (&["f"], "/x/", &["f=1"], &["x/", "x/f/"], file_over),
        (&["d"], "/x", &["d/", "d/s/"], &["x/", "x/s=1"], directory_over),
        (&["d"], "/x", &["d/", "d/s/"], &["x/", "x/s->t", "x/t/"], directory_over),
        (&["d"], "/x", &["d/a=1"], &["x=1"], directory_over),
        (&["f"], "/x/y", &["f=1"], &["x=1"], "/x: not a directory"),
        (&["d", "e"], "/x/", &["d/", "d/s=1", "e/", "e/s/"], &[], directory_over),
        (&["d", "e"], "/x/", &["d/", "d/s/", "e/", "e/s=1"], &[], file_over),
    ] {
        let said = error(&copy(sources, destination), source, base);
        assert!(said.contains(want), "{sources:?} {destination}: {said}");
    }
}

#[test]
fn wildcards_match_names_and_a_matched_directory_gives_its_contents() {
    let source = &["a.go=1", "b.go=2", "c.txt=3", "d.go/", "d.go/in=4", "s/x.go=5", "[b]=6"];
    for (pattern, want) in [
        ("*.txt", &["x/", "x/c.txt=3"][..]),
        ("?.go", &["x/", "x/a.go=1", "x/b.go=2", "x/in=4"]),
        ("[ab].go", &["x/", "x/a.go=1", "x/b.go=2"]),
        ("*/x.go", &["x/", "x/x.go=5"]),
        ("s/*", &["x/", "x/x.go=5"]),
        (r"*[b\]]", &["x/", "x/[b]=6"]),
        ("[[]b]", &["x/", "x/[b]=6"]),
        ("**.txt", &["x/", "x/c.txt=3"]),
        ("*.none", &[]),
        ("s/none*", &[]),
        ("c.txt/*", &[]),
    ] {
        assert_eq!(lines(&copy(&[pattern], "/x/"), source, &[]), want, "{pattern}");
    }
    assert!(error(&copy(&["[a"], "/x/"), source, &[]).contains("syntax error in pattern"));
}

#[test]
fn no_match_is_told_and_a_missing_path_is_an_error_with_names_like_it() {
    let selection = select(&copy(&["*.none", "f"], "/x/"), &stack(TREE)).unwrap();
    assert_eq!(selection.unmatched.iter().map(|u| u.pattern.as_str()).collect::<Vec<_>>(), ["*.none"]);
    let source = &["package.json=1", "src/", "src/main.go=2"];
    for (path, want) in [
        ("pakage.json", "\"/pakage.json\": not found; did you mean \"/package.json\"?"),
        ("Src/main.go", "\"/Src/main.go\": not found; did you mean \"/src/main.go\"?"),
        ("src/mian.go", "\"/src/mian.go\": not found; did you mean \"/src/main.go\"?"),
        ("nothing/like/it", "\"/nothing/like/it\": not found"),
        ("package.json/x", "\"/package.json/x\": not found"),
        (r"pack\age.json", "\"/pack\\\\age.json\": not found; did you mean \"/package.json\"?"),
    ] {
        assert_eq!(error(&copy(&[path], "/x/"), source, &[]), want);
    }
}

#[test]
fn a_source_that_is_a_link_is_followed_and_links_inside_stay() {
    let source =
        &["real/", "real/f=1", "real/in->f", "l->real", "up->../../real/f", "abs->/real", "no->gone", "o->o"];
    assert_eq!(lines(&copy(&["l"], "/x"), source, &[]), ["x/", "x/f=1", "x/in->f"]);
    assert_eq!(lines(&copy(&["abs/f"], "/x"), source, &[]), ["x=1"]);
    // A followed file keeps the link's name.
    assert_eq!(lines(&copy(&["up"], "/x/"), source, &[]), ["x/", "x/up=1"]);
    assert_eq!(lines(&copy(&["l/*"], "/x/"), source, &[]), ["x/", "x/f=1", "x/in=1"]);
    assert!(error(&copy(&["no"], "/x/"), source, &[]).contains("a link to /gone, which does not exist"));
    assert!(error(&copy(&["o"], "/x/"), source, &[]).contains("too many levels"));
}

#[test]
fn links_in_the_destination_are_followed_inside_the_root() {
    let base =
        &["usr/", "usr/lib/", "lib->usr/lib", "esc->../../../usr", "file->usr/lib/t", "gone->new/place"];
    for (sources, destination, want) in [
        (&["f"][..], "/lib/", &["usr/", "usr/lib/", "usr/lib/f=1"][..]),
        (&["f"], "/lib", &["usr/", "usr/lib/", "usr/lib/f=1"]),
        (&["f"], "/lib/x/y", &["usr/", "usr/lib/", "usr/lib/x/", "usr/lib/x/y=1"]),
        (&["f"], "/esc/", &["usr/", "usr/f=1"]),
        (&["f"], "/file", &["usr/", "usr/lib/", "usr/lib/t=1"]),
        (&["e"], "/lib", &["usr/", "usr/lib/", "usr/lib/c=4"]),
        (&["e"], "/gone/", &["new/", "new/place/", "new/place/c=4"]),
    ] {
        assert_eq!(lines(&copy(sources, destination), TREE, base), want, "{sources:?} {destination}");
    }
    // A link that an earlier source wrote counts like any other.
    let source = &["one/", "one/to->/real", "f=1"];
    let mut twice = copy(&["one"], "/");
    assert_eq!(lines(&twice, source, &["real/"]), ["to->/real"]);
    twice = copy(&["f"], "/to/");
    assert_eq!(lines(&twice, source, &["real/", "to->/real"]), ["real/", "real/f=1"]);
    // One that leads nowhere does not become a directory because there are two sources.
    assert_eq!(lines(&copy(&["c", "d"], "/c"), &["c=1", "d=2"], &["c->x"]), ["x=2"]);
}

#[test]
fn owners_and_modes_are_those_asked_for() {
    let source = &["d/ 700", "d/f=1 4600 3:3", "d/s/ 2770 3:3", "d/l->f 3:3", "d/p| 600 3:3"];
    let mut plain = copy(&["d"], "/n/x");
    let kept = ["n/", "n/x/", "n/x/f=1 4600 3:3", "n/x/l->f 3:3", "n/x/p| 600 3:3", "n/x/s/ 2770 3:3"];
    assert_eq!(lines(&plain, source, &[]), kept);
    let owner = Some(Owner { uid: 7, gid: 8 });
    let drawn = |copy: &Copy, owner| draw(&placed_with(copy, source, &[], owner, &Archives::new()).unwrap());
    assert_eq!(
        drawn(&plain, owner),
        ["n/ 7:8", "n/x/ 7:8", "n/x/f=1 4600 7:8", "n/x/l->f 7:8", "n/x/p| 600 7:8", "n/x/s/ 2770 7:8"]
    );
    // COMPAT: octal bits below 01000 are the mode of new parents too.
    plain.mode = Some("4711".parse().unwrap());
    assert_eq!(
        drawn(&plain, None),
        ["n/ 711", "n/x/ 711", "n/x/f=1 4711 3:3", "n/x/l->f 3:3", "n/x/p| 4711 3:3", "n/x/s/ 4711 3:3"]
    );
    plain.mode = Some("u=rwX,go=rX".parse().unwrap());
    let symbolic = drawn(&plain, None);
    assert_eq!(symbolic[..2], ["n/", "n/x/"]);
    assert_eq!(symbolic[2], "n/x/f=1 3:3");
    assert_eq!(symbolic[5], "n/x/s/ 3:3");
}

#[test]
fn new_directories_keep_the_sources_time_only_where_times_are_kept() {
    let source = &["d/ @50", "d/f=1 @60"];
    let mut copy = copy(&["d"], "/n/x");
    assert_eq!(lines(&copy, source, &[]), ["n/", "n/x/", "n/x/f=1 @60"]);
    copy.epoch = None;
    assert_eq!(lines(&copy, source, &[]), ["n/", "n/x/ @50", "n/x/f=1 @60"]);
}

#[test]
fn names_of_one_file_stay_one_file_within_one_source() {
    let source = &["d/a=1", "d/b==d/a", "z==d/a", "y==d/a"];
    assert_eq!(lines(&copy(&["d"], "/x"), source, &[]), ["x/", "x/a=1", "x/b==x/a"]);
    assert_eq!(lines(&copy(&["."], "/"), source, &[])[1..], ["d/a=1", "d/b==d/a", "y==d/a", "z==d/a"]);
    assert_eq!(lines(&copy(&["y", "z"], "/x/"), source, &[]), ["x/", "x/y=1", "x/z=1"]);
    // The file that others are links to was replaced: the next name is the file.
    let source = &["d/a=1", "d/b==d/a", "d/c==d/a", "e/a=2"];
    assert_eq!(lines(&copy(&["d", "e"], "/x/"), source, &[]), ["x/", "x/a=2", "x/b=1", "x/c==x/b"]);
}

#[test]
fn a_linked_copy_knows_nothing_of_what_it_lies_on() {
    let base = &["usr/", "lib->usr", "x/ 700 1:1"];
    let mut copy = copy(&["f"], "/lib/x/");
    copy.link = true;
    assert_eq!(lines(&copy, TREE, base), ["lib/", "lib/x/", "lib/x/f=1"]);
    copy.destination = "/x/".to_string();
    assert_eq!(lines(&copy, TREE, base), ["x/", "x/f=1"]);
}

#[test]
fn here_documents_are_files_of_roots() {
    let inline =
        |name: &str, content: &str| CopySource::Inline { name: name.into(), content: content.into() };
    let mut copy = copy(&["f"], "/x/");
    copy.sources.push(inline("one", "text"));
    copy.sources.push(inline("f", "later"));
    assert_eq!(lines(&copy, TREE, &[]), ["x/", "x/f=later", "x/one=text"]);
    copy.sources = vec![inline("one", "text")];
    copy.destination = "/etc/conf".to_string();
    copy.mode = Some("755".parse().unwrap());
    assert_eq!(lines(&copy, &[], &[]), ["etc/", "etc/conf=text 755"]);
}

#[test]
fn a_name_that_would_be_a_whiteout_is_refused() {
    let said = error(&copy(&["d"], "/x"), &["d/.wh.f=1"], &[]);
    assert!(said.contains("/x/.wh.f") && said.contains(".wh."), "{said}");
}
