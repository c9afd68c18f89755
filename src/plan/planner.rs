//! The way from request to plan.

use std::collections::{BTreeMap, BTreeSet};

use super::arguments::Arguments;
use super::base::{Base, BaseKey};
use super::checks::Checks;
use super::cycles;
use super::draft::Draft;
use super::error::Error;
use super::evaluate::evaluate;
use super::origin::Origin;
use super::outcome::{Outcome, Plan, Target};
use super::proxies;
use super::reach::Reach;
use super::request::Request;
use super::site::Site;
use super::stages::Stages;
use super::stop::Stop;
use super::unused;
use super::whole_context;
use crate::dockerfile::Kind;
use crate::graph::Input;
use crate::oci::{History, ImageConfig, Platform};

/// Plans `request` with the images that are known, or says which must be known first.
///
/// It may have to be asked more than twice: the triggers of a base image, and names that hold variables, are only seen
/// once their base is known. An image that the target does not need is never asked for.
pub fn plan(request: &Request, bases: &BTreeMap<BaseKey, Base>) -> Result<Outcome, Error> {
    let last_stage = request.dockerfile.instructions.iter().rev().find_map(|i| match &i.kind {
        Kind::From(from) => Some(from.alias.as_ref().map(|alias| alias.value.as_str())),
        _ => None,
    });
    let checks = Checks::read(&request.dockerfile, &request.build_args)?;
    let arguments = Arguments::read(request, last_stage.flatten())?;
    let mut warnings = Vec::new();
    let stages = Stages::read(request, &arguments, &mut warnings)?;
    if stages.list.is_empty() {
        let kind = Box::new(crate::dockerfile::ErrorKind::NoStage);
        return Err(Error::new(super::error::ErrorKind::Dockerfile(kind)));
    }
    let target = stages.target(request.target.as_deref())?;
    cycles::check(request, &stages)?;
    let proxies = proxies::variables(&arguments.build);
    let site = Site { request, bases, arguments, stages, checks, proxies };
    let mut draft = Draft::default();
    draft.warnings = warnings;

    let mut reach = Reach::default();
    reach.add(&site, target)?;
    let mut waiting = BTreeSet::new();
    // ORDER: a stage reads only from earlier ones, so the earliest goes first, and steps stand in the order of the file.
    while let Some(index) = reach.pending.pop_first() {
        let mark = draft.mark();
        let stop = match evaluate(&site, &mut draft, index) {
            Ok(finished) => {
                draft.finished.insert(index, finished);
                continue;
            }
            Err(stop) => stop,
        };
        draft.back_to(&mark);
        match stop {
            Stop::Wrong(error) => return Err(error),
            Stop::Image { key, location, written } => {
                reach.need(&site, *key, location, &written);
                waiting.insert(index);
            }
            Stop::Stage(from) if waiting.contains(&from) => {
                waiting.insert(index);
            }
            Stop::Stage(from) => {
                reach.add(&site, from)?;
                reach.pending.insert(index);
            }
        }
    }
    if !waiting.is_empty() {
        return Ok(Outcome::Needs(reach.questions()));
    }
    Ok(Outcome::Ready(Box::new(finish(&site, draft, target))))
}

fn finish<'a>(site: &'a Site<'a>, mut draft: Draft<'a>, target: usize) -> Plan {
    let request = site.request;
    let mut history = history(site, &mut draft, target);
    let finished = draft.finished.remove(&target).expect("every stage that was reached is finished");
    let stage = &site.stages.list[target];
    let (mut state, mut config) = (finished.input, finished.config);
    if let (Input::Context(_), Some(Origin::Files(name))) = (state, &stage.replaced) {
        let platform = &finished.platform;
        state = whole_context::copy(site, &mut draft, name, &mut history, platform, stage.location);
    }
    config.history = history;
    for (name, value) in &request.labels {
        config.config.labels.insert(name.clone(), value.clone());
    }
    if request.platform_requested || config.os.is_empty() || config.architecture.is_empty() {
        set_platform(&mut config, &request.platform);
    }
    let normal = Platform::new(&config.os, &config.architecture, config.variant.as_deref());
    config.architecture = normal.architecture;
    config.variant = normal.variant;
    config.created = Some(site.arguments.epochs.image.rfc3339());

    let mut warnings = std::mem::take(&mut draft.warnings);
    warnings.extend(unused::warnings(site, &draft.declared));
    site.checks.keep(&mut warnings, &request.dockerfile);
    warnings.sort_by_key(|warning| warning.location.map_or(usize::MAX, |location| location.first));
    let platform = config.platform();
    Plan {
        graph: draft.graph,
        target: Target { state, config, platform },
        image_epoch: site.arguments.epochs.image,
        warnings,
        copied: draft.copied,
    }
}

/// What all stages from the lowest to `target` did; taken from them.
fn history(site: &Site<'_>, draft: &mut Draft<'_>, target: usize) -> Vec<History> {
    let mut chain = vec![target];
    let mut stage = &site.stages.list[target];
    while let (Origin::Stage(base), None) = (&stage.base, &stage.replaced) {
        chain.push(*base);
        stage = &site.stages.list[*base];
    }
    let of = |index: &usize| draft.finished.get_mut(index).map(|stage| std::mem::take(&mut stage.history));
    chain.iter().rev().filter_map(of).flatten().collect()
}

/// Says that the image is for the platform that was asked for.
///
/// COMPAT: a variant, a version and features of the base stay where the platform names none and is otherwise the same.
fn set_platform(config: &mut ImageConfig, platform: &Platform) {
    let same = config.os == platform.os && config.architecture == platform.architecture;
    config.os = platform.os.clone();
    config.architecture = platform.architecture.clone();
    if platform.variant.is_some() || !same {
        config.variant = platform.variant.clone();
    }
    if platform.os_version.is_some() || !same {
        config.os_version = platform.os_version.clone();
    }
    if !platform.os_features.is_empty() || !same {
        config.os_features = platform.os_features.to_vec();
    }
}
