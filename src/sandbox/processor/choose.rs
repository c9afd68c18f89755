//! How programs of an architecture are run here, decided by trying it, once per process.
//!
//! In this order: this machine's own; those that the kernel runs as it is (32-bit programs on a 64-bit processor, or the
//! host's `binfmt_misc` with an interpreter that need not be in the root); an emulator of this machine's, registered in a
//! user namespace; a handler of the host's whose interpreter is in the root. What is chosen is no part of any key.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::attempt::attempt;
use super::handlers::{Handler, handler};
use super::machine::{Machine, machine};
use super::program::pattern;
use super::qemu::{Found, find, names};
use crate::sandbox::cancel::Cancel;
use crate::sandbox::emulator::Emulator;
use crate::sandbox::error::Error;
use crate::sys::binfmt::{Failed, Instance};

/// What runs programs of an architecture.
#[derive(Clone, Debug)]
pub enum Processor {
    /// The kernel, as it is.
    Kernel,
    /// An emulator that sandboxes must be given.
    Emulator(Emulator),
}

static KNOWN: Mutex<BTreeMap<String, Processor>> = Mutex::new(BTreeMap::new());

/// What was looked at.
pub struct Wanted<'a> {
    /// The programs' architecture, by Go's name.
    pub architecture: &'a str,
    /// This machine's.
    pub host: &'a str,
    /// A directory for a trial, where an overlay can have its upper directory.
    pub beside: &'a Path,
    /// Whether the root has an executable file at a path.
    pub is_in_root: &'a dyn Fn(&Path) -> bool,
}

/// What runs programs of an architecture here, or why nothing does, with what to install.
pub fn processor(wanted: &Wanted<'_>, cancel: &Cancel) -> Result<Processor, Error> {
    if wanted.architecture == wanted.host {
        return Ok(Processor::Kernel);
    }
    // Held throughout: steps that wait for the answer need not find it out themselves.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(processor) = known.get(wanted.architecture) {
        return Ok(processor.clone());
    }
    let Some(machine) = machine(wanted.architecture) else {
        let why = "no emulator of it is known to rbuild".to_owned();
        return Err(foreign(wanted, why, "build on a machine of that architecture"));
    };
    if attempt(machine, None, wanted.beside, cancel)?.is_none() {
        known.insert(wanted.architecture.to_owned(), Processor::Kernel);
        return Ok(Processor::Kernel);
    }
    match emulator(machine, wanted, cancel)? {
        Ok(emulator) => {
            let processor = Processor::Emulator(emulator);
            known.insert(wanted.architecture.to_owned(), processor.clone());
            Ok(processor)
        }
        Err(failure) => {
            let handler = handler(machine);
            if let Some(Handler { is_enabled: true, interpreter, .. }) = &handler
                && (wanted.is_in_root)(interpreter)
            {
                return Ok(Processor::Kernel);
            }
            let why = format!("{}, and {}", about(handler.as_ref()), failure.why);
            Err(foreign(wanted, why, failure.fix))
        }
    }
}

struct Failure {
    why: String,
    fix: &'static str,
}

const INSTALL: &str = "apt-get install qemu-user-static";
const REGISTER: &str = "register an emulator for the whole machine, as root: \
                        apt-get install qemu-user-static binfmt-support";

// An emulator that has been seen to work; the outer error is that of the sandbox itself.
fn emulator(
    machine: &Machine,
    wanted: &Wanted<'_>,
    cancel: &Cancel,
) -> Result<Result<Emulator, Failure>, Error> {
    let program = match find(machine, std::env::var_os("PATH").as_deref()) {
        Found::Static(program) => program,
        Found::Dynamic(program) => {
            let why = format!("{} needs libraries, which an image does not have", program.display());
            return Ok(Err(Failure { why, fix: INSTALL }));
        }
        Found::Nothing => {
            let [first, second] = names(machine);
            let why = format!("there is neither {first} nor {second} in PATH");
            return Ok(Err(Failure { why, fix: INSTALL }));
        }
    };
    let instance = match Instance::new(&registration(machine, &program)) {
        Ok(instance) => Arc::new(instance),
        Err(Failed { call, errno, is_kernel }) => {
            let needs = if is_kernel { " (that takes Linux 6.7 with CONFIG_BINFMT_MISC)" } else { "" };
            return Ok(Err(Failure { why: format!("{call}: {errno}{needs}"), fix: REGISTER }));
        }
    };
    let emulator = Emulator { instance, program };
    Ok(match attempt(machine, Some(&emulator), wanted.beside, cancel)? {
        None => Ok(emulator),
        Some(instead) => {
            let why = format!("a trial with {} ended with: {instead}", emulator.program.display());
            Err(Failure { why, fix: INSTALL })
        }
    })
}

// Flags: P, the program gets its own argv[0]; O and C, it is opened by the kernel, and set-user-id programs work; F, the
// emulator is opened now, so that it need not be in any root.
fn registration(machine: &Machine, program: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    let (magic, mask) = pattern(machine);
    let escaped = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let mut line =
        format!(":rbuild-{}:M::{}:{}:", machine.qemu, escaped(&magic), escaped(&mask)).into_bytes();
    line.extend_from_slice(program.as_os_str().as_bytes());
    line.extend_from_slice(b":POCF");
    line
}

fn about(handler: Option<&Handler>) -> String {
    match handler {
        None => "the kernel has no handler for them".to_owned(),
        Some(Handler { name, is_enabled: false, .. }) => format!("the host's handler {name} is disabled"),
        Some(Handler { name, interpreter, is_fixed: false, .. }) => {
            let interpreter = interpreter.display();
            format!(
                "the host's handler {name} has no flag F and needs {interpreter}, which is not in the image"
            )
        }
        Some(Handler { name, .. }) => format!("the host's handler {name} does not work"),
    }
}

fn foreign(wanted: &Wanted<'_>, why: String, fix: &'static str) -> Error {
    Error::Foreign { architecture: wanted.architecture.to_owned(), host: wanted.host.to_owned(), why, fix }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_in_the_kernels_form() {
        let line = registration(machine("arm64").unwrap(), Path::new("/usr/bin/qemu-aarch64-static"));
        let line = String::from_utf8(line).unwrap();
        assert!(line.starts_with(":rbuild-aarch64:M::\\x7f\\x45\\x4c\\x46\\x02\\x01\\x01\\x00"), "{line}");
        assert!(line.ends_with("\\xfe\\xff\\xff\\xff:/usr/bin/qemu-aarch64-static:POCF"), "{line}");
    }
}
