//! How many bytes a build writes: counted by its system calls, because a count does not depend on the clock.

use std::fs;

use crate::e2e::{PROGRAM, Workshop, tools};

/// All bytes that a build of the workshop's context with these flags hands to the kernel to be written, standard streams
/// left out.
fn written(shop: &Workshop, flags: &[&str]) -> u64 {
    let log = shop.at("strace.log");
    let mut command = std::process::Command::new("strace");
    let calls = "trace=write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,splice";
    command.args(["-f", "-qq", "-o"]).arg(&log).args(["-e", calls, PROGRAM, "build", "-q", "-t", "it"]);
    let output = command
        .args(flags)
        .arg(shop.context())
        .env("RBUILD_ROOT", shop.store())
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .expect("strace starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = fs::read_to_string(log).expect("a log");
    let to_streams = |call: &str| call.contains("write(1, ") || call.contains("write(2, ");
    let taken =
        |call: &str| call.rsplit_once(" = ").and_then(|(_, result)| result.trim().parse::<u64>().ok());
    log.lines().filter(|call| !to_streams(call)).filter_map(taken).sum()
}

/// A context of some megabytes that compress to a third or so, and a store that is there already.
fn shop() -> Option<Workshop> {
    if !tools(&["strace"]) {
        return None;
    }
    let shop = Workshop::bare();
    shop.build("FROM scratch\nLABEL a=b\n", &[]).ok();
    let mut state = 1u64;
    for number in 0..300 {
        let mut text = format!("file {number}\n");
        while text.len() < 12_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(&format!("value{} = {};\n", state >> 60, state >> 40 & 0xffff));
        }
        shop.write(&format!("src/part{}/file-{number}.txt", number % 10), text);
    }
    shop.write("Dockerfile", "FROM scratch\nCOPY src /src/\n");
    Some(shop)
}

#[test]
fn a_layer_is_written_once_into_the_store_and_once_into_the_output_and_compressed_once() {
    let Some(shop) = shop() else { return };
    for compression in ["gzip", "zstd", "uncompressed"] {
        let output = shop.at(&format!("{compression}.tar"));
        let flag = format!("type=oci,dest={},compression={compression}", output.display());
        let first = written(&shop, &["--no-cache", "-o", &flag]);
        let size = fs::metadata(&output).expect("an output").len();
        assert!(first * 10 <= size * 22, "{compression}: {first} bytes written for an output of {size}");
        // What was compressed for one output is there for the next.
        let again = written(&shop, &["-o", &flag]);
        assert!(
            again * 10 <= size * 11,
            "{compression}, again: {again} bytes written for an output of {size}"
        );
        fs::remove_dir_all(shop.store()).expect("the store goes");
        shop.rbuild(&["images"]).ok();
    }
}

#[test]
fn what_is_kept_alone_is_written_once_and_not_compressed() {
    let Some(shop) = shop() else { return };
    let first = written(&shop, &[]);
    let size: u64 = 300 * 12_000;
    assert!(first * 10 <= size * 12, "{first} bytes written for {size}");
}

#[test]
fn of_an_edited_context_what_changed_is_written() {
    let Some(shop) = shop() else { return };
    // Enough files that a layer is worth a patch.
    for number in 0..100 {
        shop.write(&format!("src/more/file-{number}.txt"), format!("{number:06}\n").repeat(2_000));
    }
    written(&shop, &[]);
    shop.write("src/part3/file-13.txt", "edited\n");
    let again = written(&shop, &[]);
    // The list of the layer is written whole; its bytes are not.
    assert!(again < 200 << 10, "{again} bytes written for one file of {}", 300 * 12_000 + 100 * 14_000);
}
