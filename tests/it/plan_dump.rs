//! A plan as text, for golden files: all that is not at its default, one thing a line.

use std::fmt::Write as _;

use rbuild::graph::{
    ContextSource, Copy, CopySource, Exec, Graph, Input, Location, MakeDirectory, Mount, MountKind, Network,
    Op, Security, Unpack,
};
use rbuild::oci::{ImageConfig, LAYER_EPOCH};
use rbuild::plan::Plan;

/// The whole plan.
pub fn dump(plan: &Plan) -> String {
    let mut out = String::new();
    graph(&mut out, &plan.graph);
    let target = &plan.target;
    line(&mut out, format!("target: {} for {}", input(target.state), target.platform));
    if plan.image_epoch != LAYER_EPOCH {
        line(&mut out, format!("image epoch: {}", plan.image_epoch));
    }
    config(&mut out, &target.config);
    for warning in &plan.warnings {
        let place = warning.location.map(|at| format!(" ({})", lines(at))).unwrap_or_default();
        line(&mut out, format!("warning: {}: {}{place}", warning.rule, warning.message));
    }
    out
}

/// `line 3` or `lines 3-5`.
pub fn lines(at: Location) -> String {
    if at.first == at.last { format!("line {}", at.first) } else { format!("lines {}-{}", at.first, at.last) }
}

fn line(out: &mut String, text: impl std::fmt::Display) {
    writeln!(out, "{text}").expect("memory");
}

fn graph(out: &mut String, graph: &Graph) {
    for (index, image) in graph.images.iter().enumerate() {
        line(out, format!("image {index}: {} for {}, {}", image.name, image.platform, lines(image.location)));
        line(out, format!("  label: {}", image.label));
    }
    for (index, context) in graph.contexts.iter().enumerate() {
        let text = match context {
            ContextSource::Main => "-".to_string(),
            ContextSource::Named(name) => name.clone(),
            ContextSource::Remote(remote) => format!("{remote:?}"),
        };
        line(out, format!("context {index}: {text}"));
    }
    for (index, step) in graph.steps.iter().enumerate() {
        let no_cache = if step.no_cache { ", not from the cache" } else { "" };
        line(out, format!("step {index}: {}", step.label));
        line(
            out,
            format!("  on: {} for {}, {}{no_cache}", input(step.base), step.platform, lines(step.location)),
        );
        match &step.op {
            Op::Exec(op) => exec(out, op),
            Op::Copy(op) => copy(out, op),
            Op::MakeDirectory(MakeDirectory { path, user, epoch }) => {
                line(out, format!("  make directory: {path:?} user {user:?} epoch {epoch}"));
            }
        }
        for read in step.op.reads() {
            let Input::Step(from) = read.input else { continue };
            assert!(from.0 < index, "step {index} reads a later one");
        }
    }
}

fn input(input: Input) -> String {
    match input {
        Input::Scratch => "scratch".to_string(),
        Input::Image(id) => format!("image {}", id.0),
        Input::Context(id) => format!("context {}", id.0),
        Input::Step(id) => format!("step {}", id.0),
    }
}

fn exec(out: &mut String, exec: &Exec) {
    line(out, format!("  argv: {:?}", exec.argv));
    for (name, value) in &exec.env {
        line(out, format!("  env: {name}={value:?}"));
    }
    for (name, value) in &exec.proxies {
        line(out, format!("  proxy: {name}={value:?}"));
    }
    line(out, format!("  cwd: {:?} user {:?}", exec.cwd, exec.user));
    for item in &exec.mounts {
        mount(out, item);
    }
    for script in &exec.scripts {
        line(out, format!("  script: {:?} {:?}", script.target, script.content));
    }
    if exec.network != Network::Default {
        line(out, format!("  network: {:?}", exec.network));
    }
    if exec.security != Security::Sandbox {
        line(out, format!("  security: {:?}", exec.security));
    }
    if exec.hostname != "buildkitsandbox" {
        line(out, format!("  hostname: {:?}", exec.hostname));
    }
    for host in &exec.hosts {
        line(out, format!("  host: {} {}", host.name, host.address));
    }
    if let Some(bytes) = exec.shm_size {
        line(out, format!("  shm: {bytes}"));
    }
    for limit in &exec.ulimits {
        line(out, format!("  ulimit: {}={}:{}", limit.name, limit.soft, limit.hard));
    }
    if exec.epoch != LAYER_EPOCH {
        line(out, format!("  epoch: {}", exec.epoch));
    }
}

