//! The build contexts that a graph reads, scanned for exactly what it can read of them.

use std::collections::BTreeMap;

use super::error::Error;
use super::numbers::Numbers;
use super::options::{ContextValue, Options};
use crate::graph::{ContextId, Graph, Input, Op};
use crate::oci::Epoch;
use crate::plan::LayerEpoch;
use crate::progress::{Event, Sink};
use crate::source::{Local, OciLayout, Wanted, read_archive_ignore, read_ignore};
use crate::store::Store;
use crate::tree::{Patterns, RootPath};
use crate::worker::{Context, ContextFiles, wanted};

/// Opens the contexts of `graph`, in its order. `main` is the build context itself.
pub fn open(
    graph: &Graph,
    options: &Options,
    main: ContextFiles,
    dockerfile: &std::path::Path,
) -> Result<Vec<Context>, Error> {
    for value in options.contexts.values() {
        // Also those that no step reads: a slip in a path must not pass unseen.
        match value {
            ContextValue::Directory(directory) => drop(Local::open(directory)?),
            ContextValue::Layout { directory, .. } => drop(OciLayout::open(directory)?),
            ContextValue::Image(_) => {}
        }
    }
    let mut main = Some(main);
    let mut contexts = Vec::new();
    for context in &graph.contexts {
        let (files, beside) = match &context.name {
            None => (main.take().expect("there is one build context"), Some(dockerfile)),
            Some(name) => match options.contexts.get(name) {
                Some(ContextValue::Directory(directory)) => {
                    (ContextFiles::Directory(Local::open(directory)?), None)
                }
                _ => unreachable!("the plan only reads contexts that it was told of"),
            },
        };
        let patterns = match &files {
            ContextFiles::Directory(local) => read_ignore(local, beside)?.patterns,
            ContextFiles::Archive(archive) => read_archive_ignore(archive, beside)?.patterns,
            ContextFiles::Empty => Patterns::default(),
        };
        contexts.push(Context::new(files, patterns));
    }
    Ok(contexts)
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
        let wanted = wanted_of(graph, ContextId(index))?;
        let name = match &graph.contexts[index].name {
            None => "[internal] load build context".to_string(),
            Some(name) => format!("[context {name}] load files"),
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
        })?;
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
        ContextValue::Directory(_) => NamedContext::Files,
        ContextValue::Image(reference) => NamedContext::Image(ImageName::Reference(reference.clone())),
        ContextValue::Layout { directory, tag, digest } => NamedContext::Image(ImageName::Layout {
            directory: directory.display().to_string(),
            tag: tag.clone(),
            digest: *digest,
        }),
    };
    options.contexts.iter().map(|(name, context)| (name.clone(), value(context))).collect()
}
