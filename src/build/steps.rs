//! One pass or one attempt over the steps of a graph: keys, records, and the doing.

use std::sync::OnceLock;

use super::error::Error;
use super::numbers::Numbers;
use super::packing::Packing;
use super::platforms::Planned;
use super::record::KeyRecord;
use crate::graph::{Graph, Op, PreImage, Step, StepId};
use crate::oci::Digest;
use crate::progress::{Event, Sink, StepNumber};
use crate::worker::{Chain, Doing, NextNumber, States, Worker};

/// The steps of one build.
pub struct Steps<'a> {
    /// What there is to do.
    pub graph: &'a Graph,
    /// Who does it.
    pub worker: &'a Worker<'a>,
    /// Where numbers come from.
    pub numbers: &'a Numbers,
    /// Which layers are compressed, and when.
    pub packing: Packing,
    /// What each step left.
    pub states: Vec<OnceLock<Chain>>,
    /// Whether a failure has to name the platform.
    several: bool,
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
        packing: Packing,
    ) -> Steps<'a> {
        let graph = &planned.graph;
        let states = graph.steps.iter().map(|_| OnceLock::new()).collect();
        Steps { graph, worker, numbers, packing, states, several: planned.indexed }
    }

    fn states(&self) -> &States {
        &self.states
    }

    fn sink(&self) -> &dyn Sink {
        self.worker.sink
    }

    /// Looks up every step whose inputs are known, in order; says which are left to do. Does none of them.
    pub fn look_up(&self) -> Result<Vec<StepId>, Error> {
        let _lookups = self.worker.store.lookups();
        let mut pending = Vec::new();
        for (index, step) in self.graph.steps.iter().enumerate() {
            let is_ready = step.needs().iter().all(|needed| self.states[needed.0].get().is_some());
            if !is_ready || step.no_cache {
                pending.push(StepId(index));
                continue;
            }
            let pre_image = self.pre_image(step)?;
            match self.recorded(step, &pre_image.key())? {
                None => pending.push(StepId(index)),
                Some(chain) => {
                    let number = self.start(step);
                    self.sink().send(Event::Cached { step: number });
                    self.made(StepId(index), &chain);
                    self.states[index].set(chain).expect("each step is looked up once");
                }
            }
        }
        Ok(pending)
    }

    /// Whether a process would have to run.
    pub fn must_run(&self, pending: &[StepId]) -> bool {
        pending.iter().any(|step| matches!(self.graph.steps[step.0].op, Op::Exec(_)))
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
    fn recorded(&self, step: &Step, key: &Digest) -> Result<Option<Chain>, Error> {
        let Some(bytes) = self.worker.store.record(key)? else { return Ok(None) };
        let Some(record) = KeyRecord::decode(&bytes) else { return Ok(None) };
        if !self.worker.store.has_layer(record.layer)? {
            return Ok(None);
        }
        Ok(Some(self.below(step).push(record.layer, record.made())))
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
            Ok((Came::Cached, _)) => Event::Cached { step: number },
            Ok((Came::Done, _)) => Event::Done { step: number },
            Err(Error::Interrupted) => Event::Canceled { step: number },
            Err(e) => Event::Failed { step: number, message: message(e) },
        };
        self.sink().send(end);
        let (_, chain) = result?;
        self.made(id, &chain);
        self.states[id.0].set(chain).expect("each step is done once");
        Ok(())
    }

    fn made(&self, id: StepId, chain: &Chain) {
        if let Some((_, link)) = chain.below() {
            self.packing.made(id, link.diff_id);
        }
    }

    fn perform_as(&self, id: StepId, number: StepNumber) -> Result<(Came, Chain), Error> {
        let (step, worker) = (&self.graph.steps[id.0], self.worker);
        let pre_image = self.pre_image(step)?;
        let key = pre_image.key();
        if !step.no_cache
            && let Some(chain) = self.recorded(step, &key)?
        {
            return Ok((Came::Cached, chain));
        }
        // Two builds that miss the same key share one run.
        let canceled = || worker.cancel.is_fired();
        let Some(_flight) = worker.store.flight(&key, &canceled)? else { return Err(Error::Interrupted) };
        // Also without a wait: the other build may have ended between the look and the flight.
        if !step.no_cache
            && let Some(chain) = self.recorded(step, &key)?
        {
            return Ok((Came::Cached, chain));
        }
        let doing = Doing { number, key, form: self.packing.form(id) };
        let (layer, made) = worker.perform(step, doing, self.states()).map_err(|e| self.failed(step, e))?;
        let record = KeyRecord { layer, ran: made == crate::worker::Made::Ran, pre_image };
        worker.store.put_record(&key, &record.encode(), &[layer])?;
        Ok((Came::Done, self.below(step).push(layer, made)))
    }

    fn failed(&self, step: &Step, source: crate::worker::Error) -> Error {
        if source.is_canceled() {
            return Error::Interrupted;
        }
        let platform = self.several.then(|| Box::new(step.platform.clone()));
        let source = Box::new(source);
        Error::Step { name: step.label.to_string(), location: step.location, platform, source }
    }
}

/// The message of a step's own line: without what the whole error says around it.
fn message(error: &Error) -> String {
    match error {
        Error::Step { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}
