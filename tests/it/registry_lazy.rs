//! What a build on a remote base fetches and sends, counted between it and Debian's docker-registry.

use std::path::Path;

use crate::e2e::{PROGRAM, Said, Workshop, noise, tools};
use crate::registry_proxy::{Asked, Proxy, blob_bytes, count};
use crate::registry_server::{Registry, have};

fn build(shop: &Workshop, dockerfile: &str, args: &[&str]) -> Said {
    shop.write("Dockerfile", dockerfile);
    let context = shop.context().display().to_string();
    shop.rbuild(&[args, &[&context]].concat())
}

/// Bytes of each of the base's layers, at least: what cannot be compressed.
const LAYER: usize = 300_000;

/// A registry with `team/base:1`, two layers, behind a counting proxy.
fn filled(dir: &Path) -> Option<(Registry, Proxy)> {
    if !have(&["docker-registry"]) {
        return None;
    }
    let registry = Registry::start(dir, "", "");
    let proxy = Proxy::before(registry.port);
    let maker = Workshop::bare();
    maker.write("one", noise(1, LAYER as u32));
    maker.write("two", noise(2, LAYER as u32));
    let name = format!("type=registry,name=127.0.0.1:{}/team/base:1", registry.port);
    build(&maker, "FROM scratch\nCOPY one /lib/\nCOPY two /lib/\n", &["-o", &name]).ok();
    Some((registry, proxy))
}

/// Whether any layer of the base came.
fn fetched(log: &[Asked]) -> usize {
    log.iter()
        .filter(|asked| asked.method == "GET" && asked.path.contains("/blobs/") && asked.received >= LAYER)
        .count()
}

/// Uploads that carried bytes.
fn sent(log: &[Asked]) -> usize {
    count(log, "PUT", "/blobs/uploads/") + count(log, "PATCH", "/blobs/uploads/")
}

fn files(below: &Path) -> usize {
    walkdir::WalkDir::new(below)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .count()
}

#[test]
fn a_build_that_changes_only_the_config_fetches_and_sends_no_layer() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let Some((_registry, proxy)) = filled(dir.path()) else { return };
    let shop = Workshop::bare();
    let text = format!("FROM {}\nENV A=1\nLABEL b=2\nUSER app\n", proxy.name("team/base:1"));
    let app = format!("type=registry,name={}", proxy.name("team/app:1"));
    build(&shop, &text, &["-t", "kept", "-o", &app]).ok();
    let log = proxy.take();
    assert_eq!(fetched(&log), 0, "{log:#?}");
    assert!(blob_bytes(&log) < 2000, "the config alone: {log:#?}");
    assert_eq!(
        (sent(&log), count(&log, "POST", "mount=")),
        (1, 2),
        "the config is sent, the layers are mounted: {log:#?}"
    );
    assert_eq!(files(&shop.store().join("layers")), 0);

    // Once more: nothing is asked for at all without `--pull` and `--push`.
    build(&shop, &text, &["-t", "kept"]).ok();
    assert!(proxy.take().is_empty());
    // An output with bytes in it fetches each layer, once.
    let out = format!("type=oci,dest={}", shop.arg("out.tar"));
    build(&shop, &text, &["-o", &out]).ok();
    assert_eq!(fetched(&proxy.take()), 2);
    build(&shop, &text, &["-o", &out]).ok();
    assert!(proxy.take().is_empty());
}

#[test]
fn copy_with_link_onto_a_remote_base_fetches_none_of_it() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let Some((_registry, proxy)) = filled(dir.path()) else { return };
    let shop = Workshop::bare();
    shop.write("file", "small");
    let text = format!("FROM {}\nCOPY --link file /app/\n", proxy.name("team/base:1"));
    let app = format!("type=registry,name={}", proxy.name("team/app:1"));
    build(&shop, &text, &["-t", "kept", "-o", &app]).ok();
    let log = proxy.take();
    assert_eq!(fetched(&log), 0, "{log:#?}");
    assert_eq!(
        (sent(&log), count(&log, "POST", "mount=")),
        (2, 2),
        "config and own layer are sent: {log:#?}"
    );
    // In the base's own repository its layers are there; ours is mounted from where it went first.
    let beside = format!("type=registry,name={}", proxy.name("team/base:2"));
    build(&shop, &text, &["-o", &beside]).ok();
    let log = proxy.take();
    assert_eq!((fetched(&log), sent(&log), count(&log, "POST", "mount=")), (0, 1, 1), "{log:#?}");
    // What came of it is whole for who has nothing.
    let other = Workshop::bare();
    let out = other.at("out");
    let output = format!("type=local,dest={}", out.display());
    build(&other, &format!("FROM {}\n", proxy.name("team/app:1")), &["-o", &output]).ok();
    assert_eq!(std::fs::read(out.join("app/file")).unwrap(), b"small");
    assert_eq!(std::fs::read(out.join("lib/two")).unwrap(), noise(2, LAYER as u32));
}

