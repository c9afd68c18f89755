//! The cache: nothing is done twice, nothing is read twice, nothing is forgotten in a key.

use std::process::Command;

use super::{digest, unique};
use crate::e2e::{Workshop, tools};

const TWO_STAGES: &str = "FROM busybox AS one\nWORKDIR /src\nCOPY a b dir ./\nRUN cat a b > sum\n\
                          FROM busybox\nCOPY --from=one /src/sum /sum\nRUN cat /sum > /copy\n";

fn shop() -> Option<Workshop> {
    let shop = Workshop::new()?;
    for (path, content) in [("a", "first\n"), ("b", "second\n"), ("dir/c", "third\n")] {
        shop.write(path, content);
    }
    Some(shop)
}

#[test]
fn a_rebuild_with_nothing_changed_performs_no_step_and_reads_no_file() {
    let Some(shop) = shop() else { return };
    if !tools(&["strace"]) {
        return;
    }
    let first = shop.build(TWO_STAGES, &[]).ok();
    // A stat cache trusts only entries that are older than the clock's step.
    std::thread::sleep(std::time::Duration::from_millis(50));
    shop.again(&[]).ok();
    let trace = shop.at("trace");
    let mut command = Command::new("strace");
    command.args([
        "-f",
        "-y",
        "-e",
        "trace=read,pread64,readv,preadv,mmap,copy_file_range,sendfile,splice,execve",
    ]);
    command.arg("-o").arg(&trace).arg(env!("CARGO_BIN_EXE_rbuild"));
    command.env_clear().env("RBUILD_ROOT", shop.store()).args(["build", "-t", "it"]).arg(shop.context());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert_eq!(digest(&said), digest(&first.stderr));
    let steps = said.lines().filter(|line| line.ends_with(" CACHED")).count();
    assert_eq!(steps, 6, "the base, WORKDIR, COPY, RUN, COPY, RUN:\n{said}");
    let trace = std::fs::read_to_string(trace).unwrap();
    assert!(trace.contains("/Dockerfile>"), "the trace sees reads");
    let context = shop.context().display().to_string();
    let mut small = 0;
    for line in trace.lines().filter(|line| !line.contains("exited")) {
        let of_context = line.contains(&format!("{context}/")) && !line.contains("/Dockerfile>");
        assert!(!of_context, "a file of the context is read: {line}");
        assert!(!line.contains("/snapshots/"), "a snapshot is read: {line}");
        small += usize::from(line.contains("/blobs/sha256/"));
    }
    // Manifest and config of the base, and of the image, are all that is read of blobs: no layer is.
    let blobs: std::collections::BTreeSet<&str> = trace
        .lines()
        .filter_map(|line| line.split_once("/blobs/sha256/"))
        .filter_map(|(_, rest)| rest.get(..64))
        .collect();
    for blob in &blobs {
        let size = std::fs::metadata(shop.store().join("blobs/sha256").join(blob)).unwrap().len();
        let bytes = std::fs::read(shop.store().join("blobs/sha256").join(blob)).unwrap();
        assert_eq!(bytes.first(), Some(&b'{'), "a layer of {size} bytes is read: {blob}");
    }
    assert!(small > 0 && !blobs.is_empty());
    assert_eq!(trace.matches("execve(").count(), 1, "a process is started");
}

#[test]
fn a_step_that_is_done_again_with_the_same_bytes_stops_the_rebuild() {
    let Some(shop) = shop() else { return };
    let text = "FROM busybox AS one\nCOPY a /a\nRUN wc -c < /a > /n\nFROM busybox\nCOPY --from=one /n /n\n\
                RUN cat /n > /m; echo did-run\n";
    let first = shop.build(text, &[]).ok();
    shop.write("a", "FIRST\n");
    let second = shop.again(&[]).ok();
    assert_eq!(digest(&first.stderr), digest(&second.stderr));
    let cached = |name: &str| {
        let number =
            second.stderr.lines().find_map(|line| line.strip_suffix(name)).expect("the step is shown");
        let number = number.split_whitespace().next().unwrap();
        second.stderr.contains(&format!("{number} CACHED"))
    };
    assert!(!cached("RUN wc -c < /a > /n"), "{}", second.stderr);
    assert!(cached("COPY --from=one /n /n"), "{}", second.stderr);
    assert!(cached("RUN cat /n > /m; echo did-run"), "{}", second.stderr);
}

#[test]
fn what_a_run_sees_is_in_its_key() {
    let Some(shop) = shop() else { return };
    // The variable, the argument, the mount: each is changed alone, and each time the RUN is done again.
    let runs = |text: &str, args: &[&str]| {
        let said = shop.build(text, args).ok();
        said.stderr.lines().any(|line| line.ends_with(" ran-now") && !line.contains("RUN"))
    };
    let base = "FROM busybox\nARG A=1\nENV E=1\nRUN --mount=type=bind,target=/m echo ran-now\n";
    assert!(runs(base, &[]));
    assert!(!runs(base, &[]));
    assert!(runs(base, &["--build-arg", "A=2"]));
    assert!(!runs(base, &["--build-arg", "A=2"]));
    assert!(!runs(base, &["--build-arg", "A=1"]));
    let env = base.replace("E=1", "E=2");
    assert!(runs(&env, &[]));
    shop.write("dir/c", "edited\n");
    assert!(runs(&env, &[]));
    let tmpfs = env.replace("type=bind,target=/m", "type=tmpfs,target=/m");
    assert!(runs(&tmpfs, &[]));
    assert!(runs(&tmpfs.replace("target=/m", "target=/n"), &[]));
    assert!(runs(&tmpfs.replace("RUN ", "RUN --network=none "), &[]));
    assert!(!runs(&tmpfs, &[]));
}

#[test]
fn no_cache_does_every_step_again_and_a_filter_those_of_one_stage() {
    let Some(shop) = shop() else { return };
    let word = unique();
    let text = format!(
        "FROM busybox AS one\nRUN echo {word}-one\nRUN echo x > /x\nFROM busybox AS two\nRUN echo {word}-two\n\
         COPY --from=one /x /x\n"
    );
    let ran = |args: &[&str]| {
        let said = shop.build(&text, args).ok();
        let ran = |stage: &str| {
            said.stderr.lines().any(|l| !l.contains("RUN") && l.ends_with(&format!("{word}-{stage}")))
        };
        (ran("one"), ran("two"), digest(&said.stderr))
    };
    let (one, two, first) = ran(&[]);
    assert_eq!((one, two), (true, true));
    assert_eq!(ran(&[]), (false, false, first.clone()));
    assert_eq!(ran(&["--no-cache"]), (true, true, first.clone()));
    assert_eq!(ran(&["--no-cache-filter", "two"]), (false, true, first.clone()));
    assert_eq!(ran(&["--no-cache-filter", "one,two"]), (true, true, first));
}
