//! Stages, targets and named contexts.

use super::Workshop;

#[test]
fn stages_that_the_target_does_not_reach_are_not_built() {
    let Some(shop) = Workshop::new() else { return };
    let (image, said) = shop.image_and_said(
        "FROM busybox AS used\nRUN echo used > /x\nFROM no-such-image:ever AS unused\nRUN exit 1\nFROM scratch\nCOPY --from=used /x /x\n",
        &[],
    );
    assert_eq!(image.text("x"), "used\n");
    said.never_says(&["no-such-image", "unused"])
        .says(&["[used 2/2] RUN echo used > /x", "[stage-2 1/1] COPY --from=used"]);
}

#[test]
fn the_target_is_a_name_in_any_case_or_a_number() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox AS Base\nENV WHICH=base\nFROM base AS middle\nENV WHICH=middle\nRUN exit 3\nFROM base\nENV WHICH=last\n";
    for (target, which) in [("base", "base"), ("BASE", "base"), ("0", "base"), ("2", "last")] {
        let image = shop.image(dockerfile, &["--target", target]);
        assert_eq!(image.env()[1], format!("WHICH={which}"), "{target}");
    }
    shop.again(&["--target", "middle"]).fails(&["exit code: 3", "Dockerfile:5"]);
    shop.again(&["--target", "midle"]).fails(&["midle", "did you mean", "middle"]);
    shop.again(&["--target", "7"]).fails(&["7"]);
}

#[test]
fn a_stage_begins_with_the_files_and_settings_of_the_stage_it_names() {
    let Some(shop) = Workshop::new() else { return };
    let image = shop.image(
        "FROM busybox AS a\nENV A=1\nWORKDIR /w\nUSER app\nRUN echo \"$A $(pwd) $(id -u)\" > /tmp/a\nFROM a AS b\nRUN echo \"$A $(pwd) $(id -u)\" > /tmp/b\nFROM b\nLABEL x=y\n",
        &[],
    );
    assert_eq!(image.text("tmp/b"), "1 /w 1000\n");
    assert_eq!(image.settings()["User"], "app");
    assert_eq!(image.layers.len(), 4);
}

#[test]
fn independent_stages_run_at_the_same_time() {
    let Some(shop) = Workshop::new() else { return };
    // Each waits for the other through a shared cache: one after the other would never end.
    let wait = |mine: &str, other: &str| {
        format!(
            "RUN --mount=type=cache,target=/c touch /c/{mine}; for i in $(seq 100); do test -e /c/{other} && exit 0; sleep 0.1; done; exit 1"
        )
    };
    let dockerfile = format!(
        "FROM busybox AS a\n{}\nFROM busybox AS b\n{}\nFROM scratch\nCOPY --from=a /etc/passwd /a\nCOPY --from=b /etc/passwd /b\n",
        wait("a", "b"),
        wait("b", "a")
    );
    let image = shop.image(&dockerfile, &[]);
    assert!(image.has("a") && image.has("b"));
}

#[test]
fn a_failure_cancels_the_others_and_is_said_once() {
    let Some(shop) = Workshop::new() else { return };
    let began = std::time::Instant::now();
    let said = shop
        .build(
            "FROM busybox AS slow\nRUN sleep 60\nFROM busybox AS bad\nRUN echo last words; sleep 0.3; exit 9\nFROM scratch\nCOPY --from=slow /etc/passwd /a\nCOPY --from=bad /etc/passwd /b\n",
            &[],
        )
        .fails(&["exit code: 9", "last words", "CANCELED", ">>> RUN echo last words"]);
    assert!(began.elapsed().as_secs() < 20);
    assert_eq!(said.stderr.matches("\nERROR").count(), 1, "{}", said.stderr);
}

