//! The smallest program of a processor, and the pattern by which the kernel knows its kind.

use super::machine::{Machine, Order, Width};

/// Where the program is loaded: above what kernels keep free at the bottom, at a multiple of the largest page.
const ADDRESS: u64 = 0x40_0000;
const ALIGNMENT: u64 = 0x1_0000;

/// Magic and mask cover the header up to `e_machine`.
const LENGTH: usize = 20;

/// An executable file that exits with [`super::machine::CODE`], and needs nothing but the kernel.
pub(super) fn program(machine: &Machine) -> Vec<u8> {
    let is_wide = machine.width == Width::Bits64;
    let (header, segment): (u64, u64) = if is_wide { (64, 56) } else { (52, 32) };
    let size = header + segment + machine.exit.len() as u64;
    let mut file = Bytes { machine, bytes: identification(machine).to_vec() };
    file.short(2);
    file.short(machine.number);
    file.long(1);
    file.address(ADDRESS + header + segment);
    file.address(header);
    file.address(0);
    file.long(machine.flags);
    // Sizes of the headers, and one of a segment; no sections.
    for number in [header as u16, segment as u16, 1, 0, 0, 0] {
        file.short(number);
    }
    // A segment that is loaded, readable and executable, from the file's first byte.
    file.long(1);
    if is_wide {
        file.long(5);
    }
    for number in [0, ADDRESS, ADDRESS, size, size] {
        file.address(number);
    }
    if !is_wide {
        file.long(5);
    }
    file.address(ALIGNMENT);
    file.bytes.extend_from_slice(machine.exit);
    file.bytes
}

/// The first bytes of such programs, and which of their bits count: not the ABI, and neither whether it is dynamic.
pub(super) fn pattern(machine: &Machine) -> ([u8; LENGTH], [u8; LENGTH]) {
    let mut magic = [0; LENGTH];
    let mut mask = [0xff; LENGTH];
    magic[..16].copy_from_slice(&identification(machine));
    let two = |number: u16| match machine.order {
        Order::Little => number.to_le_bytes(),
        Order::Big => number.to_be_bytes(),
    };
    magic[16..18].copy_from_slice(&two(2));
    magic[18..20].copy_from_slice(&two(machine.number));
    // An executable is of type 2 or, position-independent, 3.
    mask[16..18].copy_from_slice(&two(0xfffe));
    // The ABI and its version.
    mask[7..9].fill(0);
    (magic, mask)
}

fn identification(machine: &Machine) -> [u8; 16] {
    let mut identification = [0; 16];
    identification[..4].copy_from_slice(b"\x7fELF");
    identification[4] = if machine.width == Width::Bits64 { 2 } else { 1 };
    identification[5] = if machine.order == Order::Little { 1 } else { 2 };
    identification[6] = 1;
    identification
}

struct Bytes<'a> {
    machine: &'a Machine,
    bytes: Vec<u8>,
}

impl Bytes<'_> {
    fn number(&mut self, number: u64, length: usize) {
        match self.machine.order {
            Order::Little => self.bytes.extend_from_slice(&number.to_le_bytes()[..length]),
            Order::Big => self.bytes.extend_from_slice(&number.to_be_bytes()[8 - length..]),
        }
    }

    fn short(&mut self, number: u16) {
        self.number(u64::from(number), 2);
    }

    fn long(&mut self, number: u32) {
        self.number(u64::from(number), 4);
    }

    fn address(&mut self, number: u64) {
        self.number(number, if self.machine.width == Width::Bits64 { 8 } else { 4 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::processor::machine::machine;

    #[test]
    fn the_pattern_fits_the_program_and_no_other_machine() {
        let names = ["386", "amd64", "arm", "arm64", "mips", "mips64", "mipsle", "ppc64", "ppc64le", "s390x"];
        for name in names {
            let (magic, mask) = pattern(machine(name).unwrap());
            for other in names {
                let program = program(machine(other).unwrap());
                let fits = program
                    .iter()
                    .zip(mask)
                    .zip(magic)
                    .all(|((byte, mask), magic)| byte & mask == magic & mask);
                assert_eq!(fits, name == other, "{name} {other}");
            }
        }
    }

    #[test]
    fn a_position_independent_program_of_another_abi_is_of_the_same_kind() {
        let (magic, mask) = pattern(machine("arm64").unwrap());
        let mut program = program(machine("arm64").unwrap());
        program[7] = 3;
        program[16] = 3;
        assert!((0..LENGTH).all(|at| program[at] & mask[at] == magic[at] & mask[at]));
    }
}