fn mount(out: &mut String, mount: &Mount) {
    let access = if mount.readonly { "ro" } else { "rw" };
    let what = match &mount.kind {
        MountKind::Bind { input: from, source } => format!("bind {} {source:?}", input(*from)),
        MountKind::Cache { id, sharing, seed, mode, uid, gid } => {
            let seed = seed.as_ref().map(|(from, source)| format!(" from {} {source:?}", input(*from)));
            format!("cache {id:?} {sharing:?} {mode:04o} {uid}:{gid}{}", seed.unwrap_or_default())
        }
        MountKind::Tmpfs { size } => format!("tmpfs size {size:?}"),
        MountKind::Secret { id, env, required, mode, uid, gid } => {
            format!("secret {id:?} env {env:?} required {required} {mode:04o} {uid}:{gid}")
        }
        MountKind::Ssh { id, required, mode, uid, gid } => {
            format!("ssh {id:?} required {required} {mode:04o} {uid}:{gid}")
        }
    };
    line(out, format!("  mount: {} {access} {what}", mount.target.as_deref().unwrap_or("-")));
}

fn copy(out: &mut String, copy: &Copy) {
    let Copy { from, sources, destination, owner, mode, link, parents, exclude, unpack, epoch } = copy;
    for source in sources {
        match source {
            CopySource::Path(path) => line(out, format!("  copy: {} {path:?}", input(*from))),
            CopySource::Remote { input: from, path } => {
                line(out, format!("  add: {} {path:?}", input(*from)));
            }
            CopySource::Inline { name, content } => {
                line(out, format!("  copy: inline {name:?} {content:?}"));
            }
        }
    }
    line(out, format!("  to: {destination:?}"));
    let flags = [
        owner.as_ref().map(|owner| format!("owner {owner:?}")),
        mode.as_ref().map(|mode| format!("mode {mode}")),
        link.then(|| "link".to_string()),
        parents.then(|| "parents".to_string()),
        (!exclude.is_empty()).then(|| format!("exclude {exclude:?}")),
        (*unpack == Unpack::Local).then(|| "unpack".to_string()),
        (*unpack == Unpack::Always).then(|| "unpack all".to_string()),
        (*epoch != Some(LAYER_EPOCH)).then(|| format!("epoch {epoch:?}")),
    ];
    let flags: Vec<String> = flags.into_iter().flatten().collect();
    if !flags.is_empty() {
        line(out, format!("  flags: {}", flags.join(", ")));
    }
}

fn config(out: &mut String, config: &ImageConfig) {
    assert!(config.rootfs.diff_ids.is_empty(), "the plan cannot know the layers");
    let mut shown = config.clone();
    let history = std::mem::take(&mut shown.history);
    let json: serde_json::Value = serde_json::to_value(&shown).expect("configs are JSON");
    let mut parts = json.as_object().expect("an object").clone();
    parts.remove("rootfs");
    let inner = parts.remove("config");
    for (name, value) in parts {
        line(out, format!("{name}: {value}"));
    }
    for (name, value) in inner.as_ref().and_then(|inner| inner.as_object()).into_iter().flatten() {
        line(out, format!("config {name}: {value}"));
    }
    for entry in history {
        let mut text = format!("history: {:?}", entry.created_by.unwrap_or_default());
        text += if entry.empty_layer { " (empty)" } else { "" };
        if entry.created != config.created {
            text += &format!(" created {}", entry.created.as_deref().unwrap_or("-"));
        }
        match entry.comment.as_deref() {
            Some("buildkit.dockerfile.v0") => {}
            other => text += &format!(" comment {other:?}"),
        }
        line(out, text);
    }
}
