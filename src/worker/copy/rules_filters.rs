//! The rules of `--exclude`, `--parents` and of digests, row by row.

use super::drawn::{copy, placed, stack};
use super::select::select;
use crate::graph::{ContextId, Copy, Input};
use crate::oci::Digest;

fn lines(copy: &Copy, source: &[&str]) -> Vec<String> {
    placed(copy, source, &[]).unwrap()
}

#[test]
fn excluded_paths_are_relative_to_each_source() {
    let source = &[
        "d1/",
        "d1/a.png=1",
        "d1/b.txt=2",
        "d1/s/ 700",
        "d1/s/c.png=3",
        "d1/s/d.txt=4",
        "d2/",
        "d2/e.png=5",
        "f.txt=6",
    ];
    for (sources, exclude, want) in [
        (&["d1"][..], &["*.png"][..], &["x/", "x/b.txt=2", "x/s/ 700", "x/s/c.png=3", "x/s/d.txt=4"][..]),
        (&["d1"], &["**/*.png"], &["x/", "x/b.txt=2", "x/s/ 700", "x/s/d.txt=4"]),
        (&["d1"], &["s"], &["x/", "x/a.png=1", "x/b.txt=2"]),
        (&["d1"], &["s", "!s/d.txt"], &["x/", "x/a.png=1", "x/b.txt=2", "x/s/ 700", "x/s/d.txt=4"]),
        (&["d*"], &["*.png", "s"], &["x/", "x/b.txt=2"]),
        (&["."], &["*/*.png", "d1/s"], &["x/", "x/d1/", "x/d1/b.txt=2", "x/d2/", "x/f.txt=6"]),
        (&["d1"], &["*"], &["x/"]),
        // Against the reference, which has `--exclude=*.txt hom*`.
        (&["*.txt", "d2"], &["*.txt", "e*"], &["x/", "x/f.txt=6"]),
    ] {
        let mut copy = copy(sources, "/x/");
        copy.exclude = exclude.iter().map(|p| p.to_string()).collect();
        assert_eq!(lines(&copy, source), want, "{sources:?} {exclude:?}");
    }
    let mut spares = copy(&["f.txt", "d2"], "/x/");
    spares.exclude = vec!["*.*".to_string()];
    assert_eq!(select(&spares, &stack(source)).unwrap().spared().collect::<Vec<_>>(), ["f.txt"]);
    let mut bad = copy(&["."], "/x/");
    bad.exclude = vec!["[".to_string()];
    assert!(placed(&bad, source, &[]).unwrap_err().contains("--exclude"));
}

const DEEP: &[&str] = &[
    "t/a/ 700",
    "t/a/b/c/d/foo=1",
    "t/a/b/c/d/e/bay=2",
    "t/a/b2/c/d/e/bar=3",
    "t/a/b/c2/d/e/baz=4",
    "t/a/b/c2/d/e2/baz=5",
];

#[test]
fn parents_are_kept_from_the_pivot_on() {
    for (sources, want) in [
        (
            &["t/a/b2"][..],
            &[
                "o/",
                "o/t/",
                "o/t/a/ 700",
                "o/t/a/b2/",
                "o/t/a/b2/c/",
                "o/t/a/b2/c/d/",
                "o/t/a/b2/c/d/e/",
                "o/t/a/b2/c/d/e/bar=3",
            ][..],
        ),
        (&["/t/a/b/./c/d"], &["o/", "o/c/", "o/c/d/", "o/c/d/e/", "o/c/d/e/bay=2", "o/c/d/foo=1"]),
        (&["/t/a/./b/./c/d/e"], &["o/", "o/b/", "o/b/c/", "o/b/c/d/", "o/b/c/d/e/", "o/b/c/d/e/bay=2"]),
        (
            &["/t/a/./*/c/d/e"],
            &[
                "o/",
                "o/b/",
                "o/b/c/",
                "o/b/c/d/",
                "o/b/c/d/e/",
                "o/b/c/d/e/bay=2",
                "o/b2/",
                "o/b2/c/",
                "o/b2/c/d/",
                "o/b2/c/d/e/",
                "o/b2/c/d/e/bar=3",
            ],
        ),
        (&["/t/a/b*/./c/**/e"], &["o/", "o/c/", "o/c/d/", "o/c/d/e/", "o/c/d/e/bar=3", "o/c/d/e/bay=2"]),
        (
            &["/t/a/b/c*/./d/**/baz", "/t/a/b*/./c/**/bar"],
            &[
                "o/",
                "o/c/",
                "o/c/d/",
                "o/c/d/e/",
                "o/c/d/e/bar=3",
                "o/d/",
                "o/d/e/",
                "o/d/e/baz=4",
                "o/d/e2/",
                "o/d/e2/baz=5",
            ],
        ),
        (&["/t/a/b2*/x"], &["o/"]),
        (&["/t/a/b/./c9*"], &["o/"]),
    ] {
        let mut copy = copy(sources, "/o/");
        copy.parents = true;
        assert_eq!(lines(&copy, DEEP), want, "{sources:?}");
    }
}

