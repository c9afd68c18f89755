//! `--load` into the engines of others: Debian's podman, as a program and as a service, and Debian's docker.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::shop;
use crate::e2e::{Workshop, finish, tools};
use crate::snapshot_fixture::skip;

/// Engines keep what they load: with layers, names that look like a registry's, and a config worth keeping.
const TEXT: &str =
    "FROM scratch\nCOPY a /first\nCOPY a /dir/second\nENV N=1\nLABEL of=rbuild\nCMD [\"/first\"]\n";

fn build(shop: &Workshop, name: &str, flags: &[&str], variables: &[(&str, &str)]) {
    shop.write("Dockerfile", TEXT);
    let context = shop.context().display().to_string();
    shop.rbuild_with(&[&["build", "-t", name], flags, &[&context]].concat(), b"", variables).ok();
}

/// What the engine says of the image is what the store says of it.
#[track_caller]
fn is_there(shop: &Workshop, engine: Command, name: &str) {
    let mut engine = engine;
    engine.args(["inspect", "--type", "image", name]);
    let there: Value = serde_json::from_slice(&finish(engine, b"").ok().stdout).expect("JSON");
    let own: Value =
        serde_json::from_slice(&shop.rbuild(&["inspect", "--json", name]).ok().stdout).expect("JSON");
    let id = there[0]["Id"].as_str().unwrap().trim_start_matches("sha256:");
    assert_eq!(own["id"].as_str().unwrap().trim_start_matches("sha256:"), id, "{name}");
    let layers = there[0]["RootFS"]["Layers"].as_array().unwrap();
    assert_eq!(layers, own["config"]["rootfs"]["diff_ids"].as_array().unwrap(), "{name}");
    assert_eq!(there[0]["Config"]["Labels"]["of"], "rbuild", "{name}");
}

/// A program that runs until it is dropped.
struct Service(Child);

impl Service {
    fn start(command: &mut Command, socket: &Path, log: &Path) -> Service {
        let file = std::fs::File::create(log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        let mut service = Service(child);
        let began = Instant::now();
        while std::os::unix::net::UnixStream::connect(socket).is_err() {
            let said = || std::fs::read_to_string(log).unwrap_or_default();
            assert!(service.0.try_wait().unwrap().is_none(), "{}", said());
            assert!(began.elapsed() < Duration::from_secs(60), "{}", said());
            std::thread::sleep(Duration::from_millis(50));
        }
        service
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file()).unwrap()
}

/// podman with a storage of its own, as a program in the directory `bin`.
fn podman(shop: &Workshop) -> PathBuf {
    let text = format!(
        "#!/bin/sh\nexec {} --storage-driver vfs --root {} --runroot {} \"$@\"\n",
        which("podman").display(),
        shop.arg("storage"),
        shop.arg("run")
    );
    let program = shop.write_at("bin/podman", text);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn podman_loads_what_is_sent_to_its_service() {
    if !tools(&["podman"]) {
        return;
    }
    let shop = shop();
    let (program, socket) = (podman(&shop), shop.at("podman.sock"));
    let address = format!("unix://{}", socket.display());
    let mut service = Command::new(&program);
    service.args(["system", "service", "-t", "0", &address]).env("HOME", shop.at(""));
    let _service = Service::start(&mut service, &socket, &shop.at("service.log"));
    for (number, (variable, compression)) in
        [("CONTAINER_HOST", "uncompressed"), ("DOCKER_HOST", "gzip"), ("DOCKER_HOST", "zstd")]
            .iter()
            .enumerate()
    {
        let name = format!("localhost/team/app:{number}");
        let output = format!("type=docker,compression={compression}");
        build(&shop, &name, &["-o", &output], &[(variable, &address)]);
        is_there(&shop, Command::new(&program), &name);
    }
}

#[test]
fn podman_loads_what_its_program_is_fed() {
    if !tools(&["podman"]) {
        return;
    }
    let shop = shop();
    let program = podman(&shop);
    let path = std::env::join_paths(
        std::iter::once(shop.at("bin")).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    // A socket of this machine would be asked first; archives are what the program would be fed.
    let has_socket =
        ["/var/run/docker.sock", "/run/podman/podman.sock"].iter().any(|s| Path::new(s).exists());
    if !has_socket {
        build(&shop, "localhost/team/app:1", &["--load"], &[("PATH", path.to_str().unwrap())]);
        is_there(&shop, Command::new(&program), "localhost/team/app:1");
    }
    build(&shop, "localhost/team/app:2", &[], &[]);
    for (number, format) in ["docker", "oci"].iter().enumerate() {
        let archive = shop.arg(&format!("{format}.tar"));
        let name = format!("localhost/saved/app:{number}");
        shop.rbuild(&["tag", "localhost/team/app:2", &name]).ok();
        shop.rbuild(&["save", "--format", format, "-o", &archive, &name]).ok();
        let mut load = Command::new(&program);
        load.args(["load", "-i", &archive]);
        finish(load, b"").ok();
        is_there(&shop, Command::new(&program), &name);
    }
}

/// `make test-full` installs it: 250 MB.
#[test]
#[ignore = "needs docker.io"]
fn docker_loads_what_is_sent_to_it() {
    if !tools(&["dockerd", "docker"]) {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return skip("dockerd needs root");
    }
    let shop = shop();
    let socket = shop.at("docker.sock");
    let address = format!("unix://{}", socket.display());
    let mut service = Command::new("dockerd");
    service.args(["--host", &address, "--iptables=false", "--bridge=none", "--storage-driver=vfs"]);
    for (flag, path) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
        service.args([flag, &shop.arg(path)]);
    }
    let _service = Service::start(&mut service, &socket, &shop.at("service.log"));
    let docker = || {
        let mut docker = Command::new("docker");
        docker.args(["--host", &address]);
        docker
    };
    build(&shop, "team/app:1", &["--load"], &[("DOCKER_HOST", &address)]);
    is_there(&shop, docker(), "team/app:1");
    build(&shop, "team/app:2", &["-o", "type=docker,compression=gzip"], &[("DOCKER_HOST", &address)]);
    is_there(&shop, docker(), "team/app:2");
    let archive = shop.arg("saved.tar");
    shop.rbuild(&["tag", "team/app:1", "team/app:3"]).ok();
    shop.rbuild(&["save", "-o", &archive, "team/app:3"]).ok();
    let mut load = docker();
    load.args(["load", "-i", &archive]);
    finish(load, b"").ok();
    is_there(&shop, docker(), "team/app:3");
    // And what docker saves is loaded.
    let mut save = docker();
    save.args(["save", "-o", &archive, "team/app:3"]);
    finish(save, b"").ok();
    let other = Workshop::bare();
    assert_eq!(other.rbuild(&["load", "-i", &archive]).ok().out(), "Loaded image: team/app:3\n");
    is_there(&other, docker(), "team/app:3");
}
