//! The set of capabilities that a process keeps.

use crate::sys::capability as cap;

/// A set of capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    /// None.
    pub const NONE: Capabilities = Capabilities(0);

    /// All that there are, now and later.
    pub const ALL: Capabilities = Capabilities(!0);

    /// Docker's fourteen, on which Dockerfiles rely.
    pub const DEFAULT: Capabilities = Capabilities::of(&[
        cap::CHOWN,
        cap::DAC_OVERRIDE,
        cap::FSETID,
        cap::FOWNER,
        cap::MKNOD,
        cap::NET_RAW,
        cap::SETGID,
        cap::SETUID,
        cap::SETFCAP,
        cap::SETPCAP,
        cap::NET_BIND_SERVICE,
        cap::SYS_CHROOT,
        cap::KILL,
        cap::AUDIT_WRITE,
    ]);

    const fn of(numbers: &[u8]) -> Capabilities {
        let mut bits = 0;
        let mut index = 0;
        while index < numbers.len() {
            bits |= 1 << numbers[index];
            index += 1;
        }
        Capabilities(bits)
    }

    /// The kernel's form: bit n is capability number n.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// What is in both sets.
    pub const fn both(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 & other.0)
    }

    /// This set without one capability, by its number.
    pub const fn without(self, number: u8) -> Capabilities {
        Capabilities(self.0 & !(1 << number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_set_is_dockers_as_the_kernel_prints_it() {
        assert_eq!(format!("{:016x}", Capabilities::DEFAULT.bits()), "00000000a80425fb");
    }
}
