//! Verdicts to a program of the kernel's BPF machine, as a binary search whose answers are shared.
//!
//! A list of comparisons would cost 0.65 ms per execve: the kernel runs the filter once for every number beforehand.

use super::profile::{ArchVerdicts, Verdict};
use super::rule::Condition;
use super::table::DEFAULT_ERRNO;
use crate::sys::seccomp::Instruction;

const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_AT_LEAST: u16 = 0x35;
const JUMP_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
const KILL_PROCESS: u32 = 0x8000_0000;

// Where the kernel's `seccomp_data` has the number, the architecture and the arguments.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// The filter for these architectures; any other ends the process.
pub(super) fn compile(architectures: &[ArchVerdicts]) -> Vec<Instruction> {
    let mut program = vec![plain(LOAD, ARCHITECTURE)];
    for architecture in architectures {
        let mut block = vec![plain(LOAD, NUMBER)];
        block.extend(search(&architecture.ranges));
        program.push(branch(JUMP_EQUAL, architecture.audit_arch, 1, 0));
        program.push(skip(block.len()));
        program.extend(block);
    }
    program.push(plain(RETURN, KILL_PROCESS));
    program
}

/// Code that still lacks the answers at its end: jumps to them, by place and branch.
#[derive(Default)]
struct Open {
    code: Vec<Instruction>,
    lacking: Vec<(usize, Branch, Simple)>,
}

#[derive(Clone, Copy)]
enum Branch {
    True,
    False,
}

/// An answer without conditions.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Simple(u32);

enum Tree {
    Answer(Simple),
    Code(Open),
}

/// LIMIT: a conditional jump reaches 255 instructions; what is longer than this gets its own answers at its end, so that no
/// two such pieces and a jump are too long.
const REACH: usize = 120;

fn search(ranges: &[(u32, Verdict)]) -> Vec<Instruction> {
    match tree(ranges) {
        Tree::Answer(answer) => vec![plain(RETURN, answer.0)],
        Tree::Code(open) => open.close(),
    }
}

/// Most answers are the same few: they stand once for many comparisons, which halves what the kernel compiles.
fn tree(ranges: &[(u32, Verdict)]) -> Tree {
    let [(_, only)] = ranges else {
        let (low, high) = ranges.split_at(ranges.len() / 2);
        let Some((start, _)) = high.first() else { return Tree::Answer(refusal(DEFAULT_ERRNO)) };
        return Tree::Code(Open::compare(*start, tree(low), tree(high)));
    };
    match only {
        Verdict::Allow => Tree::Answer(Simple(ALLOW)),
        Verdict::Errno(errno) => Tree::Answer(refusal(*errno)),
        Verdict::When(conditions) => Tree::Code(Open { code: conditional(conditions), lacking: Vec::new() }),
    }
}

impl Open {
    fn compare(start: u32, low: Tree, high: Tree) -> Open {
        let mut open = Open::default();
        let low_length = match &low {
            Tree::Answer(_) => 0,
            Tree::Code(low) => low.code.len(),
        };
        match u8::try_from(low_length) {
            Ok(length) => open.code.push(branch(JUMP_AT_LEAST, start, length, 0)),
            Err(_) => open.code.extend([branch(JUMP_AT_LEAST, start, 0, 1), skip(low_length)]),
        }
        for (tree, side) in [(low, Branch::False), (high, Branch::True)] {
            match tree {
                Tree::Answer(answer) => open.lacking.push((0, side, answer)),
                Tree::Code(piece) => {
                    let moved = open.code.len();
                    open.code.extend(piece.code);
                    open.lacking
                        .extend(piece.lacking.into_iter().map(|(at, side, to)| (at + moved, side, to)));
                }
            }
        }
        if open.code.len() > REACH { Open { code: open.close(), lacking: Vec::new() } } else { open }
    }

    fn close(mut self) -> Vec<Instruction> {
        let mut answers: Vec<(Simple, usize)> = Vec::new();
        for (at, side, answer) in self.lacking {
            let known = answers.iter().find(|(known, _)| *known == answer).map(|(_, place)| *place);
            let place = known.unwrap_or_else(|| {
                self.code.push(plain(RETURN, answer.0));
                answers.push((answer, self.code.len() - 1));
                self.code.len() - 1
            });
            let jump = u8::try_from(place - at - 1).expect("no piece without answers is longer than a jump");
            match side {
                Branch::True => self.code[at].jump_true = jump,
                Branch::False => self.code[at].jump_false = jump,
            }
        }
        self.code
    }
}

fn conditional(conditions: &[Condition]) -> Vec<Instruction> {
    let mut program = Vec::new();
    for condition in conditions {
        let (argument, test) = match *condition {
            Condition::Less { argument, value } => (argument, branch(JUMP_AT_LEAST, value, 1, 0)),
            Condition::Equal { argument, value } => (argument, branch(JUMP_EQUAL, value, 0, 1)),
            Condition::Greater { argument, value } => (argument, branch(JUMP_GREATER, value, 0, 1)),
            Condition::NoneOf { argument, value } => (argument, branch(JUMP_ANY_BIT, value, 1, 0)),
        };
        // Both covered processors are little-endian: the low half comes first.
        program.push(plain(LOAD, ARGUMENTS + 8 * u32::from(argument)));
        program.push(test);
        program.push(plain(RETURN, ALLOW));
    }
    program.push(plain(RETURN, refusal(DEFAULT_ERRNO).0));
    program
}

