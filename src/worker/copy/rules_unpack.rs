//! The rules of ADD with an archive, and of WORKDIR, row by row.

use super::directory::make_directory;
use super::drawn::{copy, draw, layer, placed_with, stack};
use super::error::Error;
use super::owner::Owner;
use super::place::{Archives, place};
use super::placed::Placed;
use super::select::select;
use crate::graph::{Copy, MakeDirectory, Unpack};
use crate::oci::LAYER_EPOCH;
use crate::tree::Stack;

/// ADD of the sources, in which files called `*.tar` are archives that hold these members.
fn add(
    copy: &Copy,
    archives: &[(&str, &[&str])],
    base: &Stack,
    owner: Option<Owner>,
) -> Result<Vec<Placed>, Error> {
    let files: Vec<String> = archives.iter().map(|(name, _)| format!("{name}=t")).collect();
    let lines: Vec<&str> = files.iter().map(String::as_str).chain(["plain=p"]).collect();
    let source = stack(&lines);
    let selection = select(copy, &source)?;
    let found: Archives = selection
        .archive_candidates(Unpack::Local)
        .into_iter()
        .filter_map(|place| {
            let entry = &source.layers()[place.layer][place.index];
            let (_, members) = archives.iter().find(|(name, _)| entry.path.name() == name.as_bytes())?;
            Some((place, layer(members)))
        })
        .collect();
    place(copy, selection, base, owner, &found).map(|layer| layer.entries)
}

fn added(destination: &str, members: &[&str], base: &[&str]) -> Result<Vec<String>, String> {
    let copy = copy(&["a.tar"], destination);
    add(&copy, &[("a.tar", members)], &stack(base), None).map(|p| draw(&p)).map_err(|e| e.to_string())
}

#[test]
fn an_archive_is_unpacked_below_the_destination_with_its_own_owners_and_modes() {
    let members = &["./ 700 5:6", "bin/ 711 1:2", "bin/sh=s 4755 3:4", "bin/l->sh", "dev/p|", "deep/er/f=1"];
    let want = [
        "x/ 700 5:6",
        "x/bin/ 711 1:2",
        "x/bin/l->sh",
        "x/bin/sh=s 4755 3:4",
        "x/deep/",
        "x/deep/er/",
        "x/deep/er/f=1",
        "x/dev/",
        "x/dev/p|",
    ];
    // With or without a slash the destination is a directory.
    assert_eq!(added("/x", members, &[]).unwrap(), want);
    assert_eq!(added("/x/", members, &[]).unwrap(), want);
    assert_eq!(added("/", &["./ 700 5:6", "a=1"], &[]).unwrap(), ["a=1"], "the root has no entry");
    assert_eq!(added("/x", &["./ 700"], &["x/ 711 1:1", "x/f=1"]).unwrap(), ["x/ 700"]);
    assert!(added("/x", members, &["x=1"]).unwrap_err().contains("not a directory"));
}

#[test]
fn times_of_an_archive_are_clamped_and_chown_is_for_all_of_it() {
    let mut copy = copy(&["a.tar"], "/x/");
    copy.mode = Some("600".parse().unwrap());
    let members: &[&str] = &["old=1 @5", "new=2 @999999999 1:1"];
    let drawn = |copy: &Copy, owner| draw(&add(copy, &[("a.tar", members)], &stack(&[]), owner).unwrap());
    assert_eq!(drawn(&copy, None), ["x/", "x/new=2 1:1", "x/old=1 @5"], "--chmod is not for archives");
    let owner = Some(Owner { uid: 7, gid: 8 });
    assert_eq!(drawn(&copy, owner), ["x/ 7:8", "x/new=2 7:8", "x/old=1 7:8 @5"]);
    let implied = add(&copy, &[("a.tar", &["d/e/f=1"])], &stack(&[]), owner).unwrap();
    assert_eq!(
        draw(&implied),
        ["x/ 7:8", "x/d/", "x/d/e/", "x/d/e/f=1 7:8"],
        "what only names tell of is root's"
    );
    copy.epoch = None;
    assert_eq!(drawn(&copy, None)[1], "x/new=2 1:1 @999999999");
}

#[test]
fn members_replace_what_is_in_the_way_and_directories_merge() {
    let base = &["x/", "x/d/ 700 9:9", "x/d/kept=0", "x/f=0", "x/t/", "x/t/lost=0", "real/", "x/l->/real"];
    let got = added("/x", &["d/ 750 1:1", "d/n=1", "f/", "f/n=2", "t=3"], base).unwrap();
    assert_eq!(got, ["x/", "x/d/ 750 1:1", "x/d/n=1", "x/f/", "x/f/n=2", "x/t=3"]);
    // What was something else before in the same archive keeps nothing of the destination.
    let got = added("/x", &["d// 750 1:1", "d/n=1"], base).unwrap();
    assert_eq!(got, ["x/", "x/d/ 750 1:1", "x/d/kept!", "x/d/n=1"]);
    assert_eq!(added("/x", &["f//", "f/n=2"], base).unwrap(), ["x/", "x/f/", "x/f/n=2"]);
    // Where the archive has no member for a directory, a link of the image is followed; where it has, it is replaced.
    assert_eq!(added("/x", &["l/n=1"], base).unwrap(), ["real/", "real/n=1"]);
    assert_eq!(added("/x", &["l/", "l/n=1"], base).unwrap(), ["x/", "x/l/", "x/l/n=1"]);
}

