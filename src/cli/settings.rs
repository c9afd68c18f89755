//! From arguments as typed and the environment to the values that a build takes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::{
    Asked, BuildArgs, build_args, context_value, host_entry, label, parse_output, secret, ulimit,
};
use super::destinations::destinations;
use super::environment::Environment;
use super::size::parse_bytes;
use crate::build::{Context, DockerfileFrom, Options};
use crate::graph::Network;
use crate::oci::{Epoch, LAYER_EPOCH, Platform, Reference};
use crate::plan::LayerEpoch;
use crate::registry::Credentials;
use crate::source::ContextModes;

/// The build that the arguments ask for. An error is one line that names the flag.
pub fn options(args: &BuildArgs, environment: &Environment) -> Result<Options, String> {
    let mut contexts = BTreeMap::new();
    for text in &args.build_context {
        let (name, value) = context_value(text)?;
        contexts.insert(name, value);
    }
    let mut secrets = BTreeMap::new();
    for text in &args.secret {
        let (id, source) = secret(text, &environment.variables)?;
        secrets.insert(id, source);
    }
    let mut build_args = build_args(&args.build_arg, &environment.variables)?;
    let proxies = environment.run_proxies()?;
    let image_epoch = image_epoch(args, environment, &build_args)?;
    if let Some(epoch) = image_epoch {
        build_args.insert("SOURCE_DATE_EPOCH".to_string(), epoch.to_string());
    }
    let tags = args.tag.iter().map(|tag| tag.parse().map_err(|e| format!("--tag {tag}: {e}")));
    let platform = args.platform.as_deref().or(environment.get("DOCKER_DEFAULT_PLATFORM"));
    let asked: Vec<Asked> = args.output.iter().map(|text| parse_output(text)).collect::<Result<_, _>>()?;
    let mut tags: Vec<Reference> = tags.collect::<Result<_, _>>()?;
    let (outputs, pushes) = destinations(asked, args.push.unwrap_or(false), &mut tags)?;
    Ok(Options {
        context: context(&args.context),
        dockerfile: dockerfile(args.file.as_deref()),
        contexts,
        tags,
        target: args.target.clone().filter(|target| !target.is_empty()),
        build_args,
        labels: args.label.iter().map(|text| label(text)).collect::<Result<_, _>>()?,
        no_cache: args.no_cache,
        no_cache_stages: args.no_cache_filter.clone(),
        platform: platform.map(one_platform).transpose()?,
        pull: args.pull.unwrap_or(false),
        outputs,
        pushes,
        secrets,
        proxies,
        hosts: args.add_host.iter().map(|text| host_entry(text)).collect::<Result<_, _>>()?,
        network: network(args.network.as_deref())?,
        shm_size: args.shm_size.as_deref().map(shm_size).transpose()?,
        ulimits: args.ulimit.iter().map(|text| ulimit(text)).collect::<Result<_, _>>()?,
        image_epoch,
        layer_epoch: layer_epoch(args.layer_epoch.as_deref().or(environment.get("RBUILD_LAYER_EPOCH")))?,
        modes: modes(args.context_modes.as_deref().or(environment.get("RBUILD_CONTEXT_MODES")))?,
        jobs: jobs(args.jobs)?,
        registry: registry(environment)?,
        now: environment.now,
    })
}

/// How registries are reached, and as whom.
pub fn registry(environment: &Environment) -> Result<crate::registry::Options, String> {
    let credentials = Credentials::load(&environment.places()).map_err(|e| e.to_string())?;
    let mut options = crate::registry::Options { credentials, ..crate::registry::Options::default() };
    options.http.proxies = environment.proxies();
    options.http.trust = environment.trust();
    Ok(options)
}

fn context(path: &Path) -> Context {
    if path == Path::new("-") { Context::Stdin } else { Context::Directory(path.to_path_buf()) }
}

fn dockerfile(file: Option<&Path>) -> DockerfileFrom {
    match file {
        None => DockerfileFrom::Default,
        Some(file) if file == Path::new("-") => DockerfileFrom::Stdin,
        Some(file) => DockerfileFrom::Path(PathBuf::from(file)),
    }
}

/// One platform; several are refused by name.
pub fn one_platform(text: &str) -> Result<Platform, String> {
    if text.contains(',') {
        return Err(format!("--platform {text}: several platforms in one build are not supported yet"));
    }
    text.parse().map_err(|e| format!("--platform: {e}"))
}

fn network(text: Option<&str>) -> Result<Network, String> {
    match text {
        None | Some("default") => Ok(Network::Default),
        Some("host") => Ok(Network::Host),
        Some("none") => Ok(Network::None),
        Some(other) => Err(format!("--network {other}: default, host and none are supported")),
    }
}

fn shm_size(text: &str) -> Result<u64, String> {
    parse_bytes(text)
        .filter(|size| *size > 0)
        .ok_or_else(|| format!("--shm-size {text}: expected a size such as 64m"))
}

fn image_epoch(
    args: &BuildArgs,
    environment: &Environment,
    build_args: &BTreeMap<String, String>,
) -> Result<Option<Epoch>, String> {
    let (text, from) = if let Some(text) = &args.source_date_epoch {
        (text.as_str(), "--source-date-epoch")
    } else if let Some(text) = build_args.get("SOURCE_DATE_EPOCH") {
        (text.as_str(), "--build-arg SOURCE_DATE_EPOCH")
    } else if let Some(text) = environment.get("SOURCE_DATE_EPOCH") {
        (text, "SOURCE_DATE_EPOCH")
    } else {
        return Ok(None);
    };
    match text {
        "now" => Ok(Some(Epoch(environment.now))),
        "git" => Err(format!("{from} git: the commit time of a context is not supported yet: give seconds")),
        text => text.parse().map(Some).map_err(|e| format!("{from}: {e}")),
    }
}

fn layer_epoch(text: Option<&str>) -> Result<LayerEpoch, String> {
    match text {
        None => Ok(LayerEpoch::Constant(LAYER_EPOCH)),
        Some("source") => Ok(LayerEpoch::Source),
        Some("preserve") => Ok(LayerEpoch::Preserve),
        Some(text) => text
            .parse()
            .map(LayerEpoch::Constant)
            .map_err(|_| format!("--layer-epoch {text}: expected seconds since 1970, source or preserve")),
    }
}

fn modes(text: Option<&str>) -> Result<ContextModes, String> {
    match text {
        None | Some("normalise" | "normalize") => Ok(ContextModes::Normalise),
        Some("git") => Ok(ContextModes::Git),
        Some("preserve") => Ok(ContextModes::Preserve),
        Some(text) => Err(format!("--context-modes {text}: expected normalise, git or preserve")),
    }
}

fn jobs(jobs: Option<usize>) -> Result<usize, String> {
    match jobs {
        Some(0) => Err("--jobs 0: at least one step must be done at once".to_string()),
        Some(jobs) => Ok(jobs),
        // RUN steps wait for networks and disks as often as for processors.
        None => Ok(4 * std::thread::available_parallelism().map_or(1, usize::from)),
    }
}
