//! Each RUN twice: what is the same, what is not, and whether the image would be another.

use serde_json::Value;

use super::{paths, repro, results};
use crate::e2e::Workshop;

#[test]
fn a_build_that_leaves_the_same_bytes_twice_is_reproducible() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("a", "content");
    let dockerfile = "FROM busybox\nCOPY a /\nRUN cat /a /a > /b && mkdir -p /d/e && chmod 700 /d\nRUN rm /a && ln -s b /c\n";
    // What came out the same is done a third time only if nothing is to be taken from memory.
    for (flags, remembered) in [(&[][..], false), (&[], true), (&["--no-cache"], false)] {
        let (code, report) = repro(&shop, dockerfile, flags);
        assert_eq!((code, report["verdict"].as_str()), (0, Some("reproducible")), "{flags:?}: {report:#}");
        let runs = report["runs"].as_array().expect("a list");
        assert_eq!(runs.len(), 2);
        for run in runs {
            assert_eq!(run["first"], run["second"]);
            assert_eq!(run["result"], if remembered { "remembered" } else { "same" }, "{flags:?}: {run:#}");
        }
    }
}

#[test]
fn the_line_that_is_to_blame_is_named_and_no_other() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox\nRUN echo fine > /fine\n\
                      RUN date +%s > /built \\\n && head -c 16 /dev/urandom > /key \\\n && echo same > /same\n\
                      RUN echo after > /after\n";
    let (code, report) = repro(&shop, dockerfile, &[]);
    assert_eq!((code, report["verdict"].as_str()), (1, Some("not reproducible")), "{report:#}");
    let runs = report["runs"].as_array().expect("a list");
    assert_eq!(results(&report), ["same", "different", "same"]);
    let step = &runs[1]["step"];
    assert_eq!(&runs[1]["reaches_image"], step, "its layer is one of the image's");
    assert_eq!((&step["line"], &step["last_line"]), (&3.into(), &5.into()));
    let found = paths(&runs[1]["differences"]);
    assert_eq!(found.iter().map(|(path, _)| *path).collect::<Vec<_>>(), ["/built", "/key"]);
    assert_eq!(runs[1]["differences"][1]["content"]["sizes"], serde_json::json!([16, 16]));
    // As text: the lines in their surroundings, both paths, the verdict last.
    let context = shop.context().display().to_string();
    let said = shop.rbuild(&["repro", "-q", &context]);
    let text = said.out();
    assert_eq!(said.code, Some(1));
    for part in ["Dockerfile:3\n", ">>> RUN date +%s > /built", "/built: ", "/key: ", "    6 |"] {
        assert!(text.contains(part.trim_start()), "{part:?} is not in\n{text}");
    }
    assert!(text.ends_with("\nnot reproducible: 1 of 3 RUNs differed, and so does the image\n"), "{text}");
}

#[test]
fn each_cause_is_named_with_its_remedy() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox\n\
        RUN mkdir -p /var/log/apt /app && date > /var/log/apt/history.log && echo \"built $(date)\" > /app/version\n\
        RUN mktemp /tmp/tmp.XXXXXX && head -c 16 /dev/urandom > /etc/machine-id && touch /app/b && tar -C / -cf /a.tar app\n";
    let (_, report) = repro(&shop, dockerfile, &[]);
    let found = |run: usize| paths(&report["runs"][run]["differences"]);
    assert_eq!(
        found(0),
        [("/app/version", "text-time"), ("/var/log/apt/history.log", "apt-log")],
        "{report:#}"
    );
    let second: Vec<&str> = found(1).iter().map(|(_, rule)| *rule).collect();
    assert_eq!(second, ["archive-time", "machine-id", "temporary-file", "temporary-file"], "{report:#}");
    let cause = &report["runs"][1]["differences"][0]["cause"];
    assert!(cause["fix"].as_str().unwrap().contains("--mtime=@$SOURCE_DATE_EPOCH"), "{cause:#}");
}

