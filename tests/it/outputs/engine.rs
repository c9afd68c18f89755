//! `--load`: an engine of our own on a socket takes what is sent to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;

use rbuild::export::{Encode, Engine, Output, export};

use super::shop;
use crate::e2e::{Said, Workshop};
use crate::export_fixture::World;

/// What was asked of the engine.
struct Asked {
    head: Vec<String>,
    body: Vec<u8>,
}

/// An engine that takes one request with a body, and answers.
fn engine(socket: &Path, answer: &'static str) -> JoinHandle<Asked> {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        loop {
            let (stream, _) = listener.accept().unwrap();
            // Whoever only looks whether somebody is there says nothing.
            if let Some(asked) = serve(stream, answer) {
                return asked;
            }
        }
    })
}

fn serve(mut stream: UnixStream, answer: &str) -> Option<Asked> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    for line in (&mut reader).lines() {
        let line = line.unwrap();
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    if head.is_empty() {
        return None;
    }
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size).unwrap();
        let Ok(size) = u64::from_str_radix(size.trim(), 16) else { panic!("a body that breaks off") };
        let read = (&mut reader).take(size).read_to_end(&mut body).unwrap();
        assert_eq!(read as u64, size);
        let mut end = String::new();
        reader.read_line(&mut end).unwrap();
        assert_eq!(end, "\r\n");
        if size == 0 {
            break;
        }
    }
    stream.write_all(answer.as_bytes()).unwrap();
    Some(Asked { head, body })
}

fn load(shop: &Workshop, flags: &[&str], variables: &[(&str, &str)]) -> Said {
    let context = shop.context().display().to_string();
    shop.rbuild_with(&[&["build", "-t", "app:1"], flags, &[&context]].concat(), b"", variables)
}

const LOADED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n\
                      23\r\n{\"stream\":\"Loaded image: app:1\\n\"}\r\n\r\n0\r\n\r\n";

#[test]
fn an_image_is_loaded_into_the_engine_that_docker_host_names() {
    let shop = shop();
    for (number, flags) in
        [&["--load"][..], &["-o", "type=docker"], &["--load=true", "-o", "type=docker,compression=gzip"]]
            .iter()
            .enumerate()
    {
        let socket = shop.at(&format!("{number}.sock"));
        let engine = engine(&socket, LOADED);
        let host = format!("unix://{}", socket.display());
        load(&shop, flags, &[("DOCKER_HOST", &host)]).ok();
        let Asked { head, body } = engine.join().unwrap();
        assert!(head[0].starts_with("POST /images/load"), "{head:?}");
        assert!(
            head.iter().any(|line| line.eq_ignore_ascii_case("content-type: application/x-tar")),
            "{head:?}"
        );
        let other = Workshop::bare();
        assert_eq!(other.rbuild_with(&["load"], &body, &[]).ok().out(), "Loaded image: app:1\n");
        let inspect = |shop: &Workshop| {
            let said = shop.rbuild(&["inspect", "--json", "app:1"]).ok().stdout;
            serde_json::from_slice::<serde_json::Value>(&said).unwrap()
        };
        assert_eq!(inspect(&shop)["id"], inspect(&other)["id"]);
        let media_type = inspect(&other)["layers"][0]["mediaType"].as_str().unwrap().to_string();
        assert_eq!(media_type.ends_with("gzip"), number == 2, "{media_type}");
    }
}

#[test]
fn an_engine_that_refuses_is_quoted_and_the_build_fails() {
    let shop = shop();
    for (number, (answer, part)) in [
        ("HTTP/1.1 200 OK\r\n\r\n{\"errorDetail\":{\"message\":\"no space left on device\"},\"error\":\"x\"}", "no space left"),
        ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 28\r\n\r\n{\"message\":\"invalid archive\"}", "invalid archive"),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nforbid", "it answers 403"),
        ("", "hung up"),
        ("SSH-2.0-OpenSSH\r\n", "speaks no HTTP"),
    ]
    .into_iter()
    .enumerate()
    {
        let socket = shop.at(&format!("{number}.sock"));
        let engine = engine(&socket, answer);
        let host = format!("unix://{}", socket.display());
        load(&shop, &["--load"], &[("DOCKER_HOST", &host)]).fails(&[part, "cannot load the image"]);
        engine.join().unwrap();
    }
}

#[test]
fn an_engine_that_is_named_and_not_there_is_said_before_the_build() {
    let shop = shop();
    let missing = format!("unix://{}", shop.arg("missing.sock"));
    load(&shop, &["--load"], &[("DOCKER_HOST", &missing)])
        .fails(&["DOCKER_HOST", "missing.sock", "nobody answers"])
        .never_says(&["load build definition"]);
    load(&shop, &["--load"], &[("CONTAINER_HOST", "ssh://far")]).fails(&["CONTAINER_HOST is ssh://far"]);
    load(&shop, &["--load"], &[("DOCKER_CONTEXT", "mine")]).fails(&["docker's context mine"]);
    let config = shop.write_at(".docker/config.json", r#"{"currentContext":"chosen"}"#);
    assert!(config.exists());
    load(&shop, &["--load"], &[]).fails(&["docker's context chosen"]);
    let platforms = ["--load", "--platform", "linux/amd64,linux/arm64"];
    let socket = shop.at("there.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let host = format!("unix://{}", socket.display());
    load(&shop, &platforms, &[("DOCKER_HOST", &host)]).fails(&["linux/amd64, linux/arm64"]);
}

#[test]
fn a_program_is_fed_where_there_is_no_socket() {
    let world = World::new();
    let program = |name: &str, text: &str| {
        let path = world.scratch.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let taken = world.scratch.path().join("taken.tar");
    let good = program("good", "#!/bin/sh\n[ \"$1\" = load ] && cat > \"$2\" && echo Loaded\n");
    let arguments = vec!["load".to_string(), taken.display().to_string()];
    let output = Output::Engine(Engine::Program(good, arguments), Encode::default());
    let exported = world.export(output);
    assert!(exported.top.is_some());
    let archive = std::fs::read(&taken).unwrap();
    assert!(archive.ends_with(&[0; 1024]), "all of it");
    let bad = program("bad", "#!/bin/sh\nhead -c 10 > /dev/null\necho 'Error: out of luck' >&2\nexit 3\n");
    let output = Output::Engine(Engine::Program(bad, Vec::new()), Encode::default());
    let error = export(&world.store, &world.set, &output, &mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("Error: out of luck"), "{error}");
}
