//! Every RUN of a build done once more, on the files on which it was done the first time.
//!
//! Each is compared with itself alone, so that no cause hides another, and all can be done at once. That one came out the same is
//! remembered, so that a check costs what changed since the last. Whether an image would have
//! been another one is found by *following*: the graph is passed once more with the layers of the second time, where a step
//! that reads none of what differs is found as it is, and one that does is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::Error;
use super::lines::MadeBy;
use super::platforms::Planned;
use super::schedule::schedule;
use super::steps::Steps;
use crate::graph::{Input, PreImage, StepId};
use crate::layer::Compression;
use crate::oci::{DiffId, Digest};
use crate::progress::Event;
use crate::sandbox::affinity;
use crate::worker::{Doing, NextNumber as _};

/// LIMIT: how long after the first time the second begins at the earliest, so that a clock of whole seconds shows another time.
const APART: Duration = Duration::from_millis(2100);

/// The RUNs of a build, each done twice.
#[derive(Clone, Debug)]
pub struct RunTwice {
    /// In the order of the steps.
    pub runs: Vec<Repeated>,
    /// Whether all images would have been the same with what the second time left; none if that is not known, since a RUN
    /// failed the second time.
    pub same: Option<bool>,
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
    /// Whether that is known from an earlier time, and nothing was done now.
    pub remembered: bool,
    /// Whether its layer is one of an image, or of a stage that an image only copies from.
    pub in_image: bool,
}

/// What came of a RUN the second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Second {
    /// A layer.
    Layer(DiffId),
    /// It failed, in one line.
    Failed(String),
}

impl Repeated {
    /// Whether the two times left the same bytes.
    pub fn is_same(&self) -> bool {
        self.second == Second::Layer(self.first)
    }

    /// Whether they left others; a failure leaves none.
    pub fn differs(&self) -> bool {
        matches!(self.second, Second::Layer(layer) if layer != self.first)
    }
}

/// Does every RUN once more, and follows what came out differently. `has_run` says that some were done a moment ago.
pub fn run_twice(
    planned: &Planned,
    steps: &Steps<'_>,
    has_run: bool,
    jobs: usize,
) -> Result<RunTwice, Error> {
    let (mut known, mut unknown) = (BTreeSet::new(), Vec::new());
    for id in (0..steps.graph.steps.len()).map(StepId).filter(|id| steps.is_run(*id)) {
        match steps.is_known_same(id)? {
            true => drop(known.insert(id)),
            false => unknown.push(id),
        }
    }
    if has_run && !unknown.is_empty() {
        wait(steps)?;
    }
    let mut seconds = once_more(steps, &unknown, jobs)?;
    steps.settle()?;
    seconds.extend(known.iter().map(|id| (*id, Second::Layer(steps.left(*id).0))));
    let in_images = in_images(planned, steps);
    let mut twice = RunTwice { runs: Vec::new(), same: Some(true) };
    let mut instead = BTreeMap::new();
    for (id, second) in seconds {
        let (first, key) = steps.left(id);
        let (remembered, in_image) = (known.contains(&id), in_images.contains(&id));
        let run = Repeated { by: MadeBy::of(&steps.graph.steps[id.0]), first, second, remembered, in_image };
        match &run.second {
            Second::Layer(layer) if run.differs() => drop(instead.insert(key, *layer)),
            Second::Layer(_) if !remembered => steps.remember_same(id)?,
            Second::Layer(_) => {}
            Second::Failed(_) => twice.same = None,
        }
        twice.runs.push(run);
    }
    if twice.runs.iter().any(|run| run.in_image && run.differs()) {
        // Nothing else can take that back.
        twice.same = Some(false);
    } else if twice.same.is_some() && !instead.is_empty() {
        twice.same = Some(follow(planned, steps, instead, jobs)?);
    }
    Ok(twice)
}

/// Does these RUNs, several at once; what each came to, in order. An error that is no exit code ends all of them.
fn once_more(steps: &Steps<'_>, runs: &[StepId], jobs: usize) -> Result<BTreeMap<StepId, Second>, Error> {
    let results: Mutex<BTreeMap<StepId, Result<Second, Error>>> = Mutex::default();
    let next = AtomicUsize::new(0);
    let work = |number: usize| {
        // Programs ask how many processors there are, and share work among them.
        let mut failure = affinity::keep_to_one(number).map_err(Error::io("choosing a processor")).err();
        while let Some(id) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = failure.take().map_or_else(|| steps.run_again(*id), Err);
            if result.is_err() {
                steps.worker.cancel.fire();
            }
            results.lock().unwrap_or_else(PoisonError::into_inner).insert(*id, result);
        }
    };
    std::thread::scope(|scope| {
        // None of them is this thread, which keeps its processors.
        for number in 0..jobs.min(runs.len()) {
            scope.spawn(move || work(number));
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (mut seconds, mut failure) = (BTreeMap::new(), None);
    for (id, result) in results {
        match (result, &failure) {
            (Ok(second), _) => drop(seconds.insert(id, second)),
            // Of several failures the one that ended the others counts.
            (Err(error), None | Some(Error::Interrupted)) => failure = Some(error),
            (Err(_), Some(_)) => {}
        }
    }
    failure.map_or(Ok(seconds), Err)
}

/// The steps whose layers are layers of an image.
fn in_images(planned: &Planned, steps: &Steps<'_>) -> BTreeSet<StepId> {
    let mut found = BTreeSet::new();
    for image in &planned.images {
        let mut input = image.target.state;
        // Where one was added before, all below it were.
        while let Input::Step(step) = input
            && found.insert(step)
        {
            input = steps.graph.steps[step.0].base;
        }
    }
    found
}

/// Whether all images stay what they are with other layers for some of the steps.
fn follow(
    planned: &Planned,
    steps: &Steps<'_>,
    instead: BTreeMap<Digest, DiffId>,
    jobs: usize,
) -> Result<bool, Error> {
    let second = steps.following(instead);
    let pending = second.look_up()?;
    let done = schedule(&second, &pending, jobs);
    second.settle()?;
    match done {
        // What fails with one result and not with the other depends on it.
        Err(error) if error.is_exit() => return Ok(false),
        done => done?,
    }
    let worker = steps.worker;
    let is_same = |state| {
        worker.input_chain(state, &steps.states).id() == worker.input_chain(state, &second.states).id()
    };
    Ok(planned.images.iter().all(|image| is_same(image.target.state)))
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

    fn run_again(&self, id: StepId) -> Result<Second, Error> {
        let (step, worker) = (&self.graph.steps[id.0], self.worker);
        let (first, key) = self.left(id);
        let number = self.numbers.next();
        worker.sink.send(Event::Started { step: number, name: format!("{} (again)", step.label) });
        let doing = Doing { number, key, form: Compression::Uncompressed };
        // What a remote cache has of the first time is wanted whole, to be compared.
        let fetched = worker.layer(first);
        let performed = fetched.and_then(|_| worker.perform(step, doing, &self.states, &|| ()));
        let (end, result) = match performed {
            Ok((layer, _)) => (Event::Done { step: number }, Ok(Second::Layer(layer))),
            Err(error) => {
                let message = error.to_string();
                let is_exit = matches!(error, crate::worker::Error::Exited(_));
                let failed = Event::Failed { step: number, message: message.clone() };
                match self.failed(step, error) {
                    Error::Interrupted => (Event::Canceled { step: number }, Err(Error::Interrupted)),
                    _ if is_exit => (failed, Ok(Second::Failed(message))),
                    error => (failed, Err(error)),
                }
            }
        };
        worker.sink.send(end);
        result
    }
}
