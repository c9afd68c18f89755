//! An archive into a container engine: what `docker load` sends, as it is made.
//!
//! SPEC: Docker Engine API, `POST /images/load`; podman answers to the same.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::process::{Command, Stdio};

use super::engine::{Connection, Engine};
use super::error::Error;
use crate::sys::command::with_default_signals;

const REQUEST: &str = "POST /images/load?quiet=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-tar\r\n\
                       Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
/// LIMIT: an answer is a line for each image; the rest is not read.
const ANSWER: u64 = 1 << 20;

/// Has `fill` write an archive into `engine`; what the engine says of it, a line each.
pub(super) fn into_engine(
    engine: &Engine,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    match engine.connect().map_err(failed(engine))? {
        Some(connection) => over_http(engine, connection, fill),
        None => by_program(engine, fill),
    }
}

fn failed(engine: &Engine) -> impl Fn(io::Error) -> Error + '_ {
    |e| Error::Engine { engine: engine.to_string(), reason: e.to_string() }
}

fn over_http(
    engine: &Engine,
    mut connection: Connection,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    connection.write_all(REQUEST.as_bytes()).map_err(failed(engine))?;
    let mut body = BufWriter::with_capacity(1 << 16, Chunked { out: &mut connection, is_broken: false });
    let mut filled = fill(&mut body);
    if filled.is_ok() {
        filled = body.flush().map_err(failed(engine));
    }
    let (chunked, _) = body.into_parts();
    let is_broken = chunked.is_broken;
    match filled {
        // The end is said only of what is whole: an engine takes nothing of a body that breaks off.
        Ok(()) => connection.write_all(b"0\r\n\r\n").map_err(failed(engine))?,
        // An engine that has heard enough says why before it hangs up.
        Err(error) => {
            if !is_broken {
                return Err(error);
            }
            let hung_up = || failed(engine)(io::Error::other("it hung up before it had all"));
            return Err(answer(engine, connection).err().unwrap_or_else(hung_up));
        }
    }
    answer(engine, connection)
}

/// Chunked transfer coding. SPEC: RFC 9112 7.1.
struct Chunked<'a> {
    out: &'a mut Connection,
    is_broken: bool,
}

impl Write for Chunked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut send = || {
            self.out.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
            self.out.write_all(bytes)?;
            self.out.write_all(b"\r\n")
        };
        let sent = send();
        self.is_broken |= sent.is_err();
        sent.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn answer(engine: &Engine, connection: Connection) -> Result<Vec<String>, Error> {
    let wrong = |reason: String| Error::Engine { engine: engine.to_string(), reason };
    let broken = |e: io::Error| wrong(format!("its answer cannot be read: {e}"));
    let mut reader = BufReader::new(connection).take(ANSWER);
    let mut line = String::new();
    let (mut status, mut is_chunked, mut length) = (0, false, None);
    // SPEC: an engine may say 100 first.
    while status < 200 {
        line.clear();
        if reader.read_line(&mut line).map_err(broken)? == 0 {
            return Err(wrong("it hung up without an answer".to_string()));
        }
        let code = line.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
        status = code
            .filter(|_| line.starts_with("HTTP/1."))
            .ok_or_else(|| wrong("it speaks no HTTP".to_string()))?;
        loop {
            line.clear();
            reader.read_line(&mut line).map_err(broken)?;
            let header = line.trim().to_ascii_lowercase();
            match header.split_once(':') {
                None if header.is_empty() => break,
                Some(("transfer-encoding", value)) => is_chunked = value.contains("chunked"),
                Some(("content-length", value)) => length = value.trim().parse::<u64>().ok(),
                _ => {}
            }
        }
    }
    let mut body = Vec::new();
    if is_chunked {
        loop {
            line.clear();
            reader.read_line(&mut line).map_err(broken)?;
            let size = line.trim().split(';').next().unwrap_or_default();
            let Ok(size) = u64::from_str_radix(size, 16) else { break };
            if size == 0 {
                break;
            }
            (&mut reader).take(size).read_to_end(&mut body).map_err(broken)?;
            line.clear();
            reader.read_line(&mut line).map_err(broken)?;
        }
    } else {
        reader.take(length.unwrap_or(ANSWER)).read_to_end(&mut body).map_err(broken)?;
    }
    said(status, &body).map_err(wrong)
}

/// What an answer says: a line for each image, or why there is none.
fn said(status: u16, body: &[u8]) -> Result<Vec<String>, String> {
    let text = String::from_utf8_lossy(body);
    let mut lines = Vec::new();
    // COMPAT: success and failure alike begin with 200 in docker; an object a line tells which it is.
    for value in serde_json::Deserializer::from_slice(body).into_iter::<serde_json::Value>() {
        let Ok(value) = value else { break };
        let field = |name: &str| value[name].as_str().map(|text| text.trim().to_string());
        let detail = value["errorDetail"]["message"].as_str().map(|text| text.trim().to_string());
        if let Some(error) = detail.or_else(|| field("error")).filter(|error| !error.is_empty()) {
            return Err(error);
        }
        if status >= 300
            && let Some(message) = field("message")
        {
            return Err(message);
        }
        lines.extend(field("stream").filter(|line| !line.is_empty()));
    }
    match status {
        200..300 => Ok(lines),
        _ => Err(format!("it answers {status}: {}", text.chars().take(300).collect::<String>().trim())),
    }
}

fn by_program(
    engine: &Engine,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    let Engine::Program(path, arguments) = engine else { unreachable!("sockets are spoken to") };
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = with_default_signals(&mut command).spawn().map_err(failed(engine))?;
    let mut pipe = child.stdin.take().expect("piped above");
    // Both of its streams are read while it is fed, or it might wait for us as we wait for it.
    let reader = std::thread::spawn(move || child.wait_with_output());
    let mut out = BufWriter::with_capacity(1 << 16, &mut pipe);
    let filled = fill(&mut out).and_then(|()| out.flush().map_err(Error::Stdout));
    drop(out);
    drop(pipe);
    let output = reader.join().expect("waiting does not panic").map_err(failed(engine))?;
    // An archive that breaks off is none; but who stopped reading says why.
    if let Err(error) = filled
        && (!matches!(error, Error::Stdout(_)) || output.status.success())
    {
        return Err(error);
    }
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_string).collect()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            let reason = said.trim().lines().last().unwrap_or("it failed").to_string();
            Err(Error::Engine { engine: engine.to_string(), reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_line_for_each_image_or_an_error() {
        let two = b"{\"stream\":\"Loaded image: a:1\\n\"}\n{\"stream\":\"Loaded image: b:2\\n\"}\n";
        assert_eq!(
            said(200, two),
            Ok(vec!["Loaded image: a:1".to_string(), "Loaded image: b:2".to_string()])
        );
        let late =
            b"{\"stream\":\"x\"}{\"errorDetail\":{\"message\":\"no space left\"},\"error\":\"no space\"}";
        assert_eq!(said(200, late), Err("no space left".to_string()));
        let podman = br#"{"cause":"c","message":"payload does not match","response":500}"#;
        assert_eq!(said(500, podman), Err("payload does not match".to_string()));
        assert_eq!(said(502, b"<html>"), Err("it answers 502: <html>".to_string()));
        assert_eq!(said(200, b""), Ok(Vec::new()));
    }
}
