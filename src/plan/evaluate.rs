//! One stage from FROM to its last instruction.

use super::base::{Base, BaseKey};
use super::checks::own_check;
use super::dispatch::dispatch;
use super::draft::{Draft, Finished};
use super::error::{Error, ErrorKind};
use super::inherit;
use super::label::Labels;
use super::origin::Origin;
use super::places::location;
use super::scope::Scope;
use super::site::Site;
use super::stages::Stage;
use super::state::{State, image_label, pinned};
use super::stop::Stop;
use super::whole_context;
use crate::dockerfile::{Instruction, Kind, parse_trigger};
use crate::graph::Input;
use crate::oci::{ImageConfig, Platform};

/// Plans the stage at `index`.
pub(super) fn evaluate<'a>(
    site: &'a Site<'a>,
    draft: &mut Draft<'a>,
    index: usize,
) -> Result<Finished<'a>, Stop> {
    let stage = &site.stages.list[index];
    if let Some(origin) = &stage.replaced {
        return replaced(site, draft, stage, origin);
    }
    let mut labels = Labels {
        stage: stage.label.clone(),
        total: stage.total,
        index: 0,
        with_platform: with_platform(site),
    };
    let start = start(site, draft, stage, &mut labels)?;
    let on_image: Vec<Instruction> =
        start.on_build.iter().map(read_trigger(stage)).collect::<Result<_, _>>()?;
    let triggers: Vec<&Instruction> = on_image.iter().chain(start.before.triggers.iter().copied()).collect();
    labels.total += triggers.len();

    let Finished { input, mut config, history, mut scope, declared, workdir_set, platform, .. } =
        start.before;
    inherit::complete(&mut config);
    for entry in &config.config.env {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        scope.set(name, value);
    }
    let size = size(&config, &scope);
    let mut state = State {
        site,
        draft,
        stage: index,
        input,
        config,
        history,
        scope,
        declared,
        platform,
        location: stage.location,
        check: None,
        trigger: true,
        labels,
        no_cache: site.request.no_cache.covers(stage.name.as_deref()),
        workdir_set,
        cmd: None,
        entrypoint: None,
        healthcheck: None,
    };
    state.grow(size)?;
    for trigger in triggers {
        dispatch(&mut state, trigger)?;
    }
    state.trigger = false;
    for instruction in stage.instructions {
        state.location = location(site.request, instruction);
        state.check = own_check(instruction);
        dispatch(&mut state, instruction)?;
    }
    let own_trigger = |instruction: &'a Instruction| match &instruction.kind {
        Kind::OnBuild(on_build) => Some(&*on_build.instruction),
        _ => None,
    };
    Ok(Finished {
        input: state.input,
        config: state.config,
        history: state.history,
        scope: state.scope,
        declared: state.declared,
        workdir_set: state.workdir_set,
        platform: state.platform,
        triggers: stage.instructions.iter().filter_map(own_trigger).collect(),
    })
}

/// What a stage finds before its first instruction.
struct Start<'a> {
    /// As its base left it; the triggers are those that act now.
    before: Finished<'a>,
    /// The triggers of a base image, as text.
    on_build: Vec<String>,
}

fn start<'a>(
    site: &'a Site<'a>,
    draft: &mut Draft<'a>,
    stage: &Stage<'a>,
    labels: &mut Labels,
) -> Result<Start<'a>, Stop> {
    let platform = stage.platform.clone().unwrap_or_else(|| site.request.platform.clone());
    let plain = |input, mut config: ImageConfig, platform| Finished {
        input,
        history: std::mem::take(&mut config.history),
        config,
        scope: Scope::default(),
        declared: Vec::new(),
        workdir_set: false,
        platform,
        triggers: Vec::new(),
    };
    let mut start = match &stage.base {
        // COMPAT: nothing has no platform of its own.
        Origin::Scratch => {
            let platform = site.request.platform.clone();
            Start { before: plain(Input::Scratch, inherit::empty(&platform), platform), on_build: Vec::new() }
        }
        Origin::Stage(index) => {
            let base = draft.finished.get(index).ok_or(Stop::Stage(*index))?;
            let before = Finished {
                input: base.input,
                config: base.config.clone(),
                history: Vec::new(),
                scope: base.scope.clone(),
                declared: base.declared.clone(),
                platform: base.platform.clone(),
                triggers: base.triggers.clone(),
                workdir_set: base.workdir_set,
            };
            Start { before, on_build: Vec::new() }
        }
        Origin::Files(name) => {
            let mut config = inherit::empty(&platform);
            let history = &mut config.history;
            let input = whole_context::copy(site, draft, name, history, &platform, stage.location);
            Start { before: plain(input, config, platform), on_build: Vec::new() }
        }
        Origin::Image { name, context } => {
            let key = BaseKey { name: name.clone(), platform: platform.clone() };
            let base = known(site, stage, &key)?;
            let label = match context {
                Some(context) => image_label(&key, base.manifest, Some(context)),
                None if base.config.rootfs.diff_ids.is_empty() => Default::default(),
                None => {
                    let text = format!("FROM {}", pinned(&key, base.manifest));
                    labels.next(text, false, &platform, &Scope::default())
                }
            };
            let input = draft.image(&key, base, label, stage.location);
            check_platform(draft, stage, &base.config, &platform);
            Start {
                on_build: base.config.config.on_build.clone().unwrap_or_default(),
                before: plain(input, inherit::inherited(&base.config), platform),
            }
        }
    };
    start.before.config.config.on_build = None;
    if let Input::Context(_) = start.before.input {
        // The base is a stage that files stand in for: a step stands on layers alone.
        let Finished { history, platform, .. } = &mut start.before;
        if let Origin::Stage(index) = stage.base
            && let Some(Origin::Files(name)) = &site.stages.list[index].replaced
        {
            let platform = platform.clone();
            start.before.input = whole_context::copy(site, draft, name, history, &platform, stage.location);
        }
    }
    Ok(start)
}

