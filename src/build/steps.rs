//! One pass or one attempt over the steps of a graph: keys, records, and the doing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::caches::Caches;
use super::error::Error;
use super::numbers::Numbers;
use super::packing::Packing;
use super::platforms::Planned;
use super::record::{Answer, KeyRecord};
use super::waiting::{Kept, Waiting};
use crate::cache::Recorded;
use crate::graph::{Graph, Input, Op, PreImage, Step, StepId};
use crate::oci::{DiffId, Digest};
use crate::progress::{Event, Sink, StepNumber, Warning};
use crate::worker::{Chain, Doing, Made, NextNumber, States, Worker};

/// The steps of one build.
pub struct Steps<'a> {
    /// What there is to do.
    pub graph: &'a Graph,
    /// Who does it.
    pub worker: &'a Worker<'a>,
    /// Where numbers come from.
    pub numbers: &'a Numbers,
    /// What remote caches say, and what goes to them.
    pub caches: &'a Caches,
    /// Which layers are compressed, and when.
    pub packing: Packing,
    /// What each step left.
    pub states: Vec<OnceLock<Chain>>,
    /// Under which key.
    pub keys: Vec<OnceLock<Digest>>,
    /// In a second pass over the same graph: steps that are taken to have left these layers, whatever they stand on then.
    instead: Option<BTreeMap<StepId, DiffId>>,
    /// Whether a failure has to name the platform.
    several: bool,
    waiting: Waiting,
}

/// What came of one step.
pub enum Came {
    /// A record had it.
    Cached,
    /// It was done.
    Done,
}

