//! Every folder of `testdata/plan`: a Dockerfile, and the plan or the error that it comes to.
//!
//! `RBUILD_BLESS=1` writes the files `expected` anew; read the difference before keeping it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::plan_case::run;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/plan");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).expect("testdata/plan").map(|entry| entry.expect("a folder").path()).collect();
    cases.sort();
    cases
}

#[test]
fn every_case_comes_to_what_is_expected() {
    let bless = std::env::var_os("RBUILD_BLESS").is_some();
    let cases = cases();
    assert!(cases.len() > 60, "the scan found only {} cases: it is broken", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let got = run(case);
        let file = case.join("expected");
        if bless {
            fs::write(&file, &got).expect("testdata can be written");
        }
        let want = fs::read_to_string(&file).unwrap_or_default();
        if got != want {
            wrong.push(format!("--- {}\n{}", case.display(), difference(&want, &got)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_case_says_in_its_first_line_what_it_shows() {
    for case in cases() {
        let text = fs::read_to_string(case.join("Dockerfile")).expect("a Dockerfile");
        let comment = text
            .lines()
            .find(|line| !["# escape=", "# syntax=", "# check="].iter().any(|name| line.starts_with(name)))
            .unwrap_or_default();
        assert!(comment.starts_with("# ") && comment.len() > 10, "{}: {comment:?}", case.display());
    }
}

#[test]
fn planning_the_same_twice_gives_the_same() {
    for case in cases() {
        assert_eq!(run(&case), run(&case), "{}", case.display());
    }
}

fn difference(want: &str, got: &str) -> String {
    let missing = want.lines().filter(|line| !got.lines().any(|other| other == *line));
    let new = got.lines().filter(|line| !want.lines().any(|other| other == *line));
    let all: Vec<String> = missing.map(|l| format!("-{l}")).chain(new.map(|l| format!("+{l}"))).collect();
    if all.is_empty() { "the lines are the same in another order".to_string() } else { all.join("\n") }
}