fn plain(code: u16, value: u32) -> Instruction {
    Instruction { code, jump_true: 0, jump_false: 0, value }
}

fn branch(code: u16, value: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction { code, jump_true, jump_false, value }
}

fn skip(count: usize) -> Instruction {
    plain(JUMP, u32::try_from(count).expect("a filter has a few hundred instructions"))
}

fn refusal(errno: u16) -> Simple {
    Simple(ERRNO | u32::from(errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::caps::Capabilities;
    use crate::sandbox::seccomp::profile::{Machine, X32_BIT, profile};

    // What the kernel does with a filter, for the instructions that occur in ours; counts the steps.
    fn run(program: &[Instruction], arch: u32, number: u32, args: [u64; 6]) -> (u32, usize) {
        let load = |offset: u32| match offset {
            NUMBER => number,
            ARCHITECTURE => arch,
            offset => {
                let argument = args[((offset - ARGUMENTS) / 8) as usize];
                if offset % 8 == 0 { argument as u32 } else { (argument >> 32) as u32 }
            }
        };
        let (mut at, mut accumulator, mut steps) = (0, 0, 0);
        loop {
            steps += 1;
            let Instruction { code, jump_true, jump_false, value } = program[at];
            at += 1;
            let holds = match code {
                LOAD => {
                    accumulator = load(value);
                    continue;
                }
                RETURN => return (value, steps),
                JUMP => {
                    at += value as usize;
                    continue;
                }
                JUMP_EQUAL => accumulator == value,
                JUMP_GREATER => accumulator > value,
                JUMP_AT_LEAST => accumulator >= value,
                JUMP_ANY_BIT => accumulator & value != 0,
                other => panic!("unknown instruction {other:#x}"),
            };
            at += usize::from(if holds { jump_true } else { jump_false });
        }
    }

    fn holds(condition: Condition, args: [u64; 6]) -> bool {
        let argument = |index: u8| args[usize::from(index)] as u32;
        match condition {
            Condition::Less { argument: index, value } => argument(index) < value,
            Condition::Equal { argument: index, value } => argument(index) == value,
            Condition::Greater { argument: index, value } => argument(index) > value,
            Condition::NoneOf { argument: index, value } => argument(index) & value == 0,
        }
    }

    fn expected(ranges: &[(u32, Verdict)], number: u32, args: [u64; 6]) -> u32 {
        let (_, verdict) = ranges.iter().rev().find(|(start, _)| *start <= number).unwrap();
        match verdict {
            Verdict::Allow => ALLOW,
            Verdict::Errno(errno) => ERRNO | u32::from(*errno),
            Verdict::When(conditions) if conditions.iter().any(|condition| holds(*condition, args)) => ALLOW,
            Verdict::When(_) => ERRNO | 1,
        }
    }

    #[test]
    fn the_program_answers_as_the_table_says_for_every_number_on_every_architecture() {
        let firsts =
            [0, 1, 8, 16, 37, 38, 39, 40, 41, 0x20000, 0x20008, 0x1_0000_0026, 0x1000_0000, 0xffff_ffff];
        for machine in [Machine::X86_64, Machine::Aarch64] {
            for capabilities in [0, Capabilities::DEFAULT.bits(), !0] {
                let verdicts = profile(machine, capabilities);
                let program = compile(&verdicts);
                for arch in &verdicts {
                    for base in [0, X32_BIT, 0x000f_0000, 0x8000_0000] {
                        for number in (base..base + 700).chain([u32::MAX]) {
                            for first in firsts {
                                let args = [first, first, 0, 0, 0, 0];
                                let (answer, _) = run(&program, arch.audit_arch, number, args);
                                assert_eq!(
                                    answer,
                                    expected(&arch.ranges, number, args),
                                    "{number} {first:#x}"
                                );
                            }
                        }
                    }
                }
                assert_eq!(run(&program, 0x1234, 0, [0; 6]).0, KILL_PROCESS);
            }
        }
    }

    #[test]
    fn an_answer_takes_few_steps_and_the_program_is_small() {
        let verdicts = profile(Machine::X86_64, Capabilities::DEFAULT.bits());
        let program = compile(&verdicts);
        assert!(program.len() < 450, "{}", program.len());
        let longest = (0..600).map(|number| run(&program, 0xc000_003e, number, [0; 6]).1).max();
        assert!(longest.unwrap() <= 16, "{longest:?}");
    }

    #[test]
    fn high_bits_of_an_argument_do_not_open_a_forbidden_socket() {
        let program = compile(&profile(Machine::X86_64, Capabilities::DEFAULT.bits()));
        let (socket, vsock, alg) = (41, 40, 38);
        for domain in [vsock, alg] {
            for high in [0, 1 << 32, 0xffff_ffff << 32] {
                assert_eq!(run(&program, 0xc000_003e, socket, [domain | high, 0, 0, 0, 0, 0]).0, ERRNO | 1);
            }
        }
        assert_eq!(run(&program, 0xc000_003e, socket, [2, 0, 0, 0, 0, 0]).0, ALLOW);
    }
}
