//! From arguments as typed and the environment to the values that a build takes.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::args::{
    Asked, BuildArgs, Insecure, annotation, build_args, cache_from, cache_to, context_value, entitlements,
    host_entry, label, parse_output, secret, ssh, ulimit, wants_constant_times,
};
use super::destinations::{Destinations, destinations};
use super::environment::Environment;
use super::size::parse_bytes;
use crate::build::{CachePlace, CacheTo, Context, DockerfileFrom, Options, PullPolicy, Purpose};
use crate::export::{Annotation, Engine, Order};
use crate::graph::{Network, Remote, without_password};
use crate::oci::{Epoch, LAYER_EPOCH, Platform, Reference};
use crate::plan::{LayerEpoch, parse_remote_context};
use crate::registry::{Credentials, Registries};
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
    let (image_epoch, of_commit) = match image_epoch(args, environment, &build_args)? {
        ImageEpoch::Unsaid => (None, false),
        ImageEpoch::Commit => (None, true),
        ImageEpoch::Seconds(epoch) => (Some(epoch), false),
    };
    match image_epoch {
        Some(epoch) => drop(build_args.insert("SOURCE_DATE_EPOCH".to_string(), epoch.to_string())),
        None => drop(build_args.remove("SOURCE_DATE_EPOCH")),
    }
    let mut cache_to: Vec<CacheTo> =
        args.cache_to.iter().map(|text| cache_to(text)).collect::<Result<_, _>>()?;
    // COMPAT: as BuildKit has it for docker build, which has no --cache-to of its own.
    if build_args.get("BUILDKIT_INLINE_CACHE").is_some_and(|value| matches!(value.as_str(), "1" | "true")) {
        cache_to.push(CacheTo::Inline);
    }
    let mut cache_from: Vec<CachePlace> =
        args.cache_from.iter().map(|text| cache_from(text)).collect::<Result<_, _>>()?;
    let purpose = purpose(args)?;
    if purpose == Purpose::Findings {
        // Nobody would look into one.
        (cache_from, cache_to) = (Vec::new(), Vec::new());
    }
    let network = network(args.network.as_deref())?;
    let allow = entitlements(&args.allow)?;
    let tags = args.tag.iter().map(|tag| tag.parse().map_err(|e| format!("--tag {tag}: {e}")));
    let asked: Vec<Asked> = args.output.iter().map(|text| parse_output(text)).collect::<Result<_, _>>()?;
    let mut tags: Vec<Reference> = tags.collect::<Result<_, _>>()?;
    let annotations: Vec<Annotation> =
        args.annotation.iter().map(|text| annotation(text)).collect::<Result<Vec<_>, _>>()?.concat();
    let (push, load) = (args.push.unwrap_or(false), args.load.unwrap_or(false));
    let engine = |context: Option<&str>| Engine::find(&environment.engines(), context);
    let Destinations { outputs, pushes, dangling } =
        destinations(asked, push, load, &annotations, &mut tags, &engine)?;
    check_streams(&outputs)?;
    let layer_epoch = layer_epoch(args.layer_epoch.as_deref().or(environment.get("RBUILD_LAYER_EPOCH")))?;
    if !matches!(layer_epoch, LayerEpoch::Constant(_))
        && let Some(text) = args.output.iter().find(|text| wants_constant_times(text))
    {
        return Err(format!(
            "--output {text:?}: rewrite-timestamp contradicts --layer-epoch, which keeps times"
        ));
    }
    Ok(Options {
        context: context(&args.context)?,
        dockerfile: dockerfile(args.file.as_deref())?,
        contexts,
        tags,
        target: args.target.clone().filter(|target| !target.is_empty()),
        build_args,
        labels: args.label.iter().map(|text| label(text)).collect::<Result<_, _>>()?,
        purpose,
        no_cache: args.no_cache,
        no_cache_stages: args.no_cache_filter.clone(),
        platforms: platforms(&args.platform, environment)?,
        pull: pull(args.pull.as_deref())?,
        asked: BTreeMap::new(),
        outputs,
        pushes,
        cache_from,
        cache_to,
        annotations,
        dangling,
        secrets,
        ssh: args.ssh.iter().map(|text| ssh(text, environment)).collect::<Result<_, _>>()?,
        allow_insecure: allow.insecure,
        allow_host_network: allow.host_network || network == Network::Host,
        programs: environment.get("PATH").unwrap_or_default().into(),
        known_hosts: environment.known_hosts(),
        proxies,
        hosts: args.add_host.iter().map(|text| host_entry(text)).collect::<Result<_, _>>()?,
        network,
        shm_size: args.shm_size.as_deref().map(shm_size).transpose()?,
        ulimits: args.ulimit.iter().map(|text| ulimit(text)).collect::<Result<_, _>>()?,
        image_epoch,
        image_epoch_of_commit: of_commit,
        layer_epoch,
        modes: modes(args.context_modes.as_deref().or(environment.get("RBUILD_CONTEXT_MODES")))?,
        jobs: jobs(args.jobs)?,
        registry: registry(environment, &args.insecure)?,
        now: environment.now,
    })
}