#[test]
fn circles_and_forward_references_of_stages_are_named() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("FROM busybox AS a\nCOPY --from=b /x /x\nFROM busybox AS b\nCOPY --from=a /x /x\n", &[])
        .fails(&["b"]);
    shop.build("FROM busybox AS a\nCOPY --from=a /x /x\n", &[]).fails(&["circular", "a"]);
    shop.build("FROM busybox\nCOPY --from=5 / /x\n", &[]).fails(&["5", "Dockerfile:2"]);
    shop.build("FROM busybox AS build\nFROM busybox\nCOPY --from=biuld /x /x\n", &[]).fails(&[
        "biuld",
        "did you mean",
        "build",
    ]);
}

#[test]
fn a_named_context_can_be_a_directory_with_its_own_ignore_file() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("a.txt", "main");
    shop.write_at("named/a.txt", "named");
    shop.write_at("named/b.log", "ignored");
    shop.write_at("named/.dockerignore", "*.log\n");
    let context = format!("src={}", shop.arg("named"));
    let image = shop.image(
        "FROM busybox\nCOPY a.txt /main\nCOPY --from=src a.txt /named\nCOPY --from=src . /all/\nRUN --mount=from=src,target=/m cat /m/a.txt > /mounted\n",
        &["--build-context", &context],
    );
    assert_eq!(image.text("main"), "main");
    assert_eq!(image.text("named"), "named");
    assert_eq!(image.text("mounted"), "named");
    assert_eq!(image.below("all"), [".dockerignore", "a.txt"]);
}

#[test]
fn a_named_context_can_replace_an_image_or_a_stage() {
    let Some(shop) = Workshop::new() else { return };
    shop.write_at("replacement/x", "replaced");
    let image = shop.image(
        "FROM example.com/never/pulled:1 AS base\nRUN true\nFROM no-such-image AS stage\nRUN exit 1\nFROM base\nCOPY --from=stage /x /x\n",
        &[
            "--build-context",
            "example.com/never/pulled:1=docker-image://busybox",
            "--build-context",
            &format!("stage={}", shop.arg("replacement")),
        ],
    );
    assert_eq!(image.text("x"), "replaced");
    assert!(image.has("bin/busybox"));
}

#[test]
fn a_named_context_can_be_an_image_layout_by_tag_and_by_digest() {
    let Some(shop) = Workshop::new() else { return };
    let first = shop.image("FROM busybox\nENV N=1\n", &["-t", "lay:one"]);
    std::fs::rename(shop.at("image-out"), shop.at("layout")).expect("moved");
    // From here on the store knows nothing of it.
    let layout = shop.arg("layout");
    let empty = Workshop::bare();
    empty.write("Dockerfile", "FROM base\nRUN echo $N > /n\n");
    for (suffix, works) in [
        (String::new(), true),
        (":one".to_string(), true),
        (format!("@{}", first.digest), true),
        (":two".to_string(), false),
    ] {
        let context = format!("base=oci-layout://{layout}{suffix}");
        let said = empty.again(&["--build-context", &context]);
        if works {
            said.ok();
        } else {
            said.fails(&["two"]);
        }
    }
    let image = empty
        .image("FROM base\nRUN echo $N > /n\n", &["--build-context", &format!("base=oci-layout://{layout}")]);
    assert_eq!(image.text("n"), "1\n");
}

#[test]
fn no_cache_does_every_step_and_no_cache_filter_those_of_a_stage() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox AS a\nRUN echo in a$((1))\nFROM busybox\nRUN echo in last$((1))\nCOPY --from=a /etc/passwd /p\n";
    shop.build(dockerfile, &[]).ok().says(&[" in a1\n", " in last1\n"]);
    shop.again(&[]).ok().never_says(&[" in a1\n", " in last1\n"]);
    shop.again(&["--no-cache"]).ok().says(&[" in a1\n", " in last1\n"]);
    shop.again(&["--no-cache-filter", "a"]).ok().says(&[" in a1\n"]).never_says(&[" in last1\n"]);
}
