//! Which processors a thread may run on.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Does `work` with this thread, and the processes that it starts meanwhile, on one of the processors that it has: the one with
/// this number among them, from the first again after the last.
pub fn on_one<T>(number: usize, work: impl FnOnce() -> T) -> io::Result<T> {
    let before = sched_getaffinity(None)?;
    let processors: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|at| before.is_set(*at)).collect();
    if let Some(chosen) = processors.get(number % processors.len().max(1)) {
        let mut only = CpuSet::new();
        only.set(*chosen);
        sched_setaffinity(None, &only)?;
    }
    let done = work();
    sched_setaffinity(None, &before)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_one_processor_meanwhile_and_then_those_that_it_had() {
        let count = || std::thread::available_parallelism().unwrap().get();
        let before = count();
        for number in [0, 1, 7] {
            assert_eq!(on_one(number, count).unwrap(), 1);
            assert_eq!(count(), before);
        }
    }
}