#[test]
fn each_run_is_compared_with_itself_alone() {
    let Some(shop) = Workshop::new() else { return };
    // The second copies what the first left, and is innocent; the third is not.
    let dockerfile =
        "FROM busybox\nRUN head -c 8 /dev/urandom > /a\nRUN cp /a /b\nRUN mktemp /tmp/tmp.XXXXXX\n";
    let (_, report) = repro(&shop, dockerfile, &[]);
    let runs = report["runs"].as_array().expect("a list");
    assert_eq!(results(&report), ["different", "same", "different"], "{report:#}");
    let left: Vec<&str> = runs[2]["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|d| d["in"].as_str().unwrap())
        .collect();
    assert!(left.contains(&"first") && left.contains(&"second"), "{left:?}");
}

#[test]
fn what_stays_in_another_stage_does_not_make_the_image_another() {
    let Some(shop) = Workshop::new() else { return };
    let stage = "FROM busybox AS build\nRUN echo program > /app && date +%s > /log\n";
    let (code, report) = repro(&shop, &format!("{stage}FROM scratch\nCOPY --from=build /app /\n"), &[]);
    assert_eq!((code, report["verdict"].as_str()), (0, Some("reproducible")), "{report:#}");
    assert_eq!(results(&report), ["different"]);
    assert_eq!(report["runs"][0]["reaches_image"], Value::Null);
    let (code, report) = repro(&shop, &format!("{stage}FROM scratch\nCOPY --from=build /log /\n"), &[]);
    assert_eq!((code, report["verdict"].as_str()), (1, Some("not reproducible")), "{report:#}");
    // Through a RUN that reads it, which is done with what the second time left.
    let reads = "FROM busybox\nRUN --mount=from=build,target=/m wc -c";
    let (code, report) = repro(&shop, &format!("{stage}{reads} < /m/app > /n\n"), &[]);
    assert_eq!((code, report["verdict"].as_str()), (0, Some("reproducible")), "{report:#}");
    let (code, _) = repro(&shop, &format!("{stage}{reads} < /m/log > /n && cat /m/log > /o\n"), &[]);
    assert_eq!(code, 1);
}

#[test]
fn of_several_stages_the_one_that_reaches_the_image_is_told_and_how() {
    let Some(shop) = Workshop::new() else { return };
    let stage =
        |name: &str| format!("FROM busybox AS {name}\nRUN head -c 8 /dev/urandom > /d; echo c > /const\n");
    let copy = "FROM scratch\nCOPY --from=a /const /a\nCOPY --from=b /d /b\nCOPY --from=c /const /c\n";
    let dockerfile = [stage("a"), stage("b"), stage("c"), copy.to_string()].concat();
    let (code, report) = repro(&shop, &dockerfile, &[]);
    assert_eq!((code, results(&report)), (1, vec!["different"; 3]));
    let reaches = |run: usize| &report["runs"][run]["reaches_image"];
    assert_eq!((reaches(0), reaches(2)), (&Value::Null, &Value::Null), "{report:#}");
    assert_eq!(reaches(1)["name"], "[stage-3 2/3] COPY --from=b /d /b", "{report:#}");
    let context = shop.context().display().to_string();
    let text = shop.rbuild(&["repro", "-q", &context]).out();
    assert_eq!(text.matches("; the image has nothing of it:").count(), 2, "{text}");
    assert!(text.contains("; that reaches the image through line 9, [stage-3 2/3] COPY"), "{text}");
}

#[test]
fn what_differs_by_itself_is_not_laid_to_a_line_before_it() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox AS a\nRUN date +%s > /log\nRUN head -c 8 /dev/urandom > /d\n\
                      FROM scratch\nCOPY --from=a /d /\n";
    let (code, report) = repro(&shop, dockerfile, &[]);
    assert_eq!((code, results(&report)), (1, vec!["different"; 2]));
    assert_eq!(report["runs"][0]["reaches_image"], Value::Null, "{report:#}");
    assert_eq!(report["runs"][1]["reaches_image"]["line"], 5, "{report:#}");
}

#[test]
fn right_after_a_build_the_second_time_is_another_second() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox\nRUN date +%s > /d\n";
    shop.build(dockerfile, &[]).ok();
    assert_eq!(repro(&shop, dockerfile, &[]).0, 1);
}

#[test]
fn what_a_build_never_does_at_once_is_not_done_at_once_the_second_time() {
    let Some(shop) = Workshop::new() else { return };
    // Each has the cache mount for itself, as it does in a build.
    let run = "RUN --mount=type=cache,target=/c mkdir /c/lock && sleep 0.3 && rmdir /c/lock\n";
    let (code, report) = repro(&shop, &format!("FROM busybox\n{run}{run}{run}"), &[]);
    assert_eq!((code, results(&report)), (0, vec!["same"; 3]), "{report:#}");
}

#[test]
fn what_only_one_time_touched_is_compared_with_what_lies_below() {
    let Some(shop) = Workshop::new() else { return };
    let once = "RUN --mount=type=cache,target=/c [ -e /c/1 ] || chmod 4755 /bin/busybox; \
                mkdir -p /usr/local/share/app; [ -e /c/1 ] || touch /usr/local/share/app/x; touch /c/1\n";
    let (code, report) = repro(&shop, &format!("FROM busybox\n{once}"), &[]);
    let differences = &report["runs"][0]["differences"];
    let found: Vec<(&str, &str)> = differences
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["path"].as_str().unwrap(), d["how"].as_str().unwrap()))
        .collect();
    let mode = ("/bin/busybox", "mode 4755 and 0755");
    let file = ("/usr/local/share/app/x", "a file, only in the first");
    assert_eq!((code, found), (1, vec![mode, file]), "{report:#}");
}

