//! The key of a step: the content of its inputs, looked at as little as possible.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::PoisonError;

use super::chain::States;
use super::context::{Context, ContextFiles};
use super::copy::{Part, select_parts};
use super::error::Error;
use super::missing::explain;
use super::perform::Worker;
use crate::graph::{Copy, CopySource, Input, Op, PreImage, Read, Resolved, Step, pre_image};
use crate::oci::Digest;
use crate::tree::{Entry, Last, RootPath, Stack, entries_digest};

impl Worker<'_> {
    /// All that the key of `step` is made of. The steps before it must be known.
    pub fn pre_image(&self, step: &Step, states: &States) -> Result<PreImage, Error> {
        let chain = self.chain(step.base, states).expect("a step stands on layers").id();
        let mut sources = Vec::new();
        for read in step.op.reads() {
            sources.push(self.source_digest(step, &read, states)?);
        }
        Ok(pre_image(step, &Resolved { base: chain, sources: &sources }))
    }

    /// The digest of what `read` selects. For trees made of layers it is remembered: a chain's content never changes.
    fn source_digest(&self, step: &Step, read: &Read, states: &States) -> Result<Digest, Error> {
        let Some(chain) = self.chain(read.input, states) else {
            let Input::Context(context) = read.input else { unreachable!("only a context has no layers") };
            let context = &self.contexts[context.0];
            return self.context_digest(step, read, context).map_err(|error| match error {
                Error::Copy(error) => Error::Copy(explain(error, context)),
                other => other,
            });
        };
        let name = chain.id().map_or("scratch".to_string(), |id| id.0.to_string());
        let memo = memo_key(&step.op, read, "chain", &name);
        if let Some(bytes) = self.store.record(&memo)?
            && let Ok(bytes) = <[u8; 32]>::try_from(bytes)
        {
            let digest = Digest::from_bytes(bytes);
            self.elsewhere.learn(&memo, &digest);
            return Ok(digest);
        }
        // What a remote cache says of layers counts for builds that ask it, and is not kept.
        if let Some(digest) = self.elsewhere.selection(&memo) {
            self.believe(&chain.diff_ids());
            self.elsewhere.learn(&memo, &digest);
            return Ok(digest);
        }
        let tree = self.tree(read.input, states)?;
        let digest = selected(&step.op, read, &tree.stack)?;
        if tree.is_verified {
            self.store.put_record(&memo, digest.as_bytes(), &[])?;
        }
        self.elsewhere.learn(&memo, &digest);
        Ok(digest)
    }

    /// The same of a context. It is remembered with the digest of the context's entries: while that stands, nothing is
    /// selected, and not one entry is made.
    fn context_digest(&self, step: &Step, read: &Read, context: &Context) -> Result<Digest, Error> {
        let scanned = context.scanned();
        let Some(entries) = scanned.digest() else { return selected(&step.op, read, scanned.stack()) };
        let memo = context_memo_key(&step.op, read, context);
        let selections = || self.selections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digest) = selections().get(&(memo, entries)) {
            return Ok(*digest);
        }
        let digest = self.remembered(step, read, context, &memo, entries)?;
        selections().insert((memo, entries), digest);
        Ok(digest)
    }

    fn remembered(
        &self,
        step: &Step,
        read: &Read,
        context: &Context,
        memo: &Digest,
        entries: Digest,
    ) -> Result<Digest, Error> {
        if let Some(bytes) = self.store.record(memo)?
            && let Some((known, digest)) = bytes.split_first_chunk::<32>()
            && known == entries.as_bytes()
            && let Ok(digest) = <[u8; 32]>::try_from(digest)
        {
            return Ok(Digest::from_bytes(digest));
        }
        let digest = selected(&step.op, read, context.scanned().stack())?;
        self.store.put_record(memo, &[entries.as_bytes().as_slice(), digest.as_bytes()].concat(), &[])?;
        Ok(digest)
    }
}

/// What the digest of a selection from a context is remembered under: one record, replaced when the context changes.
fn context_memo_key(op: &Op, read: &Read, context: &Context) -> Digest {
    let path = match &context.files {
        ContextFiles::Directory(local) => Digest::of(local.path().as_os_str().as_bytes()),
        _ => Digest::of(b""),
    };
    memo_key(op, read, "context", &path.to_string())
}

fn selected(op: &Op, read: &Read, stack: &Stack) -> Result<Digest, Error> {
    match op {
        Op::Copy(copy) => {
            let part = Part { stack, first_layer: 0 };
            let reads = |source: &CopySource| match source {
                CopySource::Path(path) => read.paths.contains(path) && read.input == copy.from,
                CopySource::Remote { input, path } => read.paths.contains(path) && read.input == *input,
                CopySource::Inline { .. } => false,
            };
            Ok(select_parts(copy, &|source| reads(source).then_some(part))?.digest())
        }
        Op::Exec(_) => subtree_digest(stack, &read.paths[0]),
        Op::MakeDirectory(_) => unreachable!("WORKDIR reads nothing"),
    }
}

/// The digest of all at and below a mount's source, under names relative to it.
fn subtree_digest(stack: &Stack, path: &str) -> Result<Digest, Error> {
    let missing = || Error::MountSource { path: path.to_string() };
    let at = stack.resolve(&RootPath::clean(path)?, Last::Follow)?;
    if stack.get(&at).is_none() {
        return Err(missing());
    }
    let relative = stack.walk(&at).map(|node| Entry {
        path: node.entry.path.strip_prefix(&at).expect("a walk stays below where it began"),
        ..node.entry
    });
    let entries: Vec<Entry> = relative.collect();
    Ok(entries_digest(entries.iter()))
}

/// What a selection's digest is remembered under: the tree, and all that decides what is selected.
fn memo_key(op: &Op, read: &Read, kind: &str, tree: &str) -> Digest {
    let mut memo = PreImage::default();
    memo.push("selection", 2);
    memo.push(kind, tree);
    for path in &read.paths {
        memo.push("path", path);
    }
    match op {
        Op::Copy(copy) => {
            let Copy { exclude, parents, unpack, epoch, .. } = &**copy;
            // Under `preserve` a selection also holds the time of its top directory.
            memo.push("copy", format!("{parents} {unpack:?} {}", epoch.is_none()));
            exclude.iter().for_each(|pattern| memo.push("exclude", pattern));
        }
        Op::Exec(_) => memo.push("mount", ""),
        Op::MakeDirectory(_) => {}
    }
    memo.key()
}
