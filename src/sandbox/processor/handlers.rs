//! The handlers that the host's `binfmt_misc` shows, where it is mounted.
//!
//! SPEC: the kernel's Documentation/admin-guide/binfmt-misc.rst; the files' own form is that of `entry_status` there.

use std::path::{Path, PathBuf};

use super::machine::Machine;
use super::program::program;

/// Where systemd and Debian mount it.
const HANDLERS: &str = "/proc/sys/fs/binfmt_misc";

/// A handler of the host's for one kind of program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Handler {
    pub(super) name: String,
    pub(super) interpreter: PathBuf,
    pub(super) is_enabled: bool,
    /// Flag F: the interpreter is open already, and need not be in the root.
    pub(super) is_fixed: bool,
}

/// The handler that takes a machine's programs: by their bytes, whatever it is called. An enabled one first.
pub(super) fn handler(machine: &Machine) -> Option<Handler> {
    let all_are_enabled =
        std::fs::read_to_string(Path::new(HANDLERS).join("status")).ok()?.trim() == "enabled";
    let mut files: Vec<_> = std::fs::read_dir(HANDLERS).ok()?.flatten().map(|file| file.path()).collect();
    files.sort();
    let program = program(machine);
    let mut found: Option<Handler> = None;
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let Some(mut handler) = parse(&name, &text, &program) else { continue };
        handler.is_enabled &= all_are_enabled;
        if found.as_ref().is_none_or(|found| !found.is_enabled && handler.is_enabled) {
            found = Some(handler);
        }
    }
    found
}

// None if the handler does not take the program.
fn parse(name: &str, text: &str, program: &[u8]) -> Option<Handler> {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let offset: usize = value("offset ")?.parse().ok()?;
    let magic = bytes(value("magic ")?)?;
    let mask = match value("mask ") {
        Some(mask) => bytes(mask)?,
        None => vec![0xff; magic.len()],
    };
    // The kernel compares with what it has read of the file, zeros where that is shorter.
    let at = |index: usize| program.get(offset + index).copied().unwrap_or(0);
    let fits =
        magic.iter().zip(&mask).enumerate().all(|(index, (magic, mask))| (at(index) ^ magic) & mask == 0);
    fits.then(|| Handler {
        name: name.to_owned(),
        interpreter: PathBuf::from(value("interpreter ").unwrap_or_default()),
        is_enabled: text.lines().next() == Some("enabled"),
        is_fixed: value("flags:").is_some_and(|flags| flags.contains('F')),
    })
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::processor::machine::machine;

    const DEBIAN: &str = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POF\noffset 0\n\
                          magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";

    #[test]
    fn a_handler_is_found_by_the_bytes_that_it_takes() {
        let arm64 = program(machine("arm64").unwrap());
        let handler = parse("whatever", DEBIAN, &arm64).unwrap();
        assert!(handler.is_enabled && handler.is_fixed);
        assert_eq!(handler.interpreter, Path::new("/usr/libexec/qemu-binfmt/aarch64-binfmt-P"));
        assert_eq!(parse("qemu-arm", DEBIAN, &program(machine("arm").unwrap())), None);
        assert_eq!(
            parse("python3.11", "enabled\ninterpreter /usr/bin/python3\nflags: \nextension .pyc\n", &arm64),
            None
        );
    }

    #[test]
    fn a_handler_that_is_disabled_or_not_fixed_says_so() {
        let arm64 = program(machine("arm64").unwrap());
        let text = DEBIAN.replace("enabled", "disabled").replace("POF", "PO");
        let handler = parse("x", &text, &arm64).unwrap();
        assert!(!handler.is_enabled && !handler.is_fixed);
    }
}