#[test]
fn a_literal_path_with_parents_must_exist() {
    for path in ["/t/none", "/t/a/./none", "/none/./b"] {
        let mut copy = copy(&[path], "/o/");
        copy.parents = true;
        assert!(placed(&copy, DEEP, &[]).unwrap_err().contains("not found"), "{path}");
    }
    let mut none = copy(&["/t/a/x*"], "/o/");
    none.parents = true;
    assert_eq!(select(&none, &stack(DEEP)).unwrap().unmatched.len(), 1);
}

#[test]
fn a_link_with_parents_is_kept_and_only_in_a_context_must_it_lead_somewhere() {
    let source = &["c/", "c/dang->no", "c/loop->loop", "c/up->../c/d", "c/d/", "c/d/f=1"];
    for (path, want) in [
        ("/c/dang", &["o/", "o/c/", "o/c/dang->no"][..]),
        ("/c/loop", &["o/", "o/c/", "o/c/loop->loop"]),
        ("/c/./loop", &["o/", "o/loop->loop"]),
        ("/c/up", &["o/", "o/c/", "o/c/up->../c/d"]),
    ] {
        let mut copy = copy(&[path], "/o/");
        copy.parents = true;
        assert_eq!(lines(&copy, source), want, "{path}");
        copy.from = Input::Context(ContextId(0));
        let of_context = placed(&copy, source, &[]);
        assert_eq!(of_context.is_ok(), path == "/c/up", "{path}: {of_context:?}");
    }
    for path in ["/c/up/f", "/c/./up/f"] {
        let mut copy = copy(&[path], "/o/");
        copy.parents = true;
        let said = placed(&copy, source, &[]).unwrap_err();
        assert!(said.ends_with("--parents keeps is a link; write /c/d/f"), "{said}");
    }
    let mut pivot = copy(&["/c/up/./f"], "/o/");
    pivot.parents = true;
    assert_eq!(lines(&pivot, source), ["o/", "o/f=1"], "before the pivot links are followed");
    for path in ["/c/dang/x", "/c/loop/x", "/none", "/c/d/f/x"] {
        let mut copy = copy(&[path], "/o/");
        copy.parents = true;
        assert!(placed(&copy, source, &[]).is_err(), "{path}");
    }
}

#[test]
fn existing_parents_keep_their_owners_and_take_the_mode() {
    let mut copy = copy(&["t/a/b2"], "/");
    copy.parents = true;
    let got = placed(&copy, DEEP, &["t/ 711 1:1", "t/a/ 500 2:2"]).unwrap();
    assert_eq!(got[..3], ["t/ 1:1", "t/a/ 700 2:2", "t/a/b2/"]);
}

fn digest(copy: &Copy, source: &[&str]) -> Digest {
    select(copy, &stack(source)).unwrap().digest()
}

#[test]
fn every_field_of_what_is_selected_is_in_the_digest() {
    let copy = copy(&["d"], "/x/");
    let base = &["d/", "d/a=1", "d/b=1", "d/l->a"];
    let before = digest(&copy, base);
    for changed in [
        &["d/", "d/a=2", "d/b=1", "d/l->a"][..],
        &["d/", "d/a=1 600", "d/b=1", "d/l->a"],
        &["d/", "d/a=1 1:0", "d/b=1", "d/l->a"],
        &["d/", "d/a=1 0:1", "d/b=1", "d/l->a"],
        &["d/", "d/a=1 @9", "d/b=1", "d/l->a"],
        &["d/", "d/a=1", "d/b=1", "d/l->b"],
        &["d/", "d/a=1", "d/c=1", "d/l->a"],
        &["d/", "d/a=1", "d/b=1"],
        &["d/", "d/a=1", "d/b==d/a", "d/l->a"],
    ] {
        assert_ne!(before, digest(&copy, changed), "{changed:?}");
    }
}

#[test]
fn what_is_not_copied_is_not_in_the_digest() {
    let copy = copy(&["d"], "/x/");
    let before = digest(&copy, &["d/", "d/a=1"]);
    for same in [&["d/ 700 1:1 @8", "d/a=1"][..], &["d/", "d/a=1", "other=3"]] {
        assert_eq!(before, digest(&copy, same));
    }
    // Under another name the same contents are the same selection.
    assert_eq!(before, digest(&self::copy(&["e*"], "/x/"), &["elsewhere/", "elsewhere/a=1"]));
    // A file is called by its name.
    assert_ne!(
        digest(&self::copy(&["*a"], "/x/"), &["ba=1"]),
        digest(&self::copy(&["*a"], "/x/"), &["ca=1"])
    );
}