/// What `--call` and `--check` ask for: a build, or its checks alone.
fn purpose(args: &BuildArgs) -> Result<Purpose, String> {
    match args.call.as_deref() {
        None | Some("build") if args.check.unwrap_or(false) => Ok(Purpose::Findings),
        None | Some("build") => Ok(Purpose::Image),
        // COMPAT: the frontend's own name of it is lint.
        Some("check" | "lint") => Ok(Purpose::Findings),
        Some(method) => Err(format!("--call {method}: only build and check are supported")),
    }
}

/// Standard output takes one stream, and no terminal wants it.
fn check_streams(outputs: &[Order]) -> Result<(), String> {
    let streams = outputs.iter().filter(|order| order.output.is_stdout()).count();
    if streams > 1 {
        return Err(
            "--output: only one output can go to standard output; give the others dest=PATH".to_string()
        );
    }
    if streams == 1 && std::io::stdout().is_terminal() {
        return Err(
            "--output: standard output is a terminal; give dest=PATH, or send it elsewhere".to_string()
        );
    }
    Ok(())
}

/// How registries are reached, and as whom.
pub fn registry(environment: &Environment, insecure: &Insecure) -> Result<crate::registry::Options, String> {
    let credentials = Credentials::load(&environment.places()).map_err(|e| e.to_string())?;
    let mut registries = Registries::load(&environment.settings_places()).map_err(|e| e.to_string())?;
    for host in &insecure.registries {
        registries.allow_insecure(host).map_err(|e| format!("--insecure-registry {e}"))?;
    }
    let credentials = credentials.with_helpers(&registries);
    let mut options =
        crate::registry::Options { credentials, registries, ..crate::registry::Options::default() };
    options.http.proxies = environment.proxies();
    options.http.trust = environment.trust();
    options.http.certificates = environment.host_certificates();
    Ok(options)
}

fn context(path: &Path) -> Result<Context, String> {
    if path == Path::new("-") {
        return Ok(Context::Stdin);
    }
    // A directory that is there is meant, whatever its name looks like.
    let text = path.to_str().filter(|_| !path.is_dir()).unwrap_or_default();
    Ok(match parse_remote_context(text).map_err(|e| format!("{}: {e}", without_password(text)))? {
        Some(remote) => Context::Remote(remote),
        None => Context::Directory(path.to_path_buf()),
    })
}

fn dockerfile(file: Option<&Path>) -> Result<DockerfileFrom, String> {
    let Some(file) = file else { return Ok(DockerfileFrom::Default) };
    if file == Path::new("-") {
        return Ok(DockerfileFrom::Stdin);
    }
    let text = file.to_str().filter(|text| text.starts_with("http://") || text.starts_with("https://"));
    match text.map(parse_remote_context).transpose().map_err(|e| format!("--file: {e}"))?.flatten() {
        Some(Remote::Url(url)) => Ok(DockerfileFrom::Url(url)),
        Some(Remote::Git(git)) => Err(format!("--file {git}: a repository is no Dockerfile")),
        None => Ok(DockerfileFrom::Path(PathBuf::from(file))),
    }
}

/// What is built for: of several flags, each may hold several platforms. COMPAT: as in buildx `local` is this machine's, and
/// an empty value is none.
pub fn platforms(flags: &[String], environment: &Environment) -> Result<Vec<Platform>, String> {
    let flags: Vec<&str> = match flags {
        [] => environment.get("DOCKER_DEFAULT_PLATFORM").into_iter().collect(),
        flags => flags.iter().map(String::as_str).collect(),
    };
    let all = flags.iter().filter(|flag| !flag.trim().is_empty()).flat_map(|flag| flag.split(','));
    let parse = |text: &str| match text.trim() {
        "local" => Ok(Platform::host()),
        text => text.parse().map_err(|e| format!("--platform: {e}")),
    };
    all.map(parse).collect()
}

/// The platform of a command that takes one.
pub fn one_platform(text: &str) -> Result<Platform, String> {
    if text.contains(',') {
        return Err(format!("--platform {text}: one platform at a time"));
    }
    text.parse().map_err(|e| format!("--platform: {e}"))
}

fn pull(text: Option<&str>) -> Result<PullPolicy, String> {
    text.map_or(Ok(PullPolicy::default()), |text| text.parse().map_err(|e| format!("--pull={text}: {e}")))
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

/// What was said of the date of config and history.
enum ImageEpoch {
    Unsaid,
    /// The time of the context's commit.
    Commit,
    Seconds(Epoch),
}

fn image_epoch(
    args: &BuildArgs,
    environment: &Environment,
    build_args: &BTreeMap<String, String>,
) -> Result<ImageEpoch, String> {
    let (text, from) = if let Some(text) = &args.source_date_epoch {
        (text.as_str(), "--source-date-epoch")
    } else if let Some(text) = build_args.get("SOURCE_DATE_EPOCH") {
        (text.as_str(), "--build-arg SOURCE_DATE_EPOCH")
    } else if let Some(text) = environment.get("SOURCE_DATE_EPOCH") {
        (text, "SOURCE_DATE_EPOCH")
    } else {
        return Ok(ImageEpoch::Unsaid);
    };
    match text {
        "now" => Ok(ImageEpoch::Seconds(Epoch(environment.now))),
        "git" => Ok(ImageEpoch::Commit),
        text => text.parse().map(ImageEpoch::Seconds).map_err(|e| format!("{from}: {e}")),
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
