//! The build contexts that a graph reads, scanned for exactly what it can read of them.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::Error;
use super::numbers::Numbers;
use super::options::{Context as Source, ContextValue, Options};
use super::remotes::Remotes;
use crate::graph::{ContextId, ContextSource, Graph, Input, Location, Op, Remote, Step};
use crate::oci::Epoch;
use crate::plan::LayerEpoch;
use crate::progress::{Event, Sink};
use crate::source::{Local, OciLayout, Wanted, read_archive_ignore, read_ignore};
use crate::store::Store;
use crate::tree::{Patterns, RootPath};
use crate::worker::{Context, ContextFiles, wanted};

/// Opens the contexts of `graph`, in its order; fetches those that are elsewhere. `main` is the build context itself.
pub fn open(opening: &Opening<'_>, main: ContextFiles, dockerfile: &Path) -> Result<Vec<Context>, Error> {
    for value in opening.options.contexts.values() {
        // Also those that no step reads: a slip in a path must not pass unseen.
        match value {
            ContextValue::Directory(directory) => {
                drop(Local::open(directory)?);
            }
            ContextValue::Layout { directory, .. } => {
                drop(OciLayout::open(directory)?);
            }
            ContextValue::Image(_) | ContextValue::Remote(_) => {}
        }
    }
    let mut main = Some(main);
    let mut contexts = Vec::new();
    for (index, source) in opening.graph.contexts.iter().enumerate() {
        let opened = opening.open(source, &mut main, dockerfile);
        contexts.push(opened.map_err(|error| error.at(reader(opening.graph, ContextId(index))))?);
    }
    Ok(contexts)
}

/// The first instruction that reads a context: the place of what is wrong with it.
fn reader(graph: &Graph, context: ContextId) -> Option<Location> {
    let reads = |step: &&Step| step.op.reads().iter().any(|read| read.input == Input::Context(context));
    graph.steps.iter().find(reads).map(|step| step.location)
}

/// What opening takes part in.
pub struct Opening<'a> {
    /// What reads the contexts.
    pub graph: &'a Graph,
    /// What is asked for.
    pub options: &'a Options,
    /// Who fetches.
    pub remotes: &'a Remotes<'a>,
    /// The time of what is fetched; none for its own.
    pub epoch: Option<Epoch>,
    /// Numbers for the display.
    pub numbers: &'a Numbers,
    /// Who watches.
    pub sink: &'a dyn Sink,
}

impl Opening<'_> {
    fn open(
        &self,
        context: &ContextSource,
        main: &mut Option<ContextFiles>,
        dockerfile: &Path,
    ) -> Result<Context, Error> {
        let (files, beside) = match context {
            ContextSource::Main => (main.take().expect("there is one build context"), Some(dockerfile)),
            ContextSource::Named(name) => match self.options.contexts.get(name) {
                Some(ContextValue::Directory(directory)) => {
                    (ContextFiles::Directory(Local::open(directory)?), None)
                }
                Some(ContextValue::Remote(_)) => (self.fetched(context)?, None),
                _ => unreachable!("the plan only reads contexts that it was told of"),
            },
            ContextSource::Remote(_) => (self.fetched(context)?, None),
        };
        let patterns = match &files {
            ContextFiles::Directory(local) => read_ignore(local, beside)?.patterns,
            // COMPAT: a context behind a URL has no ignore file.
            ContextFiles::Archive(_) if matches!(self.options.context, Source::Remote(_)) => {
                Patterns::default()
            }
            ContextFiles::Archive(archive) => read_archive_ignore(archive, beside)?.patterns,
            ContextFiles::Layer(_) | ContextFiles::Empty => Patterns::default(),
        };
        Ok(Context::new(files, patterns))
    }

    /// Fetches again what is no longer in the store.
    pub fn heal(&self, contexts: &mut [Context], store: &Store) -> Result<(), Error> {
        for (context, source) in contexts.iter_mut().zip(&self.graph.contexts) {
            let Some(layer) = context.layer() else { continue };
            if *source != ContextSource::Main && !store.has_layer(layer)? {
                *context = Context::new(self.fetched(source)?, Patterns::default());
            }
        }
        Ok(())
    }

    /// The first instruction that reads a context.
    fn asked_at(&self, context: &ContextSource) -> Option<Location> {
        let id = self.graph.contexts.iter().position(|other| other == context).map(ContextId)?;
        let reads = |step: &&Step| step.op.reads().iter().any(|read| read.input == Input::Context(id));
        self.graph.steps.iter().find(reads).map(|step| step.location)
    }

    fn fetched(&self, context: &ContextSource) -> Result<ContextFiles, Error> {
        let (remote, name, epoch) = match context {
            ContextSource::Remote(remote) => (remote, format!("[internal] fetch {remote}"), self.epoch),
            ContextSource::Named(name) => match self.options.contexts.get(name) {
                Some(ContextValue::Remote(remote)) => {
                    let own = matches!(remote, Remote::Git(git) if git.commit_time);
                    (remote, format!("[context {name}] {remote}"), self.epoch.filter(|_| !own))
                }
                _ => unreachable!("only what is elsewhere is fetched"),
            },
            ContextSource::Main => unreachable!("the build context is fetched before there is a plan"),
        };
        let fetched = self.numbers.shown(self.sink, &name, |step| {
            Ok(ContextFiles::Layer(self.remotes.fetch(remote, epoch, step, self.sink)?.layer))
        });
        fetched.map_err(|error| match (error, self.asked_at(context)) {
            (Error::Interrupted, _) => Error::Interrupted,
            (error, None) => error,
            (error, Some(location)) => Error::Reading { location, source: Box::new(error) },
        })
    }
}

