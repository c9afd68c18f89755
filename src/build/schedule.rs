//! Which step when: as soon as its inputs are known, several at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::error::Error;
use super::steps::Steps;
use crate::graph::StepId;

struct Queue {
    /// Steps whose inputs are known, first step first.
    ready: BTreeSet<usize>,
    /// For the others: how many inputs are missing.
    waiting: BTreeMap<usize, usize>,
    running: usize,
    failure: Option<(usize, Error)>,
}

/// Does the `pending` steps, at most `jobs` at once. The first failure ends the others and is returned.
pub fn schedule(steps: &Steps<'_>, pending: &[StepId], jobs: usize) -> Result<(), Error> {
    in_order(steps, pending, jobs, &|step| steps.perform(step))
}

/// Does `perform` for each of the `pending` steps, in the order and with the failures of [`schedule`].
pub fn in_order(
    steps: &Steps<'_>,
    pending: &[StepId],
    jobs: usize,
    perform: &(dyn Fn(StepId) -> Result<(), Error> + Sync),
) -> Result<(), Error> {
    let todo: BTreeSet<usize> = pending.iter().map(|step| step.0).collect();
    let mut waiting = BTreeMap::new();
    let mut wanted_by: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for step in &todo {
        let needs = steps.graph.steps[*step].needs();
        let missing: Vec<usize> = needs.iter().map(|id| id.0).filter(|id| todo.contains(id)).collect();
        for needed in &missing {
            wanted_by.entry(*needed).or_default().push(*step);
        }
        waiting.insert(*step, missing.len());
    }
    let ready: BTreeSet<usize> =
        waiting.iter().filter(|(_, count)| **count == 0).map(|(step, _)| *step).collect();
    waiting.retain(|_, count| *count > 0);
    let queue = Mutex::new(Queue { ready, waiting, running: 0, failure: None });
    let changed = Condvar::new();
    let lock = || -> MutexGuard<'_, Queue> { queue.lock().unwrap_or_else(PoisonError::into_inner) };

    let work = || {
        let mut queue = lock();
        // Whether nothing that this thread did still waits to be written.
        let mut is_kept = true;
        loop {
            if queue.failure.is_some() {
                return;
            }
            let Some(step) = queue.ready.pop_first() else {
                if queue.running == 0 {
                    // Nothing runs and nothing is ready: all is done, since a step only waits for earlier ones.
                    return;
                }
                if !is_kept {
                    // The others may take long.
                    drop(queue);
                    steps.keep_done();
                    is_kept = true;
                    queue = lock();
                    continue;
                }
                queue = changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            queue.running += 1;
            drop(queue);
            is_kept = false;
            let result = perform(StepId(step));
            queue = lock();
            queue.running -= 1;
            match result {
                Ok(()) => {
                    let before = queue.ready.len();
                    for next in wanted_by.get(&step).into_iter().flatten() {
                        let missing = queue.waiting.get_mut(next).expect("it waits for this step");
                        *missing -= 1;
                        if *missing == 0 {
                            queue.waiting.remove(next);
                            queue.ready.insert(*next);
                        }
                    }
                    // This thread goes on with one of them. All are woken at the end alone: in a long chain of small
                    // steps they would otherwise fight for the lock after each.
                    for _ in before + 1..queue.ready.len() {
                        changed.notify_one();
                    }
                    if queue.ready.is_empty() && queue.running == 0 {
                        changed.notify_all();
                    }
                }
                Err(error) => {
                    // Of several failures the one that ended the others counts, never one that was ended.
                    let is_cause = !matches!(error, Error::Interrupted);
                    if queue.failure.as_ref().is_none_or(|(_, e)| matches!(e, Error::Interrupted) && is_cause)
                    {
                        queue.failure = Some((step, error));
                    }
                    steps.worker.cancel.fire();
                    changed.notify_all();
                }
            }
        }
    };
    std::thread::scope(|scope| {
        // One of the threads is this one: a build of one step at a time starts none.
        for _ in 1..jobs.min(todo.len()).max(1) {
            scope.spawn(work);
        }
        work();
    });
    match queue.into_inner().unwrap_or_else(PoisonError::into_inner).failure {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}
