//! Doing a step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use super::chain::{Made, States};
use super::context::Context;
use super::error::Error;
use super::exec::{Agents, IdentityMemory, Secrets};
use super::fetching::{Fetching, NextNumber};
use super::ground::Ground;
use super::image::Image;
use crate::graph::{Op, Step};
use crate::layer::Compression;
use crate::oci::{ChainId, DiffId, Digest};
use crate::progress::{Sink, StepNumber};
use crate::sandbox::Cancel;
use crate::snapshot::{Known, Snapshots};
use crate::store::{Layer, LayerSource, Store};
use crate::tree::Stack;

/// Does steps, from any number of threads.
pub struct Worker<'a> {
    /// Where layers are.
    pub store: &'a Store,
    /// The graph's images.
    pub images: &'a [Image],
    /// Numbers for steps of the worker's own: fetching base images.
    pub numbers: &'a (dyn NextNumber + Sync),
    /// Who knows of layers that are in neither.
    pub elsewhere: &'a dyn LayerSource,
    /// The graph's contexts, scanned.
    pub contexts: &'a [Context],
    /// Values of secrets.
    pub secrets: &'a Secrets,
    /// SSH agents.
    pub agents: &'a Agents,
    /// Who is watching.
    pub sink: &'a dyn Sink,
    /// Fired when the build is to end.
    pub cancel: &'a Cancel,
    /// Directories on disk, for RUNs.
    pub ground: Ground,
    /// Layers that were looked at: the build's lease keeps them, so that one look is enough.
    pub loaded: Mutex<BTreeMap<DiffId, Arc<Layer>>>,
    /// The trees of the last steps that ran: that of the next one is one of them with a layer on top, and to put the layers
    /// of a large root together is to look at each of its files.
    pub trees: Mutex<VecDeque<(ChainId, Stack)>>,
    /// Users and groups of images.
    pub identities: IdentityMemory,
    /// What is selected from contexts, by what it is remembered under and the context's entries: many steps may copy the
    /// same file.
    pub selections: Mutex<BTreeMap<(Digest, Digest), Digest>>,
    /// Layers of which something was believed that nobody here has compared with their bytes.
    pub believed: Mutex<BTreeSet<DiffId>>,
}

/// A step that is being done.
#[derive(Clone, Copy, Debug)]
pub struct Doing {
    /// Its number in the display.
    pub number: StepNumber,
    /// Its key, under which its log is kept.
    pub key: Digest,
    /// The form in which its layer is kept.
    pub form: Compression,
}

impl Worker<'_> {
    /// Does `step` and says which layer it made. The steps before it must be known. `beside` is called once a process has
    /// begun, for what takes no longer than a moment.
    pub fn perform(
        &self,
        step: &Step,
        doing: Doing,
        states: &States,
        beside: &dyn Fn(),
    ) -> Result<(DiffId, Made), Error> {
        match &step.op {
            Op::Exec(exec) => Ok((self.exec(step, exec, doing, states, beside)?, Made::Ran)),
            Op::Copy(copy) => Ok((self.copy(step, copy, doing, states)?, Made::Copied)),
            Op::MakeDirectory(directory) => {
                Ok((self.make_directory(step, directory, doing, states)?, Made::Copied))
            }
        }
    }

    /// Does what needs room on the store's file system; again for as long as something in the store can go.
    pub(super) fn with_room<T>(&self, mut work: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        loop {
            match work() {
                Err(e) if e.is_no_space() && self.cancel.is_fired() => return Err(Error::Canceled),
                Err(e) if e.is_no_space() && self.store.make_room(0) => {}
                Err(e) if e.is_no_space() => {
                    return Err(self.store.no_space(&self.store.snapshots_dir()).into());
                }
                done => return done,
            }
        }
    }

    /// Whether the directories that RUNs stood on were as they should be, as far as is known by now.
    pub fn roots(&self) -> Known {
        self.ground.opened().map_or(Known::Unchanged, Snapshots::known)
    }

    /// Waits until that is known, and removes what was changed; says how many.
    pub fn settle_roots(&self) -> Result<usize, Error> {
        Ok(self.ground.opened().map_or(Ok(0), Snapshots::settle)?)
    }

    /// The directories of layers.
    pub(super) fn snapshots(&self) -> Result<&Snapshots, Error> {
        Ok(self.ground.snapshots()?)
    }

    /// Where layers go that are fetched.
    pub(super) fn fetching(&self) -> Fetching<'_> {
        let Worker { store, sink, numbers, cancel, ground, .. } = self;
        Fetching { store, sink: *sink, numbers: *numbers, cancel, ground }
    }
}
