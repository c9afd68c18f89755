//! The machine's emulators: where they are looked for, and which of them can work in any root.
//!
//! Two names, in this order: `qemu-aarch64-static` and `qemu-aarch64` (the name of static ones too, in Debian 13). Each in
//! the directories of PATH, then in `/usr/local/bin`, `/usr/bin` and `/bin`, the first that is linked statically.

use std::fs::File;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::machine::Machine;

const ALSO: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An emulator that needs no library.
    Static(PathBuf),
    /// Only one that needs libraries, which a root does not have.
    Dynamic(PathBuf),
    Nothing,
}

/// Looks for an emulator in the directories of `path`, PATH's value.
pub(super) fn find(machine: &Machine, path: Option<&std::ffi::OsStr>) -> Found {
    let mut directories: Vec<PathBuf> =
        path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
    directories.extend(ALSO.iter().map(PathBuf::from));
    find_in(&names(machine), &directories)
}

/// The names that are looked for.
pub(super) fn names(machine: &Machine) -> [String; 2] {
    [format!("qemu-{}-static", machine.qemu), format!("qemu-{}", machine.qemu)]
}

fn find_in(names: &[String], directories: &[PathBuf]) -> Found {
    let mut dynamic = None;
    for name in names {
        // A relative directory would be another one wherever the program is started.
        for directory in directories.iter().filter(|directory| directory.is_absolute()) {
            let path = directory.join(name);
            match is_static(&path) {
                Some(true) => return Found::Static(path),
                Some(false) => drop(dynamic.get_or_insert(path)),
                None => {}
            }
        }
    }
    dynamic.map_or(Found::Nothing, Found::Dynamic)
}

// None if it is no program at all.
fn is_static(path: &Path) -> Option<bool> {
    let file = File::open(path).ok()?;
    let about = file.metadata().ok()?;
    if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
        return None;
    }
    let mut header = [0; 64];
    file.read_exact_at(&mut header, 0).ok()?;
    if header[..4] != *b"\x7fELF" {
        return None;
    }
    // LIMIT: 64 bits, little-endian, as every machine is that this program runs on.
    if header[4..6] != [2, 1] {
        return Some(false);
    }
    let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let (size, count) = (u64::from(short(54)), u64::from(short(56)));
    let start = u64::from_le_bytes(header[32..40].try_into().expect("eight bytes"));
    let mut is_static = true;
    for index in 0..count {
        let mut kind = [0; 4];
        file.read_exact_at(&mut kind, start.checked_add(index * size)?).ok()?;
        // PT_INTERP: the program names a loader.
        is_static &= u32::from_le_bytes(kind) != 3;
    }
    Some(is_static)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::processor::machine::machine;
    use crate::sandbox::processor::program::program;

    fn install(directory: &Path, name: &str, is_static: bool) {
        let mut bytes = program(machine("amd64").unwrap());
        if !is_static {
            bytes[64] = 3;
        }
        std::fs::write(directory.join(name), bytes).unwrap();
        std::fs::set_permissions(directory.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_static_emulator_is_preferred_by_name_then_by_directory() {
        let arm64 = machine("arm64").unwrap();
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let directories = [first.path().to_owned(), second.path().to_owned()];
        let find = || find_in(&names(arm64), &directories);
        assert_eq!(find(), Found::Nothing);
        install(first.path(), "qemu-aarch64", false);
        assert_eq!(find(), Found::Dynamic(first.path().join("qemu-aarch64")));
        install(second.path(), "qemu-aarch64", true);
        assert_eq!(find(), Found::Static(second.path().join("qemu-aarch64")));
        install(second.path(), "qemu-aarch64-static", true);
        assert_eq!(find(), Found::Static(second.path().join("qemu-aarch64-static")));
        std::fs::write(first.path().join("qemu-aarch64-static"), "#!/bin/sh\n").unwrap();
        assert_eq!(find(), Found::Static(second.path().join("qemu-aarch64-static")));
    }
}