#[test]
fn a_cause_is_of_what_differs_and_not_of_a_path() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox\nRUN echo x > /etc/machine-id\n\
                      RUN chown $(($(date +%s) % 5000)) /etc/machine-id; date > /d; chmod 6$(date +%S | tail -c 2)0 /d 2> /dev/null; true\n";
    let (_, report) = repro(&shop, dockerfile, &[]);
    let found = paths(&report["runs"][1]["differences"]);
    assert!(found.contains(&("/etc/machine-id", "-")) && found.contains(&("/d", "text-time")), "{report:#}");
}

#[test]
fn a_reader_that_goes_away_does_not_change_the_verdict() {
    let Some(shop) = Workshop::new() else { return };
    shop.write("Dockerfile", "FROM busybox\nRUN head -c 8 /dev/urandom > /a\n");
    let mut command = shop.command();
    command.args(["repro", "--json"]).arg(shop.context());
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_run_that_fails_the_second_time_is_inconclusive() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox\nRUN --mount=type=cache,target=/c \
        if [ -e /c/once ]; then echo not again; exit 1; fi; touch /c/once; echo > /x\n";
    let (code, report) = repro(&shop, dockerfile, &[]);
    assert_eq!((code, report["verdict"].as_str()), (3, Some("inconclusive")), "{report:#}");
    let failed = &report["runs"][0]["failed"];
    assert!(failed["message"].as_str().unwrap().contains("exit code: 1"), "{failed}");
    assert_eq!(failed["output"], "not again\n");
    let context = shop.context().display().to_string();
    let said = shop.rbuild(&["repro", "-q", &context]);
    assert_eq!(said.code, Some(3));
    assert!(said.out().contains("it failed the second time: process"), "{}", said.out());
    assert!(said.out().contains("\nnot again\n"), "{}", said.out());
}

#[test]
fn the_number_of_processors_is_another_the_second_time() {
    let Some(shop) = Workshop::new() else { return };
    if std::thread::available_parallelism().unwrap().get() < 2 {
        return crate::snapshot_fixture::skip("a second processor is needed");
    }
    let count = "FROM busybox\nRUN grep Cpus_allowed_list /proc/self/status > /count\n";
    let (code, report) = repro(&shop, count, &[]);
    assert_eq!((code, paths(&report["runs"][0]["differences"])[0].0), (1, "/count"), "{report:#}");
}

#[test]
fn nothing_is_left_behind_and_no_record_is_changed() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM busybox\nRUN head -c 8 /dev/urandom > /a\n";
    let first = shop.image(dockerfile, &[]);
    let (code, _) = repro(&shop, dockerfile, &[]);
    assert_eq!(code, 1);
    assert_eq!(shop.image(dockerfile, &[]).manifest, first.manifest, "what is recorded is the first result");
    let images = shop.rbuild(&["images"]).ok().out();
    assert_eq!(images.lines().count(), 3, "a header, busybox and it:\n{images}");
    // Nor has what was done in following the second result a record, which nobody would ask for; but what the mount shows of it
    // has its digest remembered.
    let records = || walkdir::WalkDir::new(shop.store().join("records")).into_iter().count();
    let through = "FROM busybox AS a\nRUN head -c 8 /dev/urandom > /a\nFROM busybox\nRUN --mount=from=a,target=/m cp /m/a /b\n";
    let mut counts = Vec::new();
    for _ in 0..2 {
        assert_eq!(repro(&shop, through, &[]).0, 1);
        counts.push(records());
    }
    assert!(counts[1] <= counts[0] + 1, "{counts:?}");
}

#[test]
fn what_cannot_be_done_exits_with_2_and_one_error() {
    let Some(shop) = Workshop::new() else { return };
    let context = shop.context().display().to_string();
    shop.write("Dockerfile", "FROM busybox\nRUN false\n");
    for (args, part) in [
        (&["repro", &context][..], "exit code: 1"),
        (&["repro", "-t", "x", &context], "--tag"),
        (&["repro", "--check", &context], "--check"),
        (&["repro", "--squash", &context], "--squash"),
        (
            &["repro", "--against", "no-such-image-here", "--insecure-registry", "127.0.0.1:1", "/no/such"],
            "no-such",
        ),
        (&["repro", "--no-such-flag", &context], "--no-such-flag"),
        (&["repro", "/no/such/directory"], "/no/such/directory"),
        (&["diff", "store:no-such", "busybox"], "no-such"),
        (&["diff", "busybox"], "<B>"),
    ] {
        let said = shop.rbuild(args);
        assert_eq!(said.code, Some(2), "{args:?}\n{}", said.stderr);
        assert!(said.stderr.contains(part), "{args:?}\n{}", said.stderr);
        assert!(said.stdout.is_empty(), "{}", said.out());
    }
}
