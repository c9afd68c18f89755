//! What distinguishes the programs of each processor, as data: by Go's names, as platforms give them.
//!
//! SPEC: the ELF specification's header and each processor's supplement; the kernel's numbers of `exit`.

/// The kind of a program, as its first bytes tell it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// `arm64`, …
    pub(super) architecture: &'static str,
    /// QEMU's name for it.
    pub(super) qemu: &'static str,
    pub(super) width: Width,
    pub(super) order: Order,
    /// `e_machine`.
    pub(super) number: u16,
    /// `e_flags` of a program that does nothing special.
    pub(super) flags: u32,
    /// Instructions that exit with the code 33.
    pub(super) exit: &'static [u8],
}

/// How wide an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Bits32,
    Bits64,
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// What [`Machine::exit`] exits with.
pub(super) const CODE: u8 = 33;

/// The machine of an architecture; none if it is not known here.
pub(super) fn machine(architecture: &str) -> Option<&'static Machine> {
    MACHINES.iter().find(|machine| machine.architecture == architecture)
}

#[rustfmt::skip]
const MACHINES: &[Machine] = &[
    Machine {
        architecture: "386", qemu: "i386", width: Width::Bits32, order: Order::Little, number: 3, flags: 0,
        exit: b"\xbb\x21\0\0\0\xb8\x01\0\0\0\xcd\x80",
    },
    Machine {
        architecture: "amd64", qemu: "x86_64", width: Width::Bits64, order: Order::Little, number: 62, flags: 0,
        exit: b"\xbf\x21\0\0\0\xb8\x3c\0\0\0\x0f\x05",
    },
    Machine {
        architecture: "arm", qemu: "arm", width: Width::Bits32, order: Order::Little, number: 40,
        flags: 0x0500_0000,
        exit: b"\x21\0\xa0\xe3\x01\x70\xa0\xe3\0\0\0\xef",
    },
    Machine {
        architecture: "arm64", qemu: "aarch64", width: Width::Bits64, order: Order::Little, number: 183, flags: 0,
        exit: b"\x20\x04\x80\xd2\xa8\x0b\x80\xd2\x01\0\0\xd4",
    },
    Machine {
        architecture: "loong64", qemu: "loongarch64", width: Width::Bits64, order: Order::Little, number: 258,
        flags: 0x43,
        exit: b"\x04\x84\x80\x03\x0b\x74\x81\x03\0\0\x2b\0",
    },
    Machine {
        architecture: "mips", qemu: "mips", width: Width::Bits32, order: Order::Big, number: 8, flags: 0x1000,
        exit: b"\x24\x04\0\x21\x24\x02\x0f\xa1\0\0\0\x0c",
    },
    Machine {
        architecture: "mips64", qemu: "mips64", width: Width::Bits64, order: Order::Big, number: 8,
        flags: 0x6000_0000,
        exit: b"\x24\x04\0\x21\x24\x02\x13\xc2\0\0\0\x0c",
    },
    Machine {
        architecture: "mips64le", qemu: "mips64el", width: Width::Bits64, order: Order::Little, number: 8,
        flags: 0x6000_0000,
        exit: b"\x21\0\x04\x24\xc2\x13\x02\x24\x0c\0\0\0",
    },
    Machine {
        architecture: "mipsle", qemu: "mipsel", width: Width::Bits32, order: Order::Little, number: 8, flags: 0x1000,
        exit: b"\x21\0\x04\x24\xa1\x0f\x02\x24\x0c\0\0\0",
    },
    Machine {
        architecture: "ppc64", qemu: "ppc64", width: Width::Bits64, order: Order::Big, number: 21, flags: 2,
        exit: b"\x38\x60\0\x21\x38\0\0\x01\x44\0\0\x02",
    },
    Machine {
        architecture: "ppc64le", qemu: "ppc64le", width: Width::Bits64, order: Order::Little, number: 21, flags: 2,
        exit: b"\x21\0\x60\x38\x01\0\0\x38\x02\0\0\x44",
    },
    Machine {
        architecture: "riscv64", qemu: "riscv64", width: Width::Bits64, order: Order::Little, number: 243, flags: 0,
        exit: b"\x13\x05\x10\x02\x93\x08\xd0\x05\x73\0\0\0",
    },
    Machine {
        architecture: "s390x", qemu: "s390x", width: Width::Bits64, order: Order::Big, number: 22, flags: 0,
        exit: b"\xa7\x29\0\x21\x0a\x01",
    },
];
