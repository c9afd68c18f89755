//! Where a command is looked for: the candidates, in order, made ready before anything inside the root is known.

use std::ffi::CString;

use super::error::Error;
use super::spec::Process;
use crate::sys::exec::Program;

// Docker's, for an environment without PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The program of a process, with a candidate for each directory of its PATH.
pub(super) fn program(process: &Process) -> Result<Program, Error> {
    let Some(command) = process.argv.first() else {
        return Err(Error::Invalid("there is no command to run".to_owned()));
    };
    let string = |bytes: Vec<u8>| {
        CString::new(bytes).map_err(|_| Error::Invalid("an argument or variable holds a NUL byte".to_owned()))
    };
    let candidates = candidates(command, &process.env).into_iter().map(string).collect::<Result<_, _>>()?;
    let argv = process.argv.iter().cloned().map(string).collect::<Result<_, _>>()?;
    let pair = |(name, value): &(String, String)| string(format!("{name}={value}").into_bytes());
    let env = process.env.iter().map(pair).collect::<Result<_, _>>()?;
    Ok(Program::new(candidates, argv, env))
}

/// Whether a command is looked for in PATH.
pub(super) fn is_bare(command: &[u8]) -> bool {
    !command.contains(&b'/')
}

fn candidates(command: &[u8], env: &[(String, String)]) -> Vec<Vec<u8>> {
    if !is_bare(command) {
        return vec![command.to_vec()];
    }
    if command.is_empty() {
        return Vec::new();
    }
    // The last one wins, as in the environment that the process gets.
    let path =
        env.iter().rev().find(|(name, _)| name == "PATH").map_or(DEFAULT_PATH, |(_, value)| value.as_str());
    path.split(':')
        .map(|directory| {
            let directory = if directory.is_empty() { "." } else { directory };
            [directory.as_bytes(), b"/", command].concat()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(command: &str, path: Option<&str>) -> Vec<String> {
        let env: Vec<_> = path.map(|path| ("PATH".to_owned(), path.to_owned())).into_iter().collect();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        candidates(command.as_bytes(), &env).into_iter().map(text).collect()
    }

    #[test]
    fn a_bare_command_is_looked_for_in_each_directory_of_path() {
        assert_eq!(found("sh", Some("/a::/b")), ["/a/sh", "./sh", "/b/sh"]);
        assert_eq!(found("sh", None).len(), 6);
        assert!(found("", Some("/a")).is_empty());
    }

    #[test]
    fn a_command_with_a_slash_is_taken_as_it_is() {
        assert_eq!(found("./x", Some("/a")), ["./x"]);
        assert_eq!(found("/bin/x", None), ["/bin/x"]);
    }
}