/// Scans each context for what the steps read of it.
pub fn scan(
    graph: &Graph,
    contexts: &[Context],
    options: &Options,
    store: &Store,
    epoch: Option<Epoch>,
    numbers: &Numbers,
    sink: &dyn Sink,
) -> Result<(), Error> {
    for (index, context) in contexts.iter().enumerate() {
        if context.layer().is_some() {
            continue;
        }
        let located = |error: Error| error.at(reader(graph, ContextId(index)));
        let wanted = wanted_of(graph, ContextId(index)).map_err(located)?;
        let name = match &graph.contexts[index] {
            ContextSource::Named(name) => format!("[context {name}] load files"),
            ContextSource::Main | ContextSource::Remote(_) => "[internal] load build context".to_string(),
        };
        numbers.shown(sink, &name, |step| {
            let scanned = context.scan(store, &wanted, options.modes, epoch)?;
            if scanned.read > 0 {
                sink.send(Event::Notice { step, message: format!("read {} bytes of changed files", scanned.read) });
            }
            if scanned.loosened > 0 {
                let message = format!(
                    "{} entries lost write permission for group or others (--context-modes=preserve keeps it)",
                    scanned.loosened
                );
                sink.send(Event::Notice { step, message });
            }
            Ok(())
        })
        .map_err(located)?;
    }
    Ok(())
}

fn wanted_of(graph: &Graph, context: ContextId) -> Result<Vec<Wanted>, Error> {
    let mut all = Vec::new();
    for step in &graph.steps {
        match &step.op {
            Op::Copy(copy) if copy.from == Input::Context(context) => all.extend(wanted(copy)),
            Op::Exec(exec) => {
                let binds = exec.mounts.iter().filter_map(|mount| match &mount.kind {
                    crate::graph::MountKind::Bind { input, source } => Some((input, source)),
                    crate::graph::MountKind::Cache { seed: Some((input, source)), .. } => {
                        Some((input, source))
                    }
                    _ => None,
                });
                for (_, source) in binds.filter(|(input, _)| **input == Input::Context(context)) {
                    let path = RootPath::clean(source).map_err(crate::worker::Error::from)?;
                    all.push(Wanted::path(&path));
                }
            }
            _ => {}
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// The time that context files get; none to keep theirs.
pub fn epoch(options: &Options, image_epoch: Epoch) -> Option<Epoch> {
    match options.layer_epoch {
        LayerEpoch::Constant(epoch) => Some(epoch),
        LayerEpoch::Source => Some(image_epoch),
        LayerEpoch::Preserve => None,
    }
}

/// The named contexts in the plan's words; layouts are checked when they are opened.
pub fn named(options: &Options) -> BTreeMap<String, crate::plan::NamedContext> {
    use crate::graph::ImageName;
    use crate::plan::NamedContext;
    let value = |value: &ContextValue| match value {
        ContextValue::Directory(_) | ContextValue::Remote(_) => NamedContext::Files,
        ContextValue::Image(reference) => NamedContext::Image(ImageName::Reference(reference.clone())),
        ContextValue::Layout { directory, tag, digest } => NamedContext::Image(ImageName::Layout {
            directory: directory.display().to_string(),
            tag: tag.clone(),
            digest: *digest,
        }),
    };
    options.contexts.iter().map(|(name, context)| (name.clone(), value(context))).collect()
}
