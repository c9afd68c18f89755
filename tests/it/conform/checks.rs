//! Build checks: what is told, what is skipped, and what stops a build.

use super::case::fill;
use crate::e2e::Workshop;

/// What a build of a context with one file and an ignore file says, and whether it succeeds.
fn said(ignore: &str, dockerfile: &str, args: &[&str]) -> (bool, String) {
    let shop = Workshop::bare();
    let ignore = format!(".dockerignore={ignore}");
    let context = fill(&shop, &["f=1", "g=2", &ignore]);
    let file = shop.write_at("Dockerfile.checked", dockerfile).display().to_string();
    let mut all = vec!["build", "-f", &file];
    all.extend_from_slice(args);
    all.push(&context);
    let said = shop.rbuild(&all);
    (said.code == Some(0), said.stderr)
}

#[test]
fn error_true_stops_a_build_that_a_rule_speaks_in_before_its_first_step() {
    let text = "# check=error=true\nFROM scratch as a\nCOPY f /\n";
    let (done, told) = said("", text, &[]);
    assert!(!done && told.contains("lint violation found for rules: FromAsCasing"), "{told}");
    assert!(told.contains("keywords' casing do not match (line 2)") && !told.contains("] COPY f"), "{told}");
    assert!(said("", text, &["--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=all;error=true"]).0);
    assert!(
        said("", text, &["--build-arg", "BUILDKIT_DOCKERFILE_CHECK="]).0,
        "an empty one asks for nothing"
    );
    let (done, told) = said("", text, &["--build-arg", "BUILDKIT_DOCKERFILE_CHECK=error"]);
    assert!(!done && told.contains("invalid check option \"error\""), "{told}");
    // Only what is planned speaks: the first stage is not reached.
    let unreached = "# check=error=true\nFROM scratch AS a\nENV A b\nFROM scratch\nCOPY f /\n";
    assert!(said("", unreached, &[]).0);
}

#[test]
fn a_copy_of_what_the_ignore_file_leaves_out_is_told() {
    let rule = "CopyIgnoredFile: Attempting to Copy file \"f\" that is excluded by .dockerignore (line 2)";
    let (done, told) = said("f", "FROM scratch\nCOPY ./f /\n", &[]);
    assert!(!done && told.contains("not found") && told.contains(rule), "{told}");
    let (done, told) = said("f", "FROM scratch\nCOPY f* /\nADD g /\n", &[]);
    assert!(done && !told.contains("CopyIgnoredFile"), "a pattern is no file\n{told}");
    let (_, told) = said("f", "FROM scratch\n# check=skip=CopyIgnoredFile\nCOPY f /\n", &[]);
    assert!(!told.contains("CopyIgnoredFile:"), "{told}");
    let (_, told) = said("*\n!g", "FROM scratch\nCOPY f /\n", &[]);
    assert!(!told.contains("CopyIgnoredFile"), "{told}");
    assert!(!said("*", "# check=error=true\nFROM scratch\nCOPY . /\n", &[]).0);
    let (done, told) = said("f", "FROM scratch AS a\nCOPY g /f\nFROM scratch\nCOPY --from=a f /\n", &[]);
    assert!(done && !told.contains("CopyIgnoredFile"), "a stage has no ignore file\n{told}");
}

#[test]
fn a_check_tells_what_it_found_and_does_nothing_else() {
    let shop = Workshop::bare();
    let context = fill(&shop, &["f=1", ".dockerignore=f\n"]);
    let check = |dockerfile: &str, args: &[&str]| {
        let file = shop.write_at("Dockerfile.checked", dockerfile).display().to_string();
        let mut all = vec!["build", "-f", &file, "-t", "checked"];
        all.extend_from_slice(args);
        all.push(&context);
        let said = shop.rbuild(&all);
        (said.code, said.stdout, said.stderr)
    };
    // The first step would fail, the second needs a file that is not there.
    let text =
        "FROM scratch as a\nRUN false\n# check=skip=CopyIgnoredFile\nCOPY f /\nCOPY f /g\nCMD run it\n";
    let kept = shop.write_at("id", "of an earlier build").display().to_string();
    for method in ["--check", "--check=true", "--call=check", "--call=lint"] {
        let (code, out, told) = check(text, &[method, "--iidfile", &kept]);
        let out = String::from_utf8(out).unwrap();
        assert_eq!(code, Some(1), "{told}");
        let head = "WARNING: FromAsCasing - https://docs.docker.com/go/dockerfile/rule/from-as-casing/\n";
        assert!(out.starts_with(head) && out.contains("\n   1 | >>> FROM scratch as a\n"), "{out}");
        let rules: Vec<&str> =
            out.lines().filter_map(|line| line.strip_prefix("WARNING: ")?.split(' ').next()).collect();
        assert_eq!(rules, ["FromAsCasing", "CopyIgnoredFile", "JSONArgsRecommended"], "{out}");
        assert!(out.ends_with("\nCheck complete, 3 warnings have been found!\n"), "{out}");
        assert!(!told.contains("warnings found") && !told.contains("] RUN"), "{told}");
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "of an earlier build");
    assert!(!shop.rbuild(&["images"]).out().contains("checked"));
    let (code, out, _) =
        check(text, &["--check", "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=all;error=true"]);
    assert_eq!((code, out.as_slice()), (Some(0), &b"Check complete, no warnings found.\n"[..]));
    let (code, out, told) = check("FROM scratch\nCOPPY f /\n", &["--check"]);
    assert!(code == Some(1) && out.is_empty() && told.contains("unknown instruction: COPPY"), "{told}");
    let (_, _, told) = check(text, &["--check=false"]);
    assert!(told.contains("] RUN false"), "{told}");
    let (code, _, told) = check(text, &["--call=outline"]);
    assert!(code == Some(1) && told.contains("--call outline: only build and check are supported"), "{told}");
}
