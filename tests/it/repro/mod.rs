//! `rbuild repro` and `rbuild diff`: which line is to blame, and where two images differ.

mod images;
mod runs;

use serde_json::Value;

use crate::e2e::{Said, Workshop};

/// The report, and the exit code that it came with.
#[track_caller]
fn report(said: &Said) -> (i32, Value) {
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    let report = serde_json::from_slice(&said.stdout);
    let report = report.unwrap_or_else(|e| panic!("{e}: {}\n{}", said.out(), said.stderr));
    (said.code.expect("it exits"), report)
}

/// `rbuild repro --json` of a Dockerfile.
#[track_caller]
fn repro(shop: &Workshop, dockerfile: &str, args: &[&str]) -> (i32, Value) {
    shop.write("Dockerfile", dockerfile);
    let context = shop.context().display().to_string();
    report(&shop.rbuild(&[&["repro", "--json"], args, &[&context]].concat()))
}

/// The paths of a list of differences, each with the rule that explains it.
fn paths(differences: &Value) -> Vec<(&str, &str)> {
    let list = differences.as_array().expect("a list");
    list.iter()
        .map(|d| (d["path"].as_str().expect("a path"), d["cause"]["rule"].as_str().unwrap_or("-")))
        .collect()
}

/// What each RUN came to.
fn results(report: &Value) -> Vec<&str> {
    let runs = report["runs"].as_array().expect("a list");
    runs.iter().map(|run| run["result"].as_str().expect("a word")).collect()
}
