//! The stages of a Dockerfile: names, bases, platforms, and what a name means.

use std::collections::BTreeMap;

use super::arguments::Arguments;
use super::contexts::Contexts;
use super::error::{Error, ErrorKind};
use super::from;
use super::origin::Origin;
use super::places::location;
use super::request::Request;
use super::warning::Warning;
use crate::dockerfile::{Instruction, Kind, mount_from, near};
use crate::graph::{ImageName, Location};
use crate::oci::{Platform, Reference};

/// One stage.
pub(super) struct Stage<'a> {
    /// The name after AS, in lower case.
    pub name: Option<String>,
    /// What messages call it.
    pub display: String,
    /// What labels call it; empty where it is the only one.
    pub label: String,
    /// The FROM.
    pub location: Location,
    /// What it stands on.
    pub base: Origin,
    /// What FROM names, variables filled in.
    pub base_text: String,
    /// `--platform`, where given.
    pub platform: Option<Platform>,
    /// What follows FROM.
    pub instructions: &'a [Instruction],
    /// The named context that stands in for the whole stage.
    pub replaced: Option<Origin>,
    /// How many steps its labels count, before triggers.
    pub total: usize,
}

/// All stages, and what names mean.
pub(super) struct Stages<'a> {
    /// In the order of the file.
    pub list: Vec<Stage<'a>>,
    by_name: BTreeMap<String, usize>,
    contexts: Contexts<'a>,
    /// What is built for: the platform of names that say nothing of one.
    platform: &'a Platform,
}

