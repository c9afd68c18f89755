//! Bad input: one clear message, exit code 1, and nothing half-written.

use super::Workshop;

#[test]
fn an_unknown_instruction_or_flag_is_shown_with_what_was_meant() {
    let shop = Workshop::bare();
    shop.build("FROM scratch\n\nCPOY a /\n", &[]).fails(&[
        "CPOY",
        "did you mean COPY",
        ">>> CPOY a /",
        "Dockerfile:3",
    ]);
    shop.build("FROM scratch\nCOPY --chonw=1 a /\n", &[]).fails(&[
        "chonw",
        "did you mean",
        "chown",
        "Dockerfile:2",
    ]);
    shop.build("FROM scratch\nRUN --mount=type=bnid,target=/x true\n", &[]).fails(&[
        "bnid",
        "bind",
        "Dockerfile:2",
    ]);
    shop.build("FROM scratch\nRUN --mount=type=bind,trget=/x true\n", &[]).fails(&["trget", "target"]);
    shop.build("COPY a /\n", &[]).fails(&["FROM", "Dockerfile:1"]);
    shop.build("", &[]).fails(&["Dockerfile", "empty"]).never_says(&["-----"]);
    shop.build("FROM scratch\nENV A\n", &[]).fails(&["ENV", "Dockerfile:2"]);
    shop.build("FROM scratch\nCOPY a\n", &[]).fails(&["COPY", "Dockerfile:2"]);
    shop.build("FROM scratch\nRUN <<EOF\necho\n", &[]).fails(&["EOF", "Dockerfile:2"]);
    shop.build("FROM scratch\nCOPY ${A /x\n", &[]).fails(&["Dockerfile:2"]);
    shop.build("FROM scratch\nCMD [\"a\", 'b']\n", &[]).ok();
}

#[test]
fn the_excerpt_marks_every_line_of_the_instruction() {
    let Some(shop) = Workshop::new() else { return };
    shop.build(
        "FROM busybox\n# one\nRUN echo a && \\\n    # inner\n    echo b && \\\n    exit 3\nLABEL x=y\n",
        &[],
    )
    .fails(&[
        "Dockerfile:3",
        "   3 | >>> RUN echo a && \\",
        "   4 | >>>     # inner",
        "   6 | >>>     exit 3",
        "   7 |     LABEL x=y",
        "exit code: 3",
    ]);
}

#[test]
fn a_failing_command_is_reported_with_its_code_and_its_last_lines() {
    let Some(shop) = Workshop::new() else { return };
    let said = shop
        .build(
            "FROM busybox\nRUN for i in $(seq 100); do echo line-$i; done; echo to stderr >&2; exit 42\n",
            &[],
        )
        .fails(&["exit code: 42", "line-100\n", "to stderr", "Dockerfile:2"]);
    let tail = said.stderr.split("------\n").nth(1).expect("a box");
    assert!(tail.contains("line-95\n") && !tail.contains("line-80\n"), "{tail}");
    assert!(tail.contains("the whole output is in "), "{tail}");
    let log = said
        .stderr
        .split("the whole output is in ")
        .nth(1)
        .expect("a path")
        .split(')')
        .next()
        .expect("a path");
    let whole = std::fs::read_to_string(log).expect("the log is there");
    assert!(whole.contains("line-1\n") && whole.contains("to stderr"));
    shop.build("FROM busybox\nRUN no-such-program\n", &[]).fails(&[
        "exit code: 127",
        "no-such-program",
        "hint",
    ]);
    shop.build("FROM busybox\nRUN [\"/no/such\"]\n", &[]).fails(&["/no/such", "Dockerfile:2"]);
    shop.build("FROM busybox\nRUN sh -c 'kill -9 $$'; exit $?\n", &[]).fails(&["exit code: 137"]);
    shop.build("FROM scratch\nRUN true\n", &[]).fails(&["/bin/sh", "Dockerfile:2"]);
}

#[test]
fn a_reference_that_is_none_is_refused_before_anything_is_done() {
    let shop = Workshop::bare();
    shop.build("FROM UPPER/case:1\n", &[]).fails(&["UPPER/case", "Dockerfile:1"]);
    shop.build("FROM a@sha256:123\n", &[]).fails(&["a@sha256:123", "Dockerfile:1"]);
    shop.write("Dockerfile", "FROM scratch\n");
    for tag in ["Upper", "a:b:c", "a/", "-x", "a:-b", "a@sha256:0000"] {
        let context = shop.context().display().to_string();
        let tag_flag = format!("--tag={tag}");
        shop.rbuild(&["build", &tag_flag, &context]).fails(&[tag]);
    }
    shop.build("FROM ${NOTHING}\n", &[]).fails(&["NOTHING", "Dockerfile:1"]);
}

#[test]
fn flags_are_refused_by_name() {
    let shop = Workshop::bare();
    shop.write("Dockerfile", "FROM scratch\n");
    for (args, parts) in [
        (&["--push"][..], &["push", "--tag"][..]),
        (&["--attest", "type=sbom"], &["--attest"]),
        (&["--cache-from=type=gha"], &["--cache-from", "type=registry"]),
        (&["--squash"], &["--squash"]),
        (&["--platform", "linux/amd64,nonsense/a/b/c"], &["--platform", "nonsense/a/b/c"]),
        (&["--platform", "nonsense"], &["--platform", "nonsense"]),
        (&["--network", "bridge"], &["--network", "bridge"]),
        (&["--build-arg", "=x"], &["--build-arg"]),
        (&["--build-context", "x"], &["--build-context"]),
        (&["--build-context", "x=/no/such/place"], &["/no/such/place"]),
        (&["--output", "type=nonsense"], &["nonsense"]),
        (&["--output", "type=oci,bogus=1"], &["bogus"]),
        (&["-o", "-", "-o", "type=oci"], &["only one output", "standard output"]),
        (&["--secret", "nonsense"], &["--secret"]),
        (&["--progress", "loud"], &["--progress", "loud"]),
        (&["--jobs", "0"], &["--jobs"]),
        (&["--label", "=x"], &["--label"]),
    ] {
        let context = shop.context().display().to_string();
        let mut all = vec!["build"];
        all.extend_from_slice(args);
        all.push(&context);
        shop.rbuild(&all).fails(parts);
    }
    shop.again(&["--traget", "x"]).says_usage(&["--traget", "--target"]);
    shop.rbuild(&["build"]).says_usage(&["CONTEXT"]);
    shop.again(&["--rm", "--force-rm", "--provenance=false", "--sbom=false"]).ok();
}

#[test]
fn a_failed_build_leaves_no_name_and_the_next_one_is_fine() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("FROM busybox\nRUN echo first > /f\nRUN exit 1\n", &["-t", "failed"]).fails(&["exit code: 1"]);
    let images = shop.rbuild(&["images"]).ok().out();
    assert!(!images.contains("failed") && !images.contains("it:latest"), "{images}");
    shop.build("FROM busybox\nRUN echo first > /f\nRUN exit 0\n", &[]).ok().says(&["CACHED"]);
}
