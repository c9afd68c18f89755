//! Every RUN of a build done once more, on the files on which it was done the first time.
//!
//! Each is compared with itself alone, so that no cause hides another. They are done in the order of the graph all the same: two
//! that a build never does at once may share a cache mount or a port. That one came out the same is remembered, so that a
//! check costs what changed since the last.
//!
//! Whether an image would have been another one is found by *following*: the graph is passed once more with what the second time
//! left, where a step that reads none of what differs is found as it is, and one that does is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::error::Error;
use super::lines::MadeBy;
use super::platforms::Planned;
use super::schedule::in_order;
use super::steps::Steps;
use crate::graph::{Input, PreImage, StepId};
use crate::layer::Compression;
use crate::oci::{DiffId, Digest};
use crate::progress::Event;
use crate::sandbox::affinity;
use crate::worker::{Chain, Doing, NextNumber as _};

/// LIMIT: how long after the first time the second begins at the earliest, so that a clock of whole seconds shows another time.
/// Nobody knows when a step that was found in the cache was done.
const APART: Duration = Duration::from_millis(2100);

/// The RUNs of a build, each done twice.
#[derive(Clone, Debug)]
pub struct RunTwice {
    /// In the order of the steps.
    pub runs: Vec<Repeated>,
}

/// One RUN.
#[derive(Clone, Debug)]
pub struct Repeated {
    /// Which.
    pub by: MadeBy,
    /// What the first time left.
    pub first: DiffId,
    /// What came of the second.
    pub second: Second,
    below: Chain,
}

/// What came of a RUN the second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Second {
    /// The same bytes.
    Same {
        /// Whether that is known from an earlier time, and nothing was done now.
        remembered: bool,
    },
    /// Others.
    Other {
        /// What it left.
        layer: DiffId,
        /// Whether an image changes with it.
        reaches: Reaches,
    },
    /// It failed.
    Failed {
        /// Why, in one line.
        message: String,
        /// The last of what it wrote.
        tail: Vec<u8>,
    },
}

/// Whether what differs reaches an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaches {
    /// It is a layer of one.
    Itself,
    /// Through this step, which reads of it, or of what was made of it.
    Through(MadeBy),
    /// No image reads of it what differs.
    None,
}

/// What doing each RUN twice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All images would have been the same.
    Reproducible,
    /// One would have been another.
    NotReproducible,
    /// A RUN failed the second time.
    Inconclusive,
}

impl RunTwice {
    /// What it came to.
    pub fn verdict(&self) -> Verdict {
        let reaches = |run: &Repeated| matches!(&run.second, Second::Other { reaches, .. } if *reaches != Reaches::None);
        let failed = |run: &Repeated| matches!(run.second, Second::Failed { .. });
        if self.runs.iter().any(reaches) {
            // A failure cannot take that back.
            Verdict::NotReproducible
        } else if self.runs.iter().any(failed) {
            Verdict::Inconclusive
        } else {
            Verdict::Reproducible
        }
    }
}

impl Repeated {
    /// A RUN on the layers `below`.
    pub fn new(by: MadeBy, below: Chain, first: DiffId, second: Second) -> Repeated {
        Repeated { by, first, second, below }
    }

    /// The layers that it stood on, lowest first, with one that it left on top.
    pub fn chain(&self, layer: DiffId) -> Vec<DiffId> {
        let mut chain = self.below.diff_ids();
        chain.push(layer);
        chain
    }
}

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

/// Where the images change with these layers in place of those that the steps left.
fn follow(
    planned: &Planned,
    steps: &Steps<'_>,
    instead: BTreeMap<StepId, DiffId>,
    jobs: usize,
) -> Result<Reaches, Error> {
    let second = steps.following(instead);
    let pending = second.look_up()?;
    let failed: OnceLock<MadeBy> = OnceLock::new();
    let perform = |id: StepId| {
        if failed.get().is_some() {
            // What it stands on may be missing.
            return Ok(());
        }
        match second.perform(id) {
            // What fails with one result and not with the other depends on it. Nothing else has to end for that.
            Err(Error::Step { name, location, source, .. })
                if matches!(*source, crate::worker::Error::Exited(_)) =>
            {
                let _ = failed.set(MadeBy { name, location });
                Ok(())
            }
            done => done,
        }
    };
    let done = in_order(&second, &pending, jobs, &perform);
    second.settle()?;
    done?;
    if let Some(by) = failed.into_inner() {
        return Ok(Reaches::Through(by));
    }
    let changed = |id: &StepId| {
        let chain = |steps: &Steps<'_>| steps.states[id.0].get().and_then(Chain::id);
        chain(steps) != chain(&second)
    };
    for image in &planned.images {
        // The lowest one that changed: all above it change with it.
        if let Some(id) = steps.line(image.target.state).take_while(changed).last() {
            return Ok(Reaches::Through(MadeBy::of(&steps.graph.steps[id.0])));
        }
    }
    Ok(Reaches::None)
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
    /// The steps that stand on one another below `input`, the topmost first.
    fn line(&self, input: Input) -> impl Iterator<Item = StepId> {
        let step = |input| match input {
            Input::Step(step) => Some(step),
            Input::Scratch | Input::Image(_) | Input::Context(_) => None,
        };
        std::iter::successors(step(input), move |id| step(self.graph.steps[id.0].base))
    }

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
