//! Programs of another processor: whether the kernel runs them as it is, and an emulator where it does not.

mod attempt;
mod choose;
mod handlers;
mod machine;
mod program;
mod qemu;

pub use choose::{Processor, Wanted, processor};