#[test]
fn what_was_replaced_does_not_come_back_under_a_later_archive() {
    let base = stack(&["x/", "x/t/", "x/t/lost=0", "x/t/s/", "x/t/s/deep=0"]);
    let copy = copy(&["a.tar", "b.tar"], "/x/");
    let second: &[&str] = &["t/", "t/s/", "t/s/new=2"];
    let placed = add(&copy, &[("a.tar", &["t=1"]), ("b.tar", second)], &base, None).unwrap();
    assert_eq!(draw(&placed), ["x/", "x/t/", "x/t/lost!", "x/t/s/", "x/t/s/deep!", "x/t/s/new=2"]);
    let entries: Vec<_> = placed.into_iter().map(|placed| placed.entry).collect();
    let after = base.push(entries.into());
    let left: Vec<String> =
        after.walk(&super::drawn::path("x/t")).map(|n| n.entry.path.to_string()).collect();
    assert_eq!(left, ["/x/t", "/x/t/s", "/x/t/s/new"]);
}

#[test]
fn links_in_an_archive_never_lead_out_of_the_image() {
    let base = &["x/", "etc/"];
    // A member below a link that the archive itself has.
    let copy = copy(&["a.tar", "b.tar"], "/x/");
    let archives: &[(&str, &[&str])] = &[("a.tar", &["up->../../../etc"]), ("b.tar", &["up/passwd=1"])];
    let placed = add(&copy, archives, &stack(base), None).unwrap();
    assert_eq!(draw(&placed), ["etc/", "etc/passwd=1", "x/", "x/up->../../../etc"]);
    assert_eq!(added("/x", &["b=1", "a==b"], base).unwrap(), ["x/", "x/a=1", "x/b==x/a"]);
    for members in [&["a==none"][..], &["l->t", "a==l"], &["d/", "a==d"]] {
        assert!(added("/x", members, base).unwrap_err().contains("hard link"), "{members:?}");
    }
    assert!(added("/x", &["d/", "d/gone!"], base).unwrap_err().contains(".wh."));
}

#[test]
fn a_file_that_is_no_archive_is_copied_and_both_go_into_one_directory() {
    let copy = copy(&["a.tar", "plain"], "/x/");
    let placed = add(&copy, &[("a.tar", &["in=1"])], &stack(&[]), None).unwrap();
    assert_eq!(draw(&placed), ["x/", "x/in=1", "x/plain=p"]);
    // Without the slash a file must not become what an archive made a directory.
    let copy = self::copy(&["plain", "a.tar"], "/x");
    assert!(add(&copy, &[("a.tar", &["in=1"])], &stack(&[]), None).is_err());
    assert!(placed_with(&self::copy(&["a.tar"], "/x"), &["a.tar=t"], &[], None, &Archives::new()).is_ok());
}

fn made(path: &str, base: &[&str]) -> Result<Vec<String>, String> {
    let operation = MakeDirectory { path: path.to_string(), user: String::new(), epoch: LAYER_EPOCH };
    let entries = make_directory(&operation, &stack(base), Owner { uid: 5, gid: 6 });
    let placed = |entry| Placed { entry, content: super::placed::Content::None };
    entries
        .map(|entries| draw(&entries.into_iter().map(placed).collect::<Vec<_>>()))
        .map_err(|e| e.to_string())
}

#[test]
fn workdir_makes_what_is_missing_for_the_user_and_nothing_else() {
    assert_eq!(made("/a/b", &[]), Ok(vec!["a/ 5:6".into(), "a/b/ 5:6".into()]));
    assert_eq!(made("/a/b", &["a/ 700 @3"]), Ok(vec!["a/ 700 @3".into(), "a/b/ 5:6".into()]));
    assert_eq!(made("/a", &["a/"]), Ok(vec![]));
    assert_eq!(made("/", &[]), Ok(vec![]));
    assert_eq!(made("/l/b", &["l->../r", "r/"]), Ok(vec!["r/".into(), "r/b/ 5:6".into()]));
    assert_eq!(made("/l", &["l->r"]), Ok(vec!["r/ 5:6".into()]));
    assert!(made("/f/b", &["f=1"]).is_err());
    assert!(made("/f", &["f=1"]).is_err());
}
