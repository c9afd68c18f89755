//! Compression beside the steps: of the layers that an output wants compressed, and of no other.
//!
//! A layer whose bytes no later step of this build reads is compressed as it is written, and kept in no other form. One that
//! something reads is written plain, so that nobody waits, and compressed by a thread while the steps after it are done.
//! Then it goes to the remote caches, which so find it compressed if they want it in the same form.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::caches::Caches;
use super::options::Options;
use crate::graph::{Graph, Input, Op, StepId};
use crate::layer::Compression;
use crate::oci::DiffId;
use crate::store::Store;

/// What is to be compressed, and the thread that does it.
pub struct Packing {
    caches: Arc<Caches>,
    wanted: Option<Compression>,
    /// Whether an output reads plain bytes of all layers.
    plain: bool,
    /// Steps whose layers go out.
    goes_out: BTreeSet<usize>,
    /// Steps whose layers' bytes a later step reads.
    is_read: BTreeSet<usize>,
    work: Mutex<Work>,
    stop: Arc<AtomicBool>,
}

#[derive(Default)]
struct Work {
    /// Whether there are steps to be done.
    begun: bool,
    /// What came before.
    waiting: Vec<(StepId, DiffId)>,
    queue: Option<Sender<DiffId>>,
    thread: Option<JoinHandle<()>>,
}

impl Packing {
    /// What `options` want of the images that end in `targets`.
    pub fn new(graph: &Graph, targets: &[Input], options: &Options, caches: &Arc<Caches>) -> Packing {
        let encodes = options.outputs.iter().map(|order| order.output.encode());
        let encodes: Vec<_> = encodes.chain(options.pushes.iter().map(|to| Some(to.encode))).collect();
        let is_plain = |compression: &Compression| *compression == Compression::Uncompressed;
        let compressions = || encodes.iter().flatten().map(|encode| encode.compression);
        let mut goes_out = BTreeSet::new();
        targets.iter().for_each(|target| below(graph, *target, &mut goes_out));
        let mut is_read = BTreeSet::new();
        for step in &graph.steps {
            if matches!(step.op, Op::Exec(_)) {
                below(graph, step.base, &mut is_read);
            }
            step.op.reads().iter().for_each(|read| below(graph, read.input, &mut is_read));
        }
        Packing {
            caches: Arc::clone(caches),
            wanted: compressions().find(|compression| !is_plain(compression)),
            plain: encodes.iter().any(Option::is_none) || compressions().any(|c| is_plain(&c)),
            goes_out,
            is_read,
            work: Mutex::default(),
            stop: Arc::default(),
        }
    }

    /// The same wishes, for a second pass over the same graph.
    pub fn again(&self) -> Packing {
        Packing {
            caches: Arc::clone(&self.caches),
            wanted: self.wanted,
            plain: self.plain,
            goes_out: self.goes_out.clone(),
            is_read: self.is_read.clone(),
            work: Mutex::default(),
            stop: Arc::default(),
        }
    }

    /// The form in which a step's layer is written.
    pub fn form(&self, step: StepId) -> Compression {
        match self.wanted {
            Some(wanted)
                if !self.plain && self.goes_out.contains(&step.0) && !self.is_read.contains(&step.0) =>
            {
                wanted
            }
            _ => Compression::Uncompressed,
        }
    }

    /// A step has this layer: if it goes out, it is compressed some time soon, and if a cache is to have it, sent.
    pub fn made(&self, step: StepId, layer: DiffId) {
        let mut work = self.lock();
        match work.begun {
            true => self.put(&work, step, layer),
            false => work.waiting.push((step, layer)),
        }
    }

    fn put(&self, work: &Work, step: StepId, layer: DiffId) {
        let goes_out = self.goes_out.contains(&step.0);
        match &work.queue {
            // The thread ends early only when it is told to.
            Some(queue) if goes_out => drop(queue.send(layer)),
            _ => self.caches.made(layer, goes_out),
        }
    }

    /// Begins, once it is known that there are steps to be done: beside nothing, there is no hurry.
    pub fn begin(&self, store: &Store) {
        let mut work = self.lock();
        work.begun = true;
        if let Some(compression) = self.wanted {
            let (queue, layers) = channel::<DiffId>();
            let (store, stop) = (store.clone(), Arc::clone(&self.stop));
            let caches = Arc::clone(&self.caches);
            work.queue = Some(queue);
            work.thread = Some(std::thread::spawn(move || {
                let is_over = || stop.load(Ordering::Relaxed);
                for diff_id in layers {
                    if is_over() {
                        return;
                    }
                    // Whatever is wrong with a layer, the output meets it again, and says so.
                    if let Ok(Some(layer)) = store.layer(diff_id)
                        && layer.is_ours()
                    {
                        let _ = store.pack(&layer, compression, &is_over);
                    }
                    caches.made(diff_id, true);
                }
            }));
        }
        for (step, layer) in std::mem::take(&mut work.waiting) {
            self.put(&work, step, layer);
        }
    }

    /// Ends, and leaves to the outputs and caches what is not compressed yet.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.finish();
    }

    /// Waits until all is compressed that was made.
    pub fn finish(&self) {
        let thread = {
            let mut work = self.lock();
            work.queue = None;
            work.thread.take()
        };
        if let Some(thread) = thread {
            // What it could not do is done by the outputs.
            let _ = thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Packing {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Adds the steps that `input` stands on, itself included.
fn below(graph: &Graph, mut input: Input, to: &mut BTreeSet<usize>) {
    // Where one was added before, all below it were.
    while let Input::Step(step) = input
        && to.insert(step.0)
    {
        input = graph.steps[step.0].base;
    }
}