/// A stage that a named context stands in for.
fn replaced<'a>(
    site: &'a Site<'a>,
    draft: &mut Draft<'a>,
    stage: &Stage<'a>,
    origin: &Origin,
) -> Result<Finished<'a>, Stop> {
    let mut platform = stage.platform.clone().unwrap_or_else(|| site.request.platform.clone());
    let (input, mut config) = match origin {
        Origin::Files(name) => (draft.context(Some(name)), inherit::empty(&platform)),
        Origin::Image { name, context } => {
            let key = BaseKey { name: name.clone(), platform: platform.clone() };
            let base = known(site, stage, &key)?;
            let label = image_label(&key, base.manifest, context.as_deref());
            let mut config = inherit::inherited(&base.config);
            config.config.on_build = None;
            if !config.os.is_empty() && !config.architecture.is_empty() {
                platform = config.platform();
            }
            (draft.image(&key, base, label, stage.location), config)
        }
        Origin::Scratch | Origin::Stage(_) => (Input::Scratch, inherit::empty(&platform)),
    };
    Ok(Finished {
        input,
        history: std::mem::take(&mut config.history),
        config,
        scope: Scope::default(),
        declared: Vec::new(),
        workdir_set: false,
        platform,
        triggers: Vec::new(),
    })
}

fn known<'a>(site: &'a Site<'a>, stage: &Stage<'_>, key: &BaseKey) -> Result<&'a Base, Stop> {
    site.bases.get(key).ok_or_else(|| Stop::Image {
        key: Box::new(key.clone()),
        location: stage.location,
        written: stage.base_text.clone(),
    })
}

/// What a stage holds of its own before its first instruction, roughly.
fn size(config: &ImageConfig, scope: &Scope) -> usize {
    let config = &config.config;
    let env: usize = config.env.iter().map(|entry| entry.len() + 24).sum();
    let labels: usize = config.labels.iter().map(|(name, value)| name.len() + value.len() + 48).sum();
    let sets = config.exposed_ports.keys().chain(config.volumes.keys()).map(|name| name.len() + 24);
    env + labels + sets.sum::<usize>() + scope.size()
}

fn with_platform(site: &Site<'_>) -> bool {
    let asked = site.arguments.build.get("BUILDKIT_MULTI_PLATFORM").map(String::as_str);
    site.request.multi_platform || matches!(asked, Some("1" | "true"))
}

fn check_platform(draft: &mut Draft<'_>, stage: &Stage<'_>, config: &ImageConfig, wanted: &Platform) {
    let actual = config.platform();
    if actual.os != wanted.os || actual.architecture != wanted.architecture {
        let image = &stage.base_text;
        let message = format!(
            "Base image {image} was pulled with platform \"{actual}\", expected \"{wanted}\" for current build"
        );
        draft.warnings.push(super::warning::Warning::new(
            "InvalidBaseImagePlatform",
            message,
            stage.location,
        ));
    }
}

/// Reads a trigger of the stage's base image.
fn read_trigger<'s>(stage: &'s Stage<'_>) -> impl Fn(&String) -> Result<Instruction, Error> + 's {
    |trigger| {
        parse_trigger(trigger).map_err(|error| {
            let problem = error.kind.to_string();
            let (image, trigger) = (stage.base_text.clone(), trigger.clone());
            Error::at(ErrorKind::Trigger { image, trigger, problem }, stage.location)
        })
    }
}
