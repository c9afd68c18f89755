//! Seccomp filters: the instruction that the kernel reads, and loading a program of them.
#![allow(unsafe_code)]

use rustix::io::{Errno, Result};

/// One instruction of the kernel's classic BPF machine (`struct sock_filter`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many instructions to skip if a comparison holds.
    pub jump_true: u8,
    /// How many to skip if it does not.
    pub jump_false: u8,
    /// The constant, offset or answer.
    pub value: u32,
}

/// Puts a filter over the calling thread and all that it will execute. In the child.
///
/// Needs `CAP_SYS_ADMIN` or `no_new_privs`.
pub fn load(program: &[Instruction]) -> Result<()> {
    let Ok(length) = u16::try_from(program.len()) else { return Err(Errno::INVAL) };
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: the kernel copies `len` instructions, whose layout is that of `sock_filter` (asserted below).
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW,
            &raw const program,
        )
    };
    if answer == 0 { Ok(()) } else { Err(super::process::last_errno()) }
}

const _: () = assert!(size_of::<Instruction>() == size_of::<libc::sock_filter>());
