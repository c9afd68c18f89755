//! A stage in the middle of being planned: what its next instruction finds.

use super::base::BaseKey;
use super::draft::Draft;
use super::error::{Error, ErrorKind};
use super::label::Labels;
use super::origin::Origin;
use super::scope::Scope;
use super::site::Site;
use super::stop::Stop;
use super::warning::Warning;
use crate::dockerfile::{self, Expanded, Word, expand, near};
use crate::graph::{Input, Label, Location, Op, Step};
use crate::oci::{History, ImageConfig, Platform};

/// The comment of every entry of history.
const COMMENT: &str = "buildkit.dockerfile.v0";

/// A stage, as far as it was planned.
pub(super) struct State<'a, 'd> {
    /// What does not change.
    pub site: &'a Site<'a>,
    /// The plan that grows.
    pub draft: &'d mut Draft<'a>,
    /// The stage's place.
    pub stage: usize,
    /// Its files.
    pub input: Input,
    /// Its config, without history.
    pub config: ImageConfig,
    /// What it adds to the history.
    pub history: Vec<History>,
    /// Its variables.
    pub scope: Scope,
    /// Its ARGs, with their values where they have one.
    pub declared: Vec<(String, Option<String>)>,
    /// Its platform.
    pub platform: Platform,
    /// The lines of the instruction at hand.
    pub location: Location,
    /// The `# check=` above the instruction at hand.
    pub check: Option<&'a str>,
    /// Whether the instruction at hand is a trigger.
    pub trigger: bool,
    /// Counts steps.
    pub labels: Labels,
    /// Whether recorded results are passed over.
    pub no_cache: bool,
    /// Whether there was a WORKDIR.
    pub workdir_set: bool,
    /// The last CMD of this stage.
    pub cmd: Option<Location>,
    /// The last ENTRYPOINT of this stage.
    pub entrypoint: Option<Location>,
    /// The last HEALTHCHECK of this stage.
    pub healthcheck: Option<Location>,
}

impl<'a> State<'a, '_> {
    /// An error at the instruction at hand.
    pub fn error(&self, kind: ErrorKind) -> Error {
        Error::at(kind, self.location)
    }

    /// An error of a word or mount, at the instruction at hand.
    pub fn wrong_word(&self, error: dockerfile::Error) -> Error {
        Error::of(error, self.location)
    }

    /// The word with the stage's variables filled in.
    pub fn expand(&mut self, word: &Word) -> Result<String, Error> {
        let expanded = expand(word, self.site.request.dockerfile.escape, &self.scope);
        let expanded = expanded.map_err(|error| self.wrong_word(error))?;
        self.take(expanded)
    }

    /// The text of a word that was expanded, counted and with its undefined variables noticed.
    pub fn take(&mut self, expanded: Expanded) -> Result<String, Error> {
        self.grow(expanded.text.len())?;
        self.check_defined(&expanded);
        Ok(expanded.text)
    }

    /// Counts what the plan holds, so that a few lines cannot ask for all memory there is.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        if self.draft.grow(bytes) { Ok(()) } else { Err(self.error(ErrorKind::TooLarge)) }
    }

    /// The same for a flag that may be missing; an empty one is as good as missing.
    pub fn expand_flag(&mut self, word: Option<&Word>) -> Result<Option<String>, Error> {
        let text = word.map(|word| self.expand(word)).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Notices variables that nothing defines.
    fn check_defined(&mut self, expanded: &Expanded) {
        for name in &expanded.undefined {
            if !self.draft.can_warn() || self.declared.iter().any(|(declared, _)| declared == name) {
                continue;
            }
            let near = near(name, self.scope.names());
            let near = near.map(|near| format!(" (did you mean ${near}?)")).unwrap_or_default();
            self.warn("UndefinedVar", format!("Usage of undefined variable '${name}'{near}"));
        }
    }

    /// Notices something at the instruction at hand.
    pub fn warn(&mut self, rule: &'static str, message: String) {
        if !self.site.checks.allows(rule, self.check) {
            return;
        }
        self.draft.warnings.push(Warning::new(rule, message, self.location));
    }

    /// Adds an entry to the history; `layer` says whether a layer belongs to it.
    pub fn commit(&mut self, text: String, layer: bool) {
        self.history.push(History {
            created: Some(self.site.arguments.epochs.image.rfc3339()),
            created_by: Some(text),
            author: None,
            comment: Some(COMMENT.to_string()),
            empty_layer: !layer,
        });
    }

    /// The label of the next step.
    pub fn label(&mut self, text: String) -> Label {
        self.labels.next(text, self.trigger, &self.platform, &self.scope)
    }

    /// Adds a step on top of the stage's files.
    pub fn push(&mut self, op: Op, label: Label) {
        // COMPAT: a directory is made from its key whatever --no-cache says: it can be no other.
        let no_cache = self.no_cache && !matches!(op, Op::MakeDirectory(_));
        self.input = self.draft.step(Step {
            op,
            base: self.input,
            platform: self.platform.clone(),
            label,
            location: self.location,
            no_cache,
        });
    }

    /// The working directory, absolute.
    pub fn directory(&self) -> String {
        super::paths::clean(&self.config.config.working_dir)
    }

    /// The files of what an instruction reads from. `later` makes the error for a stage that comes later, or is this one.
    pub fn read(&mut self, origin: &Origin, written: &str, later: ErrorKind) -> Result<Input, Stop> {
        match origin {
            Origin::Scratch => Ok(Input::Scratch),
            Origin::Files(name) => Ok(self.draft.context(Some(name))),
            Origin::Stage(stage) if *stage >= self.stage => {
                let hint = "a stage reads only from those above it: move the other one up";
                Err(self.error(later).hint(hint).into())
            }
            Origin::Stage(stage) => match self.draft.finished.get(stage) {
                Some(finished) => Ok(finished.input),
                None => Err(Stop::Stage(*stage)),
            },
            Origin::Image { name, context } => {
                let key = BaseKey { name: name.clone(), platform: self.site.request.platform.clone() };
                let site: &'a Site<'a> = self.site;
                let Some(base) = site.bases.get(&key) else {
                    let (location, written) = (self.location, written.to_string());
                    return Err(Stop::Image { key: Box::new(key), location, written });
                };
                let label = image_label(&key, base.manifest, context.as_deref());
                Ok(self.draft.image(&key, base, label, self.location))
            }
        }
    }
}

/// The label of an image that no stage counts.
pub(super) fn image_label(key: &BaseKey, manifest: crate::oci::Digest, context: Option<&str>) -> Label {
    match context {
        Some(context) => Label { place: format!("context {context}"), text: key.name.to_string() },
        None => Label { place: String::new(), text: format!("FROM {}", pinned(key, manifest)) },
    }
}

/// The image's name with its digest.
pub(super) fn pinned(key: &BaseKey, manifest: crate::oci::Digest) -> String {
    let name = key.name.to_string();
    if name.contains('@') { name } else { format!("{name}@{manifest}") }
}
