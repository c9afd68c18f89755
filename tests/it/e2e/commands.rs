//! The commands beside the build.

use std::process::Command;

use super::Workshop;
use super::workshop::{busybox, finish};

#[test]
fn run_passes_arguments_streams_and_the_exit_code_on() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("FROM busybox\nENV V=set\nWORKDIR /w\nUSER app\nENTRYPOINT [\"/bin/sh\", \"-c\"]\nCMD [\"echo $V $(id -u) $(pwd) $HOME\"]\n", &[]).ok();
    assert_eq!(shop.rbuild(&["run", "it"]).ok().out(), "set 1000 /w /home/app\n");
    let said = shop.rbuild_with(&["run", "it", "--", "cat; echo to stderr >&2; exit 7"], b"given", &[]);
    assert_eq!((said.code, said.out()), (Some(7), "given".to_string()));
    assert!(said.stderr.contains("to stderr"));
    let said = shop.rbuild(&["run", "it", "--", "sh -c 'kill -TERM $$'; exit $?"]);
    assert_eq!(said.code, Some(143));
    // What it writes is gone.
    shop.rbuild(&["run", "busybox", "--", "/bin/touch", "/new"]).ok();
    let said = shop.rbuild(&["run", "busybox", "--", "/bin/ls", "/new"]);
    assert_eq!(said.code, Some(1));
    shop.rbuild(&["run", "no-such"]).fails(&["no-such"]);
    shop.rbuild(&["run", "-it", "it"]).fails(&["-it"]);
    shop.build("FROM scratch\nLABEL a=b\n", &["-t", "empty"]).ok();
    shop.rbuild(&["run", "empty"]).fails(&["ENTRYPOINT", "CMD"]);
    let said = shop.rbuild(&["run", "busybox", "--", "/no/such"]);
    assert!(said.code != Some(0) && said.stderr.contains("/no/such"), "{said:?}");
}