impl<'a> Stages<'a> {
    /// Cuts the Dockerfile into stages and reads every FROM.
    pub fn read(
        request: &'a Request,
        arguments: &Arguments,
        warnings: &mut Vec<Warning>,
    ) -> Result<Stages<'a>, Error> {
        let mut stages = Stages {
            list: Vec::new(),
            by_name: BTreeMap::new(),
            contexts: Contexts::new(&request.contexts),
            platform: &request.platform,
        };
        for (from, instructions) in cut(&request.dockerfile.instructions) {
            let Kind::From(parts) = &from.kind else { continue };
            let at = location(request, from);
            let read = from::read(parts, at, request.dockerfile.escape, arguments, warnings)?;
            let name = parts.alias.as_ref().map(|alias| alias.value.clone());
            if let Some(name) = &name {
                stages.check_name(name, at, warnings);
            }
            let platform = read.platform.as_ref().unwrap_or(stages.platform);
            let base = match stages.by_name.get(&read.image.to_ascii_lowercase()) {
                Some(stage) => Origin::Stage(*stage),
                None => stages.outside(&read.image, platform).map_err(|kind| Error::at(kind, at))?,
            };
            let counts = |instruction: &&Instruction| {
                matches!(instruction.kind, Kind::Run(_) | Kind::Copy(_) | Kind::Add(_) | Kind::Workdir(_))
            };
            let replaced = name.as_ref().and_then(|name| stages.contexts.find(name, platform));
            let own = usize::from(!matches!(base, Origin::Stage(_)) && read.image != "scratch");
            let index = stages.list.len();
            let display = name.clone().unwrap_or_else(|| format!("stage-{index}"));
            stages.list.push(Stage {
                label: display.clone(),
                display,
                location: at,
                base,
                base_text: read.image,
                platform: read.platform,
                instructions,
                replaced,
                total: own + instructions.iter().filter(counts).count(),
                name: name.clone(),
            });
            if let Some(name) = name {
                stages.by_name.insert(name, index);
            }
        }
        if stages.list.len() == 1 && stages.list.iter().all(|stage| stages.reads_nothing_else(stage)) {
            stages.list[0].label.clear();
        }
        Ok(stages)
    }

    /// The stage to build.
    pub fn target(&self, wanted: Option<&str>) -> Result<usize, Error> {
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { return Ok(self.list.len() - 1) };
        let number = || wanted.parse().ok().filter(|number| *number < self.list.len());
        self.by_name.get(&wanted.to_lowercase()).copied().or_else(number).ok_or_else(|| {
            Error::new(ErrorKind::UnknownTarget { name: wanted.to_string(), near: self.near(wanted) })
        })
    }

    /// What `text` means after `COPY --from=`.
    pub fn origin_for_copy(&self, text: &str) -> Result<Origin, ErrorKind> {
        match text.parse::<i64>() {
            Ok(number) => match usize::try_from(number) {
                Ok(number) if number < self.list.len() => Ok(Origin::Stage(number)),
                _ => Err(ErrorKind::BadIndex(text.to_string())),
            },
            Err(_) => self.origin_for_mount(text),
        }
    }

    /// What `text` means as the `from` of a mount.
    pub fn origin_for_mount(&self, text: &str) -> Result<Origin, ErrorKind> {
        let number = || text.parse().ok().filter(|number| *number < self.list.len());
        match self.by_name.get(&text.to_lowercase()).copied().or_else(number) {
            Some(stage) => Ok(Origin::Stage(stage)),
            None => self.outside(text, self.platform),
        }
    }

    /// What an instruction reads from, as written, as far as that is known without the values of variables.
    pub fn known_origins(&self, instruction: &Instruction) -> Result<Vec<(String, Origin)>, ErrorKind> {
        let known = |text: &String| !text.contains('$') && !text.is_empty();
        match &instruction.kind {
            Kind::Copy(copy) => {
                let from = copy.from.iter().map(|from| from.raw.clone()).filter(known);
                from.map(|from| Ok((from.clone(), self.origin_for_copy(&from)?))).collect()
            }
            Kind::Run(run) => {
                let from = run.mounts.iter().filter_map(mount_from).filter(known);
                from.map(|from| Ok((from.clone(), self.origin_for_mount(&from)?))).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The stage whose name is nearest to `name`.
    pub fn near(&self, name: &str) -> Option<String> {
        near(name, self.by_name.keys().map(String::as_str))
    }

    /// What a name means that is not a stage's.
    fn outside(&self, text: &str, platform: &Platform) -> Result<Origin, ErrorKind> {
        if text == "scratch" {
            return Ok(Origin::Scratch);
        }
        let reference: Reference = text.parse().map_err(|problem: crate::oci::Error| ErrorKind::BadBase {
            name: text.to_string(),
            problem: problem.to_string(),
            near: self.near(&text.to_lowercase()),
        })?;
        let image = || Origin::Image { name: ImageName::Reference(reference), context: None };
        Ok(self.contexts.find(text, platform).unwrap_or_else(image))
    }

    fn check_name(&self, name: &str, at: Location, warnings: &mut Vec<Warning>) {
        if matches!(name, "context" | "scratch") {
            let message = format!("Stage name should not use the same name as reserved stage {name:?}");
            warnings.push(Warning::new("ReservedStageName", message, at));
        }
        if self.by_name.contains_key(name) {
            let message = format!("Duplicate stage name {name:?}, stage names should be unique");
            warnings.push(Warning::new("DuplicateStageName", message, at));
        }
    }

    /// COMPAT: the only stage has no name in labels, unless an instruction has a mount or reads from elsewhere: BuildKit
    /// counts those as stages.
    fn reads_nothing_else(&self, stage: &Stage<'_>) -> bool {
        stage.instructions.iter().all(|instruction| match &instruction.kind {
            Kind::Run(run) => run.mounts.is_empty(),
            Kind::Copy(copy) => copy.from.as_ref().is_none_or(|from| {
                from.raw.is_empty() || matches!(self.origin_for_copy(&from.raw), Ok(Origin::Stage(_)))
            }),
            _ => true,
        })
    }
}

/// Each FROM with what follows it.
fn cut(instructions: &[Instruction]) -> impl Iterator<Item = (&Instruction, &[Instruction])> {
    instructions
        .chunk_by(|_, next| !matches!(next.kind, Kind::From(_)))
        .filter_map(|chunk| chunk.split_first().filter(|(first, _)| matches!(first.kind, Kind::From(_))))
}
