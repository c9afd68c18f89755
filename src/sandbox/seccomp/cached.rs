//! The compiled filter for a set of capabilities, kept for the life of the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::compile::compile;
use super::profile::{Machine, profile};
use crate::sys::seccomp::Instruction;

static FILTERS: Mutex<BTreeMap<u64, Arc<[Instruction]>>> = Mutex::new(BTreeMap::new());

/// The filter for a process that keeps `capabilities`, on the machine that this program is built for.
pub(in super::super) fn filter(capabilities: u64) -> Arc<[Instruction]> {
    let mut filters = FILTERS.lock().unwrap_or_else(PoisonError::into_inner);
    let program = filters
        .entry(capabilities)
        .or_insert_with(|| compile(&profile(Machine::native(), capabilities)).into());
    Arc::clone(program)
}
