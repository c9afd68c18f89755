//! A program to execute, made ready before the clone so that the child only makes the call.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};

use rustix::fs::{Access, AtFlags, CWD};
use rustix::io::Errno;

/// Program candidates in the order in which they are tried, arguments and environment.
#[derive(Debug)]
pub struct Program {
    candidates: Vec<CString>,
    argv: Pointers,
    env: Pointers,
}

#[derive(Debug)]
struct Pointers {
    pointers: Vec<*const c_char>,
    // What the pointers point into; moving a CString does not move its bytes.
    _strings: Vec<CString>,
}

// SAFETY: the pointers lead to heap memory that the same value owns and never changes.
unsafe impl Send for Pointers {}

// SAFETY: as above; nothing writes through a shared reference.
unsafe impl Sync for Pointers {}

impl Pointers {
    fn new(strings: Vec<CString>) -> Pointers {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(std::ptr::null());
        Pointers { pointers, _strings: strings }
    }
}

/// Why no candidate could be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecFailure {
    /// No candidate exists.
    NotFound,
    /// A candidate exists, the interpreter that it names does not (its `#!` line or its dynamic loader).
    NoInterpreter,
    /// The kernel refused a candidate that exists.
    Refused(Errno),
}

impl Program {
    /// Puts the strings where `execve` wants them.
    pub fn new(candidates: Vec<CString>, argv: Vec<CString>, env: Vec<CString>) -> Program {
        Program { candidates, argv: Pointers::new(argv), env: Pointers::new(env) }
    }

    /// Executes the first candidate that can be; returns only if none could. In the child.
    pub fn execute(&self) -> ExecFailure {
        let mut failure = ExecFailure::NotFound;
        for candidate in &self.candidates {
            // SAFETY: `candidate` and both lists are NUL-terminated and live in `self`.
            unsafe {
                libc::execve(candidate.as_ptr(), self.argv.pointers.as_ptr(), self.env.pointers.as_ptr());
            }
            match super::process::last_errno() {
                Errno::NOENT => {
                    if rustix::fs::accessat(CWD, candidate, Access::EXISTS, AtFlags::empty()).is_ok() {
                        return ExecFailure::NoInterpreter;
                    }
                }
                Errno::NOTDIR => {}
                // As a shell does: a file without permission does not hide a later one in PATH.
                Errno::ACCESS => failure = ExecFailure::Refused(Errno::ACCESS),
                errno => return ExecFailure::Refused(errno),
            }
        }
        failure
    }
}
