//! Which container engine of this machine an image is loaded into, and how it is reached.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// A way to an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Docker's API, or podman's of the same form, over a socket.
    Socket(PathBuf),
    /// The same over TCP.
    Tcp(String),
    /// A program that loads what it is given on standard input: `docker load`, `podman load`.
    Program(PathBuf, Vec<String>),
}

/// What says where engines are: the environment, and docker's configuration.
#[derive(Clone, Debug, Default)]
pub struct EnginePlaces {
    /// `DOCKER_HOST`
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`, else `currentContext` of docker's config.json, unless it is `default`.
    pub context: Option<String>,
    /// Docker's configuration directory.
    pub docker_config: Option<PathBuf>,
    /// Whether TCP to docker is to be under TLS.
    pub tls: bool,
    /// `CONTAINER_HOST`, podman's.
    pub container_host: Option<String>,
    /// Whether we are in a user namespace of our own.
    pub in_namespace: bool,
    /// Where engines usually listen, in order.
    pub sockets: Vec<PathBuf>,
    /// Where programs are.
    pub path: std::ffi::OsString,
}

/// A connection to an engine's API.
pub(super) enum Connection {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Engine {
    /// The first engine that answers. The error says what was looked at.
    ///
    /// ORDER: what the user named, and then nothing else: `DOCKER_HOST`, docker's context, `CONTAINER_HOST`. Else the
    /// usual sockets, docker's before podman's, then podman itself.
    pub fn find(places: &EnginePlaces, context: Option<&str>) -> Result<Engine, String> {
        let context = context.or(places.context.as_deref()).filter(|context| *context != "default");
        if let Some(host) = places.docker_host.as_deref().filter(|_| context.is_none()) {
            return named(places, "DOCKER_HOST", host, &["load"]);
        }
        if let Some(context) = context {
            let host = context_host(places, context)?;
            let from = format!("docker's context {context}");
            return named(places, &from, &host, &["--context", context, "load"]);
        }
        if let Some(host) = &places.container_host {
            return named(places, "CONTAINER_HOST", host, &[]);
        }
        let mut looked = Vec::new();
        for socket in places.sockets.clone() {
            match UnixStream::connect(&socket) {
                Ok(_) => return Ok(Engine::Socket(socket)),
                Err(e) => looked.push(format!("{}: {}", socket.display(), plain(&e))),
            }
        }
        looked.push(match places.program("podman") {
            Some(podman) if !places.in_namespace => {
                return Ok(Engine::Program(podman, vec!["load".to_string()]));
            }
            // It would take itself for root, and look for its images where root has them.
            Some(_) => {
                "podman: cannot run inside of rbuild's user namespace; systemctl --user start podman.socket \
                        makes it listen"
                    .to_string()
            }
            None => "podman: not in the PATH".to_string(),
        });
        Err(format!(
            "there is no docker and no podman to load the image into: DOCKER_HOST and CONTAINER_HOST are not set; {}. \
             Start one, or leave the flag out: the image is kept in rbuild's own store, and `rbuild save NAME -o FILE` \
             writes it for `docker load`",
            looked.join("; ")
        ))
    }

    /// Connects to its API; none for a program.
    pub(super) fn connect(&self) -> io::Result<Option<Connection>> {
        Ok(match self {
            Engine::Socket(path) => Some(Connection::Unix(UnixStream::connect(path)?)),
            Engine::Tcp(address) => Some(Connection::Tcp(TcpStream::connect(address)?)),
            Engine::Program(..) => None,
        })
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Engine::Socket(path) => write!(f, "the engine at {}", path.display()),
            Engine::Tcp(address) => write!(f, "the engine at {address}"),
            Engine::Program(path, arguments) => write!(f, "{} {}", path.display(), arguments.join(" ")),
        }
    }
}

impl EnginePlaces {
    fn program(&self, name: &str) -> Option<PathBuf> {
        let directories = std::env::split_paths(&self.path).filter(|directory| directory.is_absolute());
        directories.map(|directory| directory.join(name)).find(|file| file.is_file())
    }
}

/// The engine at an address that somebody gave. What docker reaches in ways of its own, docker's program reaches for us.
fn named(places: &EnginePlaces, from: &str, host: &str, by_docker: &[&str]) -> Result<Engine, String> {
    let engine = match host.split_once("://") {
        Some(("unix", path)) => Engine::Socket(PathBuf::from(path)),
        Some(("tcp" | "http", address)) if !places.tls => {
            Engine::Tcp(address.trim_end_matches('/').to_string())
        }
        _ if by_docker.is_empty() => {
            return Err(format!("{from} is {host}: only unix:// and tcp:// are supported there"));
        }
        _ => {
            let program = places.program("docker").ok_or_else(|| {
                format!("{from} is {host}, which takes docker's own program, and it is not in the PATH")
            })?;
            let arguments = by_docker.iter().map(ToString::to_string).collect();
            return Ok(Engine::Program(program, arguments));
        }
    };
    match engine.connect() {
        Ok(_) => Ok(engine),
        Err(e) => Err(format!("{from} is {host}, and nobody answers there: {}", plain(&e))),
    }
}

/// The address that docker's configuration has for a context.
fn context_host(places: &EnginePlaces, context: &str) -> Result<String, String> {
    let wrong = |reason: String| format!("docker's context {context}: {reason}");
    let config = places.docker_config.as_ref().ok_or_else(|| wrong("HOME is not set".to_string()))?;
    let name = crate::oci::Digest::of(context.as_bytes()).hex();
    let file = config.join("contexts/meta").join(name).join("meta.json");
    let text = std::fs::read(&file).map_err(|e| wrong(format!("{}: {}", file.display(), plain(&e))))?;
    let meta: serde_json::Value =
        serde_json::from_slice(&text).map_err(|e| wrong(format!("{}: {e}", file.display())))?;
    let host = meta["Endpoints"]["docker"]["Host"].as_str();
    host.map(str::to_string).ok_or_else(|| wrong(format!("{} names no host", file.display())))
}

/// Without the number that the library adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_string()
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Connection::Unix(stream) => stream.read(buffer),
            Connection::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Connection::Unix(stream) => stream.write(bytes),
            Connection::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_is_named_is_the_only_one_asked() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("a.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let host =
            |host: &str| EnginePlaces { docker_host: Some(host.to_string()), ..EnginePlaces::default() };
        let found = Engine::find(&host(&format!("unix://{}", socket.display())), None);
        assert_eq!(found, Ok(Engine::Socket(socket.clone())));
        let error = Engine::find(&host("unix:///does/not/exist"), None).unwrap_err();
        assert!(error.contains("DOCKER_HOST") && error.contains("nobody answers"), "{error}");
        let error = Engine::find(&host("ssh://me@far"), None).unwrap_err();
        assert!(error.contains("ssh://me@far") && error.contains("docker's own program"), "{error}");
        let podman = EnginePlaces { container_host: Some("ssh://x".into()), ..EnginePlaces::default() };
        assert!(Engine::find(&podman, None).unwrap_err().contains("CONTAINER_HOST"));
        // Nobody named one: the first that answers, and what was looked at if none does.
        let dead = dir.path().join("dead.sock");
        drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
        let places = |sockets: &[&PathBuf]| EnginePlaces {
            sockets: sockets.iter().map(|socket| socket.to_path_buf()).collect(),
            path: dir.path().into(),
            ..EnginePlaces::default()
        };
        assert_eq!(Engine::find(&places(&[&dead, &socket]), None), Ok(Engine::Socket(socket.clone())));
        let missing = dir.path().join("missing.sock");
        let error = Engine::find(&places(&[&dead, &missing]), None).unwrap_err();
        for part in
            ["dead.sock: Connection refused", "missing.sock: No such file", "podman: not in", "rbuild save"]
        {
            assert!(error.contains(part), "{error}");
        }
        let podman = dir.path().join("podman");
        std::fs::write(&podman, "").unwrap();
        let program = Engine::Program(podman.clone(), vec!["load".to_string()]);
        assert_eq!(Engine::find(&places(&[&dead]), None), Ok(program));
        let inside = EnginePlaces { in_namespace: true, ..places(&[&dead]) };
        assert!(Engine::find(&inside, None).unwrap_err().contains("podman.socket"));
        std::fs::remove_file(podman).unwrap();
        // A context of docker's configuration.
        let meta = dir.path().join("contexts/meta").join(crate::oci::Digest::of(b"mine").hex());
        std::fs::create_dir_all(&meta).unwrap();
        let text =
            format!(r#"{{"Name":"mine","Endpoints":{{"docker":{{"Host":"unix://{}"}}}}}}"#, socket.display());
        std::fs::write(meta.join("meta.json"), text).unwrap();
        let places =
            EnginePlaces { docker_config: Some(dir.path().into()), ..host("unix:///does/not/exist") };
        assert_eq!(Engine::find(&places, Some("mine")), Ok(Engine::Socket(socket)));
        assert!(Engine::find(&places, Some("other")).unwrap_err().contains("context other"));
    }
}
