//! The plan as it grows: the graph, finished stages, warnings.

use std::collections::{BTreeMap, BTreeSet};

use super::base::{Base, BaseKey};
use super::outcome::Copied;
use super::scope::Scope;
use super::warning::Warning;
use crate::dockerfile::Instruction;
use crate::graph::{
    ContextId, ContextSource, Graph, ImageId, ImageSource, Input, Label, Location, Remote, Step, StepId,
};
use crate::oci::{History, ImageConfig, Platform};

/// What a stage left for those that stand on it or read from it.
#[derive(Clone, Debug)]
pub(super) struct Finished<'a> {
    /// Its files.
    pub input: Input,
    /// Its config, without triggers that were not set in it, and without history.
    pub config: ImageConfig,
    /// What it adds to the history of the stage that it stands on; with the history of its base image.
    pub history: Vec<History>,
    /// Its variables.
    pub scope: Scope,
    /// The ARGs that are declared in it.
    pub declared: Vec<(String, Option<String>)>,
    /// Whether a WORKDIR was seen.
    pub workdir_set: bool,
    /// Its platform.
    pub platform: Platform,
    /// Its ONBUILD triggers.
    pub triggers: Vec<&'a Instruction>,
}

/// Everything that was planned so far.
#[derive(Default)]
pub(super) struct Draft<'a> {
    /// The graph.
    pub graph: Graph,
    /// By the stage's place.
    pub finished: BTreeMap<usize, Finished<'a>>,
    /// What was noticed.
    pub warnings: Vec<Warning>,
    /// What is copied from the build context.
    pub copied: Vec<Copied>,
    /// ARGs that triggers of base images declare.
    pub declared: BTreeSet<String>,
    images: BTreeMap<BaseKey, ImageId>,
    contexts: BTreeMap<ContextSource, ContextId>,
    size: usize,
}

/// LIMIT: what the values of all variables may come to in one plan, in bytes. Three thousand RUNs with an environment of
/// 10 KB, more than anybody has, come to a quarter; a few lines that multiply values would come to any size.
const LARGEST: usize = 128 << 20;

/// LIMIT: nobody reads more; looking for near names takes time for each.
const MOST_WARNINGS: usize = 1000;

/// How much there was, to go back to.
pub(super) struct Mark {
    steps: usize,
    images: usize,
    contexts: usize,
    warnings: usize,
    copied: usize,
}

impl Draft<'_> {
    /// A known image as an input; the label and place of who asks first are kept.
    pub fn image(&mut self, key: &BaseKey, base: &Base, label: Label, location: Location) -> Input {
        // A base without layers is the empty tree, under whatever name.
        if base.config.rootfs.diff_ids.is_empty() {
            return Input::Scratch;
        }
        let images = &mut self.graph.images;
        let id = *self.images.entry(key.clone()).or_insert_with(|| {
            images.push(ImageSource {
                name: key.name.clone(),
                manifest: base.manifest,
                layers: base.config.rootfs.diff_ids.clone(),
                platform: key.platform.clone(),
                label,
                location,
            });
            ImageId(images.len() - 1)
        });
        Input::Image(id)
    }

    /// A build context as an input; no name for the build context itself.
    pub fn context(&mut self, name: Option<&str>) -> Input {
        self.files(name.map_or(ContextSource::Main, |name| ContextSource::Named(name.to_string())))
    }

    /// What an ADD fetches as an input; the same is fetched once.
    pub fn remote(&mut self, remote: Remote) -> Input {
        self.files(ContextSource::Remote(remote))
    }

    fn files(&mut self, source: ContextSource) -> Input {
        let contexts = &mut self.graph.contexts;
        let id = *self.contexts.entry(source.clone()).or_insert_with(|| {
            contexts.push(source);
            ContextId(contexts.len() - 1)
        });
        Input::Context(id)
    }

    /// Adds a step.
    pub fn step(&mut self, step: Step) -> Input {
        self.graph.steps.push(step);
        Input::Step(StepId(self.graph.steps.len() - 1))
    }

    /// Counts `bytes` more; false where that is too much.
    pub fn grow(&mut self, bytes: usize) -> bool {
        self.size = self.size.saturating_add(bytes);
        self.size <= LARGEST
    }

    /// Whether there is room for another warning.
    pub fn can_warn(&self) -> bool {
        self.warnings.len() < MOST_WARNINGS
    }

    /// Where the draft stands now.
    pub fn mark(&self) -> Mark {
        Mark {
            steps: self.graph.steps.len(),
            images: self.graph.images.len(),
            contexts: self.graph.contexts.len(),
            warnings: self.warnings.len(),
            copied: self.copied.len(),
        }
    }

    /// Takes back all that came after `mark`.
    pub fn back_to(&mut self, mark: &Mark) {
        self.graph.steps.truncate(mark.steps);
        self.graph.images.truncate(mark.images);
        self.graph.contexts.truncate(mark.contexts);
        self.warnings.truncate(mark.warnings);
        self.copied.truncate(mark.copied);
        self.images.retain(|_, id| id.0 < mark.images);
        self.contexts.retain(|_, id| id.0 < mark.contexts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_grows_up_to_its_limit_and_no_further() {
        let mut draft = Draft::default();
        assert!(draft.grow(LARGEST));
        assert!(!draft.grow(1));
        assert!(!draft.grow(usize::MAX));
    }

    #[test]
    fn what_came_after_a_mark_is_taken_back() {
        let mut draft = Draft::default();
        draft.context(None);
        let mark = draft.mark();
        draft.context(Some("late"));
        draft.back_to(&mark);
        assert_eq!(draft.graph.contexts.len(), 1);
        assert_eq!(draft.context(Some("other")), Input::Context(ContextId(1)));
    }
}
