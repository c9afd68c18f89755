//! RUN.

use std::collections::BTreeSet;

use super::commands::with_shell;
use super::epochs::SOURCE_DATE_EPOCH;
use super::error::ErrorKind;
use super::label::capitals;
use super::mounts;
use super::scope::Scope;
use super::state::State;
use super::stop::Stop;
use super::variables::is_hidden;
use crate::dockerfile::{self, Command, Env, Run, ShellText, expand_for_display};
use crate::graph::{self, Exec, MountKind, Network, Op, Security};

/// The host name that a process sees unless `BUILDKIT_SANDBOX_HOSTNAME` says otherwise.
const HOSTNAME: &str = "buildkitsandbox";

/// `RUN`; `code` is the instruction as it was written.
pub(super) fn run(state: &mut State<'_, '_>, run: &Run, code: &str) -> Result<(), Stop> {
    let request = state.site.request;
    if !run.devices.is_empty() {
        return Err(state.error(ErrorKind::Device).hint("builds here have no access to devices").into());
    }
    let security = match run.security {
        dockerfile::Security::Sandbox => Security::Sandbox,
        dockerfile::Security::Insecure if request.allow_insecure => Security::Insecure,
        dockerfile::Security::Insecure => {
            return Err(state
                .error(ErrorKind::Insecure)
                .hint("that entitlement cannot be given yet: RUN always has the whole sandbox around it")
                .into());
        }
    };
    let network = match run.network {
        dockerfile::Network::Default => request.network,
        dockerfile::Network::None => Network::None,
        dockerfile::Network::Host if request.allow_host_network => Network::Host,
        dockerfile::Network::Host => {
            return Err(state.error(ErrorKind::HostNetwork).hint("give --allow network.host").into());
        }
    };
    let mounts = mounts::read(state, run)?;
    let Line { argv, scripts, summary } = line(state, &run.command);
    if argv.is_empty() {
        return Err(state.error(ErrorKind::EmptyRun).into());
    }
    let masked = Masked { scope: &state.scope, mounts: &mounts };
    let text = expand_for_display(&format!("{code}{summary}"), request.dockerfile.escape, &masked);
    let label = state.label(capitals(&text));
    let history = format!("RUN {}{} # buildkit", declared_prefix(state), argv.join(" "));

    let mut env = state.scope.pairs();
    state
        .grow(history.len() + env.iter().map(|(name, value)| name.len() + value.len() + 48).sum::<usize>())?;
    let arguments = &state.site.arguments;
    let mut add = |name: &str, value: String| {
        if state.scope.value(name).is_none() {
            env.push((name.to_string(), value));
        }
    };
    if let Some(socket) = mounts.iter().find(|mount| matches!(mount.kind, MountKind::Ssh { .. })) {
        add("SSH_AUTH_SOCK", socket.target.clone().unwrap_or_default());
    }
    if let Some(epoch) = arguments.epochs.layer {
        add(SOURCE_DATE_EPOCH, epoch.to_string());
    }
    let declared = state.declared.iter().rfind(|(name, _)| name == SOURCE_DATE_EPOCH);
    let hostname = arguments.build.get("BUILDKIT_SANDBOX_HOSTNAME").filter(|name| !name.is_empty());
    let exec = Exec {
        argv,
        env,
        proxies: state.site.proxies.clone(),
        cwd: state.directory(),
        user: state.config.config.user.clone(),
        mounts,
        scripts,
        network,
        security,
        hostname: hostname.cloned().unwrap_or_else(|| HOSTNAME.to_string()),
        hosts: request.hosts.clone(),
        shm_size: request.shm_size,
        ulimits: request.ulimits.clone(),
        epoch: arguments.epochs.clamp(declared.and_then(|(_, value)| value.as_deref())),
    };
    state.push(Op::Exec(Box::new(exec)), label);
    state.commit(history, true);
    Ok(())
}

/// What is executed.
struct Line {
    argv: Vec<String>,
    scripts: Vec<graph::Script>,
    /// For the label: how a here-document that is the whole command begins.
    summary: String,
}

fn line(state: &State<'_, '_>, command: &Command) -> Line {
    let shell = match command {
        Command::Exec(argv) => {
            return Line { argv: argv.clone(), scripts: Vec::new(), summary: String::new() };
        }
        Command::Shell(shell) => shell,
    };
    match shell.script() {
        // COMPAT: the shell is told the script's path, as in BuildKit; the kernel then reads its first line.
        dockerfile::Script::File { name, content } => {
            let target = format!("/dev/pipes/{name}");
            Line {
                argv: with_shell(state, target.clone()),
                scripts: vec![graph::Script { target, content }],
                summary: summary(shell),
            }
        }
        dockerfile::Script::Shell(text) => {
            let whole = !shell.heredocs.is_empty() && !text.starts_with(&shell.text);
            let summary = if whole { summary(shell) } else { String::new() };
            Line { argv: with_shell(state, text), scripts: Vec::new(), summary }
        }
    }
}

fn summary(shell: &ShellText) -> String {
    let body = shell.heredocs.first().map(|heredoc| heredoc.body.trim()).unwrap_or_default();
    match body.split_once('\n') {
        Some((first, _)) => format!(" ({}...)", first.trim_end_matches('\r')),
        None => format!(" ({body})"),
    }
}

/// `|2 A=1 B=2 `: the arguments that are in scope, each once, for history.
fn declared_prefix(state: &State<'_, '_>) -> String {
    let mut seen = BTreeSet::new();
    let mut names: Vec<&str> = state.declared.iter().map(|(name, _)| name.as_str()).collect();
    names.retain(|name| !is_hidden(name) && seen.insert(*name));
    if names.is_empty() {
        return String::new();
    }
    let value = |name: &str| {
        let own = || state.declared.iter().rfind(|(declared, _)| declared == name)?.1.as_deref();
        state.scope.value(name).or_else(own).unwrap_or_default()
    };
    let pairs: Vec<String> = names.iter().map(|name| format!("{name}={}", value(name))).collect();
    format!("|{} {} ", pairs.len(), pairs.join(" "))
}

/// The stage's variables, with stars for those that secrets fill.
struct Masked<'a> {
    scope: &'a Scope,
    mounts: &'a [graph::Mount],
}

impl Env for Masked<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let secret = |mount: &graph::Mount| match &mount.kind {
            MountKind::Secret { env, .. } => env.as_deref() == Some(name),
            _ => false,
        };
        if self.mounts.iter().any(secret) { Some("****") } else { self.scope.value(name) }
    }
}