impl<'a> Steps<'a> {
    /// No step is known yet.
    pub fn new(
        planned: &'a Planned,
        worker: &'a Worker<'a>,
        numbers: &'a Numbers,
        caches: &'a Caches,
        packing: Packing,
    ) -> Steps<'a> {
        let graph = &planned.graph;
        let states = graph.steps.iter().map(|_| OnceLock::new()).collect();
        let keys = graph.steps.iter().map(|_| OnceLock::new()).collect();
        let (several, waiting) = (planned.indexed, Waiting::default());
        Steps { graph, worker, numbers, caches, packing, states, keys, instead: None, several, waiting }
    }

    /// A second pass over the same graph, in which some steps are taken to have left these layers: what reads of none that is
    /// another is found as the first pass left it, also where that passed records over.
    pub fn following(&self, instead: BTreeMap<StepId, DiffId>) -> Steps<'a> {
        let Steps { graph, worker, numbers, caches, several, .. } = *self;
        let states = graph.steps.iter().map(|_| OnceLock::new()).collect();
        let keys = graph.steps.iter().map(|_| OnceLock::new()).collect();
        let (packing, instead, waiting) = (self.packing.again(), Some(instead), Waiting::default());
        Steps { graph, worker, numbers, caches, packing, states, keys, instead, several, waiting }
    }

    fn states(&self) -> &States {
        &self.states
    }

    fn sink(&self) -> &dyn Sink {
        self.worker.sink
    }

    /// Looks up every step whose inputs are known, in order; says which are left to do. Does none of them. Remote caches
    /// are waited for only if the store does not know all.
    pub fn look_up(&self) -> Result<Vec<StepId>, Error> {
        let all: Vec<StepId> = self.all().collect();
        let lookups = self.worker.store.lookups();
        let pending = self.look_up_of(&all)?;
        drop(lookups);
        let is_left = |step: &StepId| self.asks_records(&self.graph.steps[step.0]);
        if !pending.iter().any(is_left) || !self.caches.wait() {
            return Ok(pending);
        }
        self.look_up_of(&pending)
    }

    fn look_up_of(&self, steps: &[StepId]) -> Result<Vec<StepId>, Error> {
        let mut pending = Vec::new();
        for id in steps {
            let step = &self.graph.steps[id.0];
            let is_ready = step.needs().iter().all(|needed| self.states[needed.0].get().is_some());
            if !is_ready || !self.asks_records(step) {
                pending.push(*id);
                continue;
            }
            let key = self.pre_image(step)?.key();
            match self.recorded(*id, &key)? {
                None => pending.push(*id),
                Some(chain) => {
                    // A second pass shows only what it does.
                    if self.instead.is_none() {
                        let number = self.start(step);
                        self.sink().send(Event::Cached { step: number });
                    }
                    self.set(*id, key, chain);
                }
            }
        }
        Ok(pending)
    }

    fn asks_records(&self, step: &Step) -> bool {
        !step.no_cache || self.instead.is_some()
    }

    fn set(&self, id: StepId, key: Digest, chain: Chain) {
        if let Some((_, link)) = chain.below() {
            self.packing.made(id, link.diff_id);
        }
        self.keys[id.0].set(key).expect("each step is known once");
        self.states[id.0].set(chain).expect("each step is known once");
    }

    /// All steps, in order.
    pub fn all(&self) -> impl Iterator<Item = StepId> + use<> {
        (0..self.graph.steps.len()).map(StepId)
    }

    /// Whether one of these is a process that has to run.
    pub fn must_run(&self, steps: impl IntoIterator<Item = StepId>) -> bool {
        steps.into_iter().any(|step| self.is_run(step))
    }

    /// Whether a step is a RUN.
    pub fn is_run(&self, id: StepId) -> bool {
        matches!(self.graph.steps[id.0].op, Op::Exec(_))
    }

    /// The steps that stand on one another below `input`, the topmost first.
    pub fn line(&self, input: Input) -> impl Iterator<Item = StepId> {
        let step = |input| match input {
            Input::Step(step) => Some(step),
            Input::Scratch | Input::Image(_) | Input::Context(_) => None,
        };
        std::iter::successors(step(input), move |id| step(self.graph.steps[id.0].base))
    }

    /// Has the images on which something will run unpacked as they come, even if a step that only looks at them is the first
    /// to need them. With a remote cache nobody knows yet what will run.
    pub fn expect_runs(&self, pending: &[StepId]) {
        if !self.worker.elsewhere.is_empty() {
            return;
        }
        for step in pending.iter().map(|id| &self.graph.steps[id.0]) {
            if !matches!(step.op, Op::Exec(_)) {
                continue;
            }
            let read = step.op.reads().into_iter().map(|read| read.input);
            for image in read.chain([step.base]).filter_map(|input| self.graph.image_below(input)) {
                self.worker.ground.stand_on(&self.worker.images[image.0].diff_ids);
            }
        }
    }

    /// Waits until it is known whether what the steps stood on was as it should be; an error if not.
    pub fn settle(&self) -> Result<(), Error> {
        self.waiting.settle(self.worker).map_err(|error| {
            if matches!(error, crate::worker::Error::RootChanged) {
                let message =
                    "a directory under a RUN was changed on disk since it was made: it is made again";
                let warning = Warning { rule: String::new(), message: message.to_string(), line: None };
                self.sink().send(Event::Warned(warning));
            }
            error.into()
        })
    }

    /// Keeps what was done, as far as that needs no waiting; what cannot be kept is done again.
    pub fn keep_done(&self) {
        let _ = self.waiting.write(self.worker);
    }

    fn start(&self, step: &Step) -> StepNumber {
        let number = self.numbers.next();
        self.sink().send(Event::Started { step: number, name: step.label.to_string() });
        number
    }

    fn pre_image(&self, step: &Step) -> Result<PreImage, Error> {
        self.worker.pre_image(step, self.states()).map_err(|source| self.failed(step, source))
    }

    /// What a record says that the step leaves; none if there is no record, or its layer is gone.
    fn recorded(&self, id: StepId, key: &Digest) -> Result<Option<Chain>, Error> {
        let step = &self.graph.steps[id.0];
        if let Some(layer) = self.instead.as_ref().and_then(|instead| instead.get(&id)) {
            return Ok(Some(self.below(step).push(*layer, Made::Ran)));
        }
        if let Some(chain) = self.recorded_here(step, key)? {
            return Ok(Some(chain));
        }
        let is_here = |layer| self.worker.here(layer).is_ok_and(|layer| layer.is_some());
        let found = self.caches.imported.find(key, &is_here);
        Ok(found.map(|found| self.below(step).push(found.layer, made(found.ran))))
    }

    fn recorded_here(&self, step: &Step, key: &Digest) -> Result<Option<Chain>, Error> {
        let Some(bytes) = self.worker.store.record(key)? else { return Ok(None) };
        let Some(record) = Answer::decode(&bytes) else { return Ok(None) };
        if self.worker.here(record.layer)?.is_none() {
            return Ok(None);
        }
        Ok(Some(self.below(step).push(record.layer, record.made())))
    }

    /// What is known of the steps, the last one first, for remote caches.
    pub fn records(&self) -> Vec<Recorded> {
        let known = self.keys.iter().zip(&self.states).rev();
        let record = |(key, state): (&OnceLock<Digest>, &OnceLock<Chain>)| {
            let (_, link) = state.get()?.below()?;
            Some(Recorded { key: *key.get()?, layer: link.diff_id, ran: link.made == Made::Ran })
        };
        known.filter_map(record).collect()
    }

    /// The layers of the images that end in `targets`, as far as they are known.
    pub fn layers_of(&self, targets: &[Input]) -> BTreeSet<DiffId> {
        let mut layers = BTreeSet::new();
        for target in targets {
            let mut known = *target;
            while let Input::Step(step) = known
                && self.states[step.0].get().is_none()
            {
                known = self.graph.steps[step.0].base;
            }
            layers.extend(self.worker.input_chain(known, &self.states).diff_ids());
        }
        layers
    }

    fn below(&self, step: &Step) -> Chain {
        self.worker.base_chain(step, &self.states)
    }

    /// Does one step, all of whose inputs are known; or finds that another process has done it meanwhile.
    pub fn perform(&self, id: StepId) -> Result<(), Error> {
        let step = &self.graph.steps[id.0];
        let number = self.start(step);
        let result = self.perform_as(id, number);
        let end = match &result {
            Ok((Came::Cached, ..)) => Event::Cached { step: number },
            Ok((Came::Done, ..)) => Event::Done { step: number },
            Err(Error::Interrupted) => Event::Canceled { step: number },
            Err(e) => Event::Failed { step: number, message: message(e) },
        };
        self.sink().send(end);
        let (_, key, chain) = result?;
        self.set(id, key, chain);
        Ok(())
    }

    fn perform_as(&self, id: StepId, number: StepNumber) -> Result<(Came, Digest, Chain), Error> {
        let (step, worker) = (&self.graph.steps[id.0], self.worker);
        let pre_image = self.pre_image(step)?;
        let key = pre_image.key();
        if self.asks_records(step)
            && let Some(chain) = self.recorded(id, &key)?
        {
            return Ok((Came::Cached, key, chain));
        }
        // Two builds that miss the same key share one run. The other may be a step of this build, whose record waits.
        let canceled =
            || worker.cancel.is_fired() || !self.waiting.write(worker).is_ok_and(|may_come| may_come);
        let Some(flight) = worker.store.flight(&key, &canceled)? else { return Err(Error::Interrupted) };
        // Also without a wait: the other build may have ended between the look and the flight.
        if self.asks_records(step)
            && let Some(chain) = self.recorded(id, &key)?
        {
            return Ok((Came::Cached, key, chain));
        }
        let doing = Doing { number, key, form: self.packing.form(id) };
        // What the steps before left is written while the process runs, if that begins in a moment.
        let write = || self.waiting.write(worker);
        if !self.begins_at_once(step) {
            write().map_err(|e| self.failed(step, e))?;
        }
        let beside = || {
            // What fails waits on, and fails again where it can be told.
            let _ = write();
        };
        let performed = worker.perform(step, doing, self.states(), &beside);
        let (layer, made) = performed.map_err(|e| self.failed(step, e))?;
        // What hangs on something that only a remote cache says is not kept: the next build asks it again. Nor is what a second
        // pass does, which nobody will ask for.
        if self.instead.is_none() && worker.is_verified(step, self.states()) {
            let record = KeyRecord { layer, ran: made == Made::Ran, pre_image };
            let kept = Kept { flight, key, record: record.encode(), layer };
            self.waiting.put(worker, kept).map_err(|e| self.failed(step, e))?;
        }
        Ok((Came::Done, key, self.below(step).push(layer, made)))
    }

    /// Whether `step` is a RUN on the RUN that was just done, so that all is there that it stands on, and waits for no mount.
    fn begins_at_once(&self, step: &Step) -> bool {
        let (Op::Exec(exec), Input::Step(base)) = (&step.op, step.base) else { return false };
        exec.mounts.is_empty()
            && matches!(self.graph.steps[base.0].op, Op::Exec(_))
            && self.below(step).below().is_some_and(|(_, link)| self.waiting.ends_with(link.diff_id))
    }

    pub(super) fn failed(&self, step: &Step, source: crate::worker::Error) -> Error {
        if source.is_canceled() {
            return Error::Interrupted;
        }
        let platform = self.several.then(|| Box::new(step.platform.clone()));
        let source = Box::new(source);
        Error::Step { name: step.label.to_string(), location: step.location, platform, source }
    }
}

fn made(ran: bool) -> Made {
    if ran { Made::Ran } else { Made::Copied }
}

/// The message of a step's own line: without what the whole error says around it.
fn message(error: &Error) -> String {
    match error {
        Error::Step { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}
