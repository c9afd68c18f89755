//! Which processors a thread may run on.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps this thread, and the processes that it starts from now on, to one of the processors that it has: the one with this
/// number among them, from the first again after the last.
pub fn keep_to_one(number: usize) -> io::Result<()> {
    let may = sched_getaffinity(None)?;
    let processors: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|at| may.is_set(*at)).collect();
    let Some(chosen) = processors.get(number % processors.len().max(1)) else { return Ok(()) };
    let mut only = CpuSet::new();
    only.set(*chosen);
    Ok(sched_setaffinity(None, &only)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_one_processor_then_and_the_others_keep_theirs() {
        let before = std::thread::available_parallelism().unwrap();
        for number in [0, 1, 7] {
            let inside = std::thread::spawn(move || {
                keep_to_one(number).unwrap();
                std::thread::available_parallelism().unwrap().get()
            });
            assert_eq!(inside.join().unwrap(), 1);
        }
        assert_eq!(std::thread::available_parallelism().unwrap(), before);
    }
}
