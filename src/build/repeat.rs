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
    let all: Vec<StepId> = (0..steps.graph.steps.len()).map(StepId).collect();
    let (mut known, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for id in all.iter().copied().filter(|id| steps.is_run(*id)) {
        match steps.is_known_same(id)? {
            true => known.insert(id),
            false => unknown.insert(id),
        };
    }
    if !unknown.is_empty() {
        wait(steps)?;
    }
    // Threads that share work are started by whoever first has some, and keep the processors that this one has then.
    let _ = rayon::current_num_threads();
    let done: Mutex<BTreeMap<StepId, Came>> = Mutex::default();
    let done_so_far = || done.lock().unwrap_or_else(PoisonError::into_inner);
    let again = |id: StepId| -> Result<(), Error> {
        if unknown.contains(&id) {
            // Programs ask how many processors there are, and share work among them.
            let came = affinity::on_one(id.0, || steps.run_again(id));
            let came = came.map_err(Error::io("choosing a processor"))??;
            done_so_far().insert(id, came);
        }
        Ok(())
    };
    let repeated = in_order(steps, &all, jobs, &again);
    // A failure may come of a directory that was changed on disk, and then it is no failure yet.
    steps.settle()?;
    repeated?;
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let in_images = in_images(planned, steps);
    // What each is taken to have left while another one is followed. What comes out differently by itself would hide whose doing
    // it is.
    let is_same = |id: &StepId, came: &Came| matches!(came, Came::Left(layer) if *layer == steps.left(*id).0);
    let differing = done.iter().filter(|(id, came)| !is_same(id, came)).map(|(id, _)| *id);
    let firsts: BTreeMap<StepId, DiffId> = differing.map(|id| (id, steps.left(id).0)).collect();
    let mut runs = Vec::new();
    for id in all.into_iter().filter(|id| steps.is_run(*id)) {
        let (first, _) = steps.left(id);
        let second = match done.get(&id) {
            None => Second::Same { remembered: known.contains(&id) },
            Some(Came::Failed { message, tail }) => {
                Second::Failed { message: message.clone(), tail: tail.clone() }
            }
            Some(Came::Left(layer)) if *layer == first => {
                steps.remember_same(id)?;
                Second::Same { remembered: false }
            }
            Some(Came::Left(layer)) => {
                let reaches = match in_images.contains(&id) {
                    true => Reaches::Itself,
                    false => {
                        let mut instead = firsts.clone();
                        instead.insert(id, *layer);
                        follow(planned, steps, instead, jobs)?
                    }
                };
                Second::Other { layer: *layer, reaches }
            }
        };
        let below = steps.worker.base_chain(&steps.graph.steps[id.0], &steps.states);
        runs.push(Repeated::new(MadeBy::of(&steps.graph.steps[id.0]), below, first, second));
    }
    Ok(RunTwice { runs })
}

/// What doing a RUN again came to.
enum Came {
    Left(DiffId),
    Failed { message: String, tail: Vec<u8> },
}

/// The steps whose layers are layers of an image.
fn in_images(planned: &Planned, steps: &Steps<'_>) -> BTreeSet<StepId> {
    let mut found = BTreeSet::new();
    for image in &planned.images {
        // Where one was added before, all below it were.
        for id in steps.line(image.target.state).take_while(|id| !found.contains(id)).collect::<Vec<_>>() {
            found.insert(id);
        }
    }
    found
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