#[test]
fn a_plain_copy_reads_the_base_once_and_unpacks_nothing() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let Some((_registry, proxy)) = filled(dir.path()) else { return };
    for step in ["COPY file /app/", "WORKDIR /app"] {
        let shop = Workshop::bare();
        shop.write("file", "small");
        let text = format!("FROM {}\n{step}\n", proxy.name("team/base:1"));
        let app = format!("type=registry,name={}", proxy.name("team/app:1"));
        build(&shop, &text, &["-o", &app]).ok();
        let log = proxy.take();
        assert_eq!(fetched(&log), 2, "{step}: each layer once: {log:#?}");
        assert!(sent(&log) <= 2, "{step}: the base is not sent: {log:#?}");
        shop.write("file", "another");
        build(&shop, &format!("{text}COPY file /lib/three\n"), &["-o", &app]).ok();
        assert_eq!(fetched(&proxy.take()), 0, "{step}: never again");
        assert_eq!(files(&shop.store().join("snapshots")), 0, "{step}: nothing is unpacked");
    }
}

/// A base that is only pulled is unpacked when a RUN stands on it; whoever is first to need its layers, they are read once:
/// from the socket, and never from the store.
#[test]
fn a_base_below_a_run_is_unpacked_as_it_comes() {
    let dir = tempfile::tempdir().expect("temporary directory");
    if !tools(&["strace"]) || !have(&["docker-registry"]) {
        return;
    }
    let Some(maker) = Workshop::new() else { return };
    let registry = Registry::start(dir.path(), "", "");
    maker.write("one", noise(1, LAYER as u32));
    let name = format!("127.0.0.1:{}/team/run:1", registry.port);
    build(&maker, "FROM busybox\nCOPY one /lib/\n", &["-o", &format!("type=registry,name={name}")]).ok();
    for first in ["", "WORKDIR /app\n"] {
        let shop = Workshop::bare();
        shop.write("Dockerfile", format!("FROM {name}\n{first}RUN test -s /lib/one\n"));
        let log = shop.at("strace.log");
        let mut command = std::process::Command::new("strace");
        command.args(["-f", "-qq", "-o"]).arg(&log).args(["-e", "trace=open,openat", PROGRAM, "build", "-q"]);
        command.arg(shop.context()).env("RBUILD_ROOT", shop.store());
        crate::e2e::finish(command, b"").ok();
        let log = std::fs::read_to_string(log).expect("a log");
        let blobs: Vec<_> =
            std::fs::read_dir(shop.store().join("blobs/sha256")).expect("there").flatten().collect();
        // The other layer has `/etc/passwd` in it, which is looked up.
        let is_noise = |size: u64| (LAYER as u64..LAYER as u64 + 20_000).contains(&size);
        let noise = blobs.iter().filter(|blob| blob.metadata().is_ok_and(|blob| is_noise(blob.len())));
        let names: Vec<String> = noise.map(|blob| blob.file_name().to_string_lossy().into_owned()).collect();
        assert_eq!(names.len(), 1, "the layer of the base");
        // What is made durable is opened too, and by a name of this process's own.
        let read = |line: &&str| line.contains(&names[0]) && line.contains("O_NOFOLLOW");
        let read: Vec<&str> = log.lines().filter(read).collect();
        assert!(read.is_empty(), "{first:?}: a layer was read again: {read:#?}");
    }
}

#[test]
fn a_push_to_another_registry_fetches_each_layer_once_and_sends_it_once() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let Some((_registry, proxy)) = filled(dir.path()) else { return };
    let second = tempfile::tempdir().expect("temporary directory");
    let target = Registry::start(second.path(), "", "");
    let gate = Proxy::before(target.port);
    let shop = Workshop::bare();
    let text = format!("FROM {}\nENV A=1\n", proxy.name("team/base:1"));
    let names = format!("type=registry,\"name={},{}\"", gate.name("app:1"), gate.name("copy:1"));
    build(&shop, &text, &["-o", &names]).ok();
    assert_eq!(fetched(&proxy.take()), 2);
    let log = gate.take();
    assert_eq!(sent(&log), 4, "two layers, a config in each of two repositories: {log:#?}");
    assert_eq!(count(&log, "POST", "mount="), 2, "the second repository gets them from the first: {log:#?}");
    build(&shop, &text, &["-o", &names]).ok();
    let log = gate.take();
    assert_eq!((sent(&log), count(&log, "PUT", "/manifests/")), (0, 0), "all of it is there: {log:#?}");
}

#[test]
fn layers_that_were_not_fetched_stay_away_under_pull_never() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let Some((_registry, proxy)) = filled(dir.path()) else { return };
    let shop = Workshop::bare();
    shop.write("file", "small");
    let base = proxy.name("team/base:1");
    build(&shop, &format!("FROM {base}\nENV A=1\n"), &[]).ok();
    proxy.take();
    build(&shop, &format!("FROM {base}\nENV A=2\n"), &["--pull=never"]).ok();
    build(&shop, &format!("FROM {base}\nCOPY file /\n"), &["--pull=never"])
        .fails(&["--pull=never", "rbuild pull"]);
    assert!(proxy.take().is_empty());
    shop.rbuild(&["pull", &base]).ok();
    build(&shop, &format!("FROM {base}\nCOPY file /\n"), &["--pull=never"]).ok();
}