#[test]
fn images_and_inspect_show_what_the_store_has() {
    let Some(shop) = Workshop::new() else { return };
    let image =
        shop.image("FROM busybox\nLABEL a=b\nRUN echo x > /x\nCMD [\"sh\"]\n", &["-t", "other/name:v1"]);
    let table = shop.rbuild(&["images"]).ok().out();
    for part in ["NAME", "it:latest", "other/name:v1", "busybox:latest", "imported", "built"] {
        assert!(table.contains(part), "{part} not in {table}");
    }
    let text = shop.rbuild(&["inspect", "other/name:v1"]).ok().out();
    let id = image.manifest["config"]["digest"].as_str().expect("text");
    for part in [id, "a=b", "RUN /bin/sh -c echo x > /x # buildkit", "[\"sh\"]"] {
        assert!(text.contains(part), "{part} not in {text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&shop.rbuild(&["inspect", "--json", "it"]).ok().out()).expect("JSON");
    assert_eq!(json["id"], id);
    assert_eq!(json["config"], image.config);
    assert_eq!(json["layers"].as_array().map(Vec::len), Some(2));
    shop.rbuild(&["inspect", id]).ok();
    shop.rbuild(&["inspect", json["digest"].as_str().expect("text")]).ok();
    shop.rbuild(&["inspect", "nowhere:1"]).fails(&["nowhere:1"]);
}

#[test]
fn import_takes_tars_plain_compressed_and_from_standard_input() {
    let Some(shop) = Workshop::new() else { return };
    let tar = busybox();
    let zstd = zstd::encode_all(&tar[..], 1).expect("in memory");
    let said = shop.rbuild_with(&["import", "-", "imported:zst"], &zstd, &[]).ok();
    assert!(said.out().starts_with("sha256:"));
    let image = shop.image("FROM imported:zst\nRUN id > /id\n", &[]);
    assert!(image.text("id").starts_with("uid=0(root)"));
    assert_eq!(image.history().len(), 2);
    let bad = shop.write_at("bad.tar", "this is no tar at all, only text");
    shop.rbuild(&["import", bad.to_str().expect("text"), "bad"]).fails(&["tar"]);
    shop.rbuild(&["import", "/no/such.tar", "bad"]).fails(&["/no/such.tar"]);
    shop.rbuild(&["import", bad.to_str().expect("text"), "BAD"]).fails(&["BAD"]);
    assert!(!shop.rbuild(&["images"]).ok().out().contains("bad"));
}

#[test]
fn import_takes_what_a_directory_archiver_writes() {
    let Some(shop) = Workshop::new() else { return };
    let root = shop.at("root");
    std::fs::create_dir_all(root.join("usr/bin")).expect("made");
    let tar = shop.write_at("busybox.tar", busybox());
    let said = |args: &[&str]| {
        let mut command = Command::new("tar");
        command.args(args);
        finish(command, b"").ok()
    };
    said(&["-C", root.to_str().expect("text"), "-xf", tar.to_str().expect("text")]);
    std::os::unix::fs::symlink("usr/bin", root.join("sbin")).expect("made");
    std::fs::hard_link(root.join("etc/passwd"), root.join("etc/passwd-")).expect("made");
    let out = shop.arg("made.tar");
    said(&["-C", root.to_str().expect("text"), "--owner=0", "--group=0", "--format=pax", "-cf", &out, "."]);
    shop.rbuild(&["import", &out, "made"]).ok();
    let image =
        shop.image("FROM made\nRUN cat /etc/passwd- > /copy && stat -c %h /etc/passwd > /links\n", &[]);
    assert!(image.text("copy").contains("root:x:0"));
    assert_eq!(image.text("links"), "2\n");
    assert_eq!(image.at("sbin").link, "usr/bin");
}

#[test]
fn du_and_prune_count_and_free_what_no_name_holds() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile =
        "FROM busybox\nRUN --mount=type=cache,target=/c touch /c/x; head -c 2000000 /dev/urandom > /big\n";
    shop.build(dockerfile, &[]).ok();
    let du = shop.rbuild(&["du"]).ok().out();
    for kind in ["layer", "record", "cache-mount", "total"] {
        assert!(du.contains(kind), "{kind} not in {du}");
    }
    assert!(shop.rbuild(&["du", "--verbose"]).ok().out().lines().count() > du.lines().count());
    shop.rbuild(&["prune", "--filter", "type=cache-mount", "--all"]).ok();
    assert!(
        !shop
            .rbuild(&["du", "-v"])
            .ok()
            .out()
            .lines()
            .any(|l| l.starts_with("cache-mount ") && l.contains("/c"))
    );
    // A name holds its layers.
    shop.rbuild(&["prune", "--all"]).ok();
    assert_eq!(shop.rbuild(&["run", "it", "--", "/bin/ls", "/big"]).ok().out(), "/big\n");
    let said = shop.build("FROM busybox\nLABEL now=small\n", &[]).ok();
    drop(said);
    let freed = shop.rbuild(&["prune", "--all"]).ok().out();
    assert!(freed.lines().any(|l| l.starts_with("layer ") && l.contains("2.0")), "{freed}");
    shop.build(dockerfile, &[]).ok().never_says(&[
        "[2/2] RUN --mount=type=cache,target=/c touch /c/x; head -c 2000000 /dev/urandom > /big\n#5 CACHED",
    ]);
    shop.rbuild(&["prune", "--until", "nonsense"]).fails(&["--until", "nonsense"]);
    shop.rbuild(&["prune", "--filter", "nonsense"]).fails(&["nonsense"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_a_full_disk_is() {
    let Some(shop) = Workshop::new() else { return };
    for args in [&["images"][..], &["inspect", "busybox"], &["du", "-v"], &["prune"]] {
        let mut command = shop.command();
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        command.args(args).stdout(writer).stderr(std::process::Stdio::piped());
        let output = command.output().expect("the program ends");
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{args:?}");
    }
    shop.write("Dockerfile", "FROM busybox\n");
    let context = shop.context().display().to_string();
    for args in [
        &["images"][..],
        &["build", "-q", &context],
        &["build", "-o", "-", &context],
        &["build", "-o", "type=oci", &context],
    ] {
        let mut command = shop.command();
        let full = std::fs::File::options().write(true).open("/dev/full").expect("there");
        command.args(args).stdout(full).stderr(std::process::Stdio::piped());
        let output = command.output().expect("the program ends");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && text.contains("No space left"), "{args:?}: {text}");
    }
}

#[test]
fn a_misspelt_command_is_told_from_a_context() {
    let shop = Workshop::bare();
    shop.rbuild(&["isnpect", "app:1"]).fails(&["isnpect", "did you mean inspect?"]);
    shop.rbuild(&["buidl", "-t", "x", "."]).fails(&["buidl", "did you mean build?"]);
}

#[test]
fn help_is_a_page_and_the_version_is_said() {
    let shop = Workshop::bare();
    let help = shop.rbuild(&["--help"]).ok().out();
    for part in ["build", "import", "images", "inspect", "run", "prune", "du", "RBUILD_ROOT", "Examples:"] {
        assert!(help.contains(part), "{part} not in {help}");
    }
    let help = shop.rbuild(&["build", "--help"]).ok().out();
    for part in
        ["--file", "--tag", "--target", "--build-arg", "--build-context", "--secret", "--output", "--iidfile"]
    {
        assert!(help.contains(part), "{part} not in {help}");
    }
    assert!(shop.rbuild(&["--version"]).ok().out().starts_with("rbuild "));
}
