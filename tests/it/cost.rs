//! What a build with nothing changed asks of the kernel: counted, because a count does not depend on the clock.

use std::fs;

use crate::e2e::{PROGRAM, Workshop, tools};

/// The system calls of a build of this workshop's context, those named in `filter`.
fn traced(shop: &Workshop, filter: &str) -> Vec<String> {
    let log = shop.at("strace.log");
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(&log).args(["-e", filter, PROGRAM, "build", "-q", "-t", "it"]);
    let output = command
        .arg(shop.context())
        .env("RBUILD_ROOT", shop.store())
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .expect("strace starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(log).expect("a log").lines().map(str::to_string).collect()
}

#[test]
fn a_build_with_nothing_changed_syncs_nothing_reads_no_file_of_its_context_and_starts_no_process() {
    if !tools(&["strace"]) {
        return;
    }
    let Some(shop) = Workshop::new() else { return };
    for number in 0..200 {
        shop.write(&format!("src/part{}/file-{number}.txt", number % 10), format!("{number}\n"));
    }
    let dockerfile =
        "FROM busybox\nWORKDIR /app\nCOPY src/part0 first/\nRUN echo 1 > one\nCOPY . .\nRUN echo 2 > two\n";
    shop.build(dockerfile, &[]).ok();
    // Young files are read again until the clock has moved on.
    std::thread::sleep(std::time::Duration::from_millis(100));
    shop.again(&[]).ok();

    let syncs = traced(&shop, "trace=fsync,fdatasync,syncfs,sync,sync_file_range,msync");
    assert!(syncs.is_empty(), "{syncs:#?}");

    let opens = traced(&shop, "trace=open,openat,openat2");
    let of_context: Vec<&String> = opens.iter().filter(|call| call.contains("file-")).collect();
    assert!(of_context.is_empty(), "{of_context:#?}");
    let store = shop.store().display().to_string();
    let of_store = opens.iter().filter(|call| call.contains(&store)).count();
    assert!(of_store < 150, "{of_store} opens in the store for 4 layers:\n{}", opens.join("\n"));

    let started = traced(&shop, "trace=clone,clone3,fork,vfork,execve,mount,fsopen,unshare,socket");
    let others: Vec<&String> = started
        .iter()
        .filter(|call| {
            !call.contains("CLONE_THREAD") && !call.contains("resumed>") && !call.contains("execve(")
        })
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(started.iter().filter(|call| call.contains("execve(")).count(), 1, "{started:#?}");

    let writes = traced(&shop, "trace=rename,renameat,renameat2,link,linkat");
    // What gets a name elsewhere than among the temporary files; the store counts its builds in `usage`.
    let kept: Vec<&String> = writes
        .iter()
        .filter(|call| {
            let to = call.split('"').rev().nth(1).unwrap_or_default();
            !to.contains("/store/tmp/") && !to.ends_with("/store/usage")
        })
        .collect();
    assert!(kept.is_empty(), "what is there was written again: {kept:#?}");
}

#[test]
fn a_build_sets_its_files_out_to_the_disk_before_it_waits_for_one_and_waits_for_nothing_that_its_runs_left() {
    if !tools(&["strace"]) {
        return;
    }
    let Some(shop) = Workshop::new() else { return };
    // The base is unpacked by then.
    shop.build("FROM busybox\nRUN echo 0 > zero\n", &[]).ok();
    shop.write("Dockerfile", "FROM busybox\nRUN echo 1 > one\nRUN echo 2 > two\nRUN echo 3 > three\n");
    let syncs = traced(&shop, "trace=fdatasync,syncfs,sync,sync_file_range");
    let (mut set_out, mut waited_for, mut is_waiting) = (0, 0, false);
    for call in &syncs {
        assert!(!call.contains("syncfs(") && !call.contains(" sync("), "{syncs:#?}");
        if call.contains("sync_file_range(") {
            assert!(!is_waiting, "it waited for a file before all were set out: {syncs:#?}");
            set_out += 1;
        } else if call.contains("fdatasync(") {
            waited_for += 1;
            assert!(waited_for <= set_out, "{syncs:#?}");
            is_waiting = waited_for < set_out;
        }
    }
    // Of each RUN a blob, a list, two records; then the image's own.
    assert!(waited_for >= 12 && waited_for == set_out, "{syncs:#?}");
}

#[test]
fn a_layer_that_is_found_is_looked_at_once_a_build() {
    if !tools(&["strace"]) {
        return;
    }
    let shop = Workshop::bare();
    let copies: String = (0..20).map(|number| format!("COPY file-{number} /\n")).collect();
    (0..20).for_each(|number| drop(shop.write(&format!("file-{number}"), format!("{number}\n"))));
    shop.build(&format!("FROM scratch\n{copies}"), &[]).ok();
    std::thread::sleep(std::time::Duration::from_millis(100));
    shop.again(&[]).ok();
    let opens = traced(&shop, "trace=open,openat,openat2");
    let layers = shop.store().join("layers").display().to_string();
    assert_eq!(opens.iter().filter(|call| call.contains(&layers)).count(), 20, "{opens:#?}");
}

/// The system calls of a build of 1,000 files in 20 directories by `COPY . /srv/`, first with nothing changed, then with one
/// file changed.
#[test]
fn a_context_costs_a_look_at_each_file_and_an_edit_one_open_of_each() {
    if !tools(&["strace"]) {
        return;
    }
    let Some(shop) = Workshop::new() else { return };
    for number in 0..1000 {
        shop.write(&format!("part{}/file-{number}.txt", number % 20), format!("{number}\n").repeat(500));
    }
    std::thread::sleep(std::time::Duration::from_millis(100));
    shop.build("FROM scratch\nCOPY . /srv/\n", &[]).ok();
    shop.again(&[]).ok();

    let all = traced(&shop, "trace=all");
    let count = |word: &str| all.iter().filter(|call| call.contains(word)).count();
    assert_eq!(count("\"file-"), 1000, "each file is looked at once, by its name in its directory");
    let lists = count("getdents64(");
    assert!(lists < 2 * 21 + 20, "{lists} times a directory was read, of which the context has 21");
    // Not those that start threads: how many there are is the machine's business.
    let calls = [
        "statx(",
        "fstat(",
        "newfstatat(",
        "openat(",
        "openat2(",
        "read(",
        "pread64(",
        "close(",
        "getdents64(",
    ];
    let files: usize = calls.iter().map(|call| all.iter().filter(|line| is_call(line, call)).count()).sum();
    let rest = files - 1000;
    assert!(
        rest < 450,
        "{rest} calls for files beside the looks at 1,000 files in 20 directories:\n{all:#?}"
    );

    shop.write("part7/file-7.txt", "another\n");
    std::thread::sleep(std::time::Duration::from_millis(100));
    let all = traced(&shop, "trace=open,openat,openat2,read,pread64,write,pwrite64,copy_file_range");
    let of_context = all.iter().filter(|call| call.contains("open") && call.contains("/file-")).count();
    assert_eq!(of_context, 1001, "the changed one is hashed, and each is read once into the layer");
    let reads = all.iter().filter(|line| is_call(line, "read(")).count();
    assert!(reads < 1200, "{reads} reads");
    let written = all.iter().filter(|line| is_call(line, "write(") || line.contains("write resumed>"));
    let written: u64 = written.filter_map(|call| call.rsplit(' ').next()?.parse::<u64>().ok()).sum();
    let tar: u64 =
        (0..1000u64).map(|n| 512 + (format!("{n}\n").len() as u64 * 500).next_multiple_of(512)).sum();
    assert!(written < tar + 400_000, "{written} bytes were written for a layer of {tar}");
}

/// Whether a line of a log, which begins with a process id, is this call.
fn is_call(line: &str, call: &str) -> bool {
    line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with(call)
}
