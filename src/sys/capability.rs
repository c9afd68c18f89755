//! Linux capabilities by name and number, and the sets of the calling thread.
#![allow(unsafe_code)]

use rustix::io::{Errno, Result};
use rustix::thread::{CapabilitySet, CapabilitySets};

macro_rules! capabilities {
    ($($name:ident = $number:literal),* $(,)?) => {
        $(#[doc = concat!("`CAP_", stringify!($name), "`.")] pub const $name: u8 = $number;)*
        /// Every capability that has a name here, in the kernel's order, with that name.
        pub const NAMES: &[(&str, u8)] = &[$((stringify!($name), $number)),*];
    };
}

capabilities! {
    CHOWN = 0, DAC_OVERRIDE = 1, DAC_READ_SEARCH = 2, FOWNER = 3, FSETID = 4, KILL = 5, SETGID = 6, SETUID = 7,
    SETPCAP = 8, LINUX_IMMUTABLE = 9, NET_BIND_SERVICE = 10, NET_BROADCAST = 11, NET_ADMIN = 12, NET_RAW = 13,
    IPC_LOCK = 14, IPC_OWNER = 15, SYS_MODULE = 16, SYS_RAWIO = 17, SYS_CHROOT = 18, SYS_PTRACE = 19,
    SYS_PACCT = 20, SYS_ADMIN = 21, SYS_BOOT = 22, SYS_NICE = 23, SYS_RESOURCE = 24, SYS_TIME = 25,
    SYS_TTY_CONFIG = 26, MKNOD = 27, LEASE = 28, AUDIT_WRITE = 29, AUDIT_CONTROL = 30, SETFCAP = 31,
    MAC_OVERRIDE = 32, MAC_ADMIN = 33, SYSLOG = 34, WAKE_ALARM = 35, BLOCK_SUSPEND = 36, AUDIT_READ = 37,
    PERFMON = 38, BPF = 39, CHECKPOINT_RESTORE = 40,
}

/// Whether the calling thread has this capability in force, in its own user namespace.
pub fn is_effective(capability: u8) -> bool {
    rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.bits() & (1 << capability) != 0)
}

/// The calling thread's permitted set, as bits.
pub fn permitted() -> Result<u64> {
    rustix::thread::capabilities(None).map(|sets| sets.permitted.bits())
}

/// Takes every capability that is not in `keep` out of the calling thread's bounding set. In the child.
pub fn limit_bounding_set(keep: u64) -> Result<()> {
    for number in 0..64_u32 {
        if keep & (1 << number) != 0 {
            continue;
        }
        // SAFETY: PR_CAPBSET_DROP takes a plain number and touches no memory.
        let answer = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0, 0, 0) };
        if answer != 0 {
            // SAFETY: errno of this thread, which glibc and musl keep in thread-local memory.
            let errno = unsafe { *libc::__errno_location() };
            // The first number that the kernel does not know ends the list.
            return if errno == libc::EINVAL { Ok(()) } else { Err(Errno::from_raw_os_error(errno)) };
        }
    }
    Ok(())
}

/// Makes `bits` the permitted and effective sets and empties the inheritable one. In the child.
pub fn set(bits: u64) -> Result<()> {
    let bits = CapabilitySet::from_bits_retain(bits);
    let sets = CapabilitySets { effective: bits, permitted: bits, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets)
}

/// Empties the ambient set. In the child.
pub fn clear_ambient() -> Result<()> {
    rustix::thread::clear_ambient_capability_set()
}
