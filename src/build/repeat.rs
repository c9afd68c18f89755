//! Every RUN of a build done once more, on the files on which it was done the first time.
//!
//! Each is compared with itself alone, so that no cause hides another. They are done in the order of the graph all the same: two
//! that a build never does at once may share a cache mount or a port. That one came out the same is remembered, so that a
//! check costs what changed since the last.
//!
//! Whether an image would have been another one is found by following what differs (`follow.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::Error;
use super::follow::follow;
use super::lines::MadeBy;
use super::platforms::Planned;
use super::schedule::in_order;
use super::steps::Steps;
use super::twice::{Reaches, Repeated, RunTwice, Second};
use crate::graph::{PreImage, StepId};
use crate::layer::Compression;
use crate::oci::{DiffId, Digest};
use crate::progress::Event;
use crate::sandbox::affinity;
use crate::worker::{Doing, NextNumber as _};

/// LIMIT: how long after the first time the second begins at the earliest, so that a clock of whole seconds shows another time.
/// Nobody knows when a step that was found in the cache was done.
const APART: Duration = Duration::from_millis(2100);

/// Does every RUN once more, and follows what came out differently.
pub fn run_twice(planned: &Planned, steps: &Steps<'_>, jobs: usize) -> Result<RunTwice, Error> {
    let runs: Vec<StepId> = steps.all().filter(|id| steps.is_run(*id)).collect();
    let mut known = BTreeSet::new();
    for id in &runs {
        if steps.is_known_same(*id)? {
            known.insert(*id);
        }
    }
    let unknown = runs.iter().copied().filter(|id| !known.contains(id)).collect();
    let mut done = once_more(steps, &unknown, jobs)?;
    // What each is taken to have left while another one is followed. What comes out differently by itself would hide whose doing
    // it is.
    let differing =
        runs.iter().copied().filter(|id| done.get(id).is_some_and(|came| !came.is(steps.left(*id).0)));
    let firsts: BTreeMap<StepId, DiffId> = differing.map(|id| (id, steps.left(id).0)).collect();
    let in_images: BTreeSet<StepId> =
        planned.images.iter().flat_map(|image| steps.line(image.target.state)).collect();
    let reaches = |id: StepId, layer: DiffId| match in_images.contains(&id) {
        true => Ok(Reaches::Itself),
        false => {
            let mut instead = firsts.clone();
            instead.insert(id, layer);
            follow(planned, steps, instead, jobs)
        }
    };
    let repeated = |id: StepId| -> Result<Repeated, Error> {
        let (step, (first, _)) = (&steps.graph.steps[id.0], steps.left(id));
        let second = match done.remove(&id) {
            None => Second::Same { remembered: known.contains(&id) },
            Some(came) if came.is(first) => {
                steps.remember_same(id)?;
                Second::Same { remembered: false }
            }
            Some(Came::Left(layer)) => Second::Other { layer, reaches: reaches(id, layer)? },
            Some(Came::Failed { message, tail }) => Second::Failed { message, tail },
        };
        let below = steps.worker.base_chain(step, &steps.states);
        Ok(Repeated::new(MadeBy::of(step), below, first, second))
    };
    Ok(RunTwice { runs: runs.into_iter().map(repeated).collect::<Result<_, _>>()? })
}

/// Does these RUNs again; what each came to.
fn once_more(
    steps: &Steps<'_>,
    runs: &BTreeSet<StepId>,
    jobs: usize,
) -> Result<BTreeMap<StepId, Came>, Error> {
    if runs.is_empty() {
        return Ok(BTreeMap::new());
    }
    wait(steps)?;
    // Threads that share work are started by whoever first has some, and keep the processors that this one has then.
    let _ = rayon::current_num_threads();
    let done: Mutex<BTreeMap<StepId, Came>> = Mutex::default();
    let again = |id: StepId| -> Result<(), Error> {
        if runs.contains(&id) {
            // Programs ask how many processors there are, and share work among them.
            let came = affinity::on_one(id.0, || steps.run_again(id));
            let came = came.map_err(Error::io("choosing a processor"))??;
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(id, came);
        }
        Ok(())
    };
    // The others are passed over: it is their order that counts.
    let ended = in_order(steps, &steps.all().collect::<Vec<_>>(), jobs, &again);
    // A failure may come of a directory that was changed on disk, and then it is no failure yet.
    steps.settle()?;
    ended?;
    Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// What doing a RUN again came to.
enum Came {
    Left(DiffId),
    Failed { message: String, tail: Vec<u8> },
}

impl Came {
    fn is(&self, layer: DiffId) -> bool {
        matches!(self, Came::Left(left) if *left == layer)
    }
}

fn wait(steps: &Steps<'_>) -> Result<(), Error> {
    const LOOK: Duration = Duration::from_millis(50);
    let mut left = APART;
    while !left.is_zero() {
        if steps.worker.cancel.is_fired() {
            return Err(Error::Interrupted);
        }
        std::thread::sleep(LOOK.min(left));
        left = left.saturating_sub(LOOK);
    }
    Ok(())
}

impl Steps<'_> {
    /// Which layer a step left, and under which key; the step is done.
    fn left(&self, id: StepId) -> (DiffId, Digest) {
        let chain = self.states[id.0].get().expect("the first pass has done all steps");
        let (_, link) = chain.below().expect("a step leaves a layer");
        (link.diff_id, *self.keys[id.0].get().expect("it has a key, then"))
    }

    /// Whether it is remembered that this RUN, with this key, left this layer twice. `--no-cache` asks for no memory.
    fn is_known_same(&self, id: StepId) -> Result<bool, Error> {
        Ok(!self.graph.steps[id.0].no_cache && self.worker.store.record(&self.memo(id))?.is_some())
    }

    fn remember_same(&self, id: StepId) -> Result<(), Error> {
        let (layer, _) = self.left(id);
        Ok(self.worker.store.put_record(&self.memo(id), b"same", &[layer])?)
    }

    fn memo(&self, id: StepId) -> Digest {
        let (layer, key) = self.left(id);
        let mut memo = PreImage::default();
        memo.push("repeated", 1);
        memo.push("key", key);
        memo.push("layer", layer);
        memo.key()
    }

    fn run_again(&self, id: StepId) -> Result<Came, Error> {
        let (step, worker) = (&self.graph.steps[id.0], self.worker);
        let (first, key) = self.left(id);
        let number = self.numbers.next();
        worker.sink.send(Event::Started { step: number, name: format!("{} (again)", step.label) });
        let doing = Doing { number, key, form: Compression::Uncompressed };
        // What a remote cache has of the first time is wanted whole, to be compared.
        let fetched = worker.layer(first);
        let performed = fetched.and_then(|_| worker.perform(step, doing, &self.states, &|| ()));
        let (end, result) = match performed {
            Ok((layer, _)) => (Event::Done { step: number }, Ok(Came::Left(layer))),
            Err(crate::worker::Error::Exited(exited)) => {
                let message = exited.to_string();
                let failed = Event::Failed { step: number, message: message.clone() };
                (failed, Ok(Came::Failed { message, tail: exited.tail }))
            }
            Err(error) => {
                let failed = Event::Failed { step: number, message: error.to_string() };
                match self.failed(step, error) {
                    Error::Interrupted => (Event::Canceled { step: number }, Err(Error::Interrupted)),
                    error => (failed, Err(error)),
                }
            }
        };
        worker.sink.send(end);
        result
    }
}
