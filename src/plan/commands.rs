//! CMD, ENTRYPOINT, SHELL and HEALTHCHECK: what a container runs.

use super::go_text;
use super::state::State;
use crate::dockerfile::{Command, Healthcheck};
use crate::graph::Location;
use crate::oci;

/// `CMD`.
pub(super) fn cmd(state: &mut State<'_, '_>, command: &Command) {
    let previous = state.cmd.replace(state.location);
    used_once(state, "CMD", previous);
    let argv = argv(state, "CMD", command);
    state.commit(format!("CMD {}", go_text::quoted_list(&argv)), false);
    state.config.config.cmd = Some(argv).filter(|argv| !argv.is_empty());
    state.config.config.args_escaped = true;
}

/// `ENTRYPOINT`. A CMD that was inherited was meant for the old one.
pub(super) fn entrypoint(state: &mut State<'_, '_>, command: &Command) {
    let previous = state.entrypoint.replace(state.location);
    used_once(state, "ENTRYPOINT", previous);
    let argv = argv(state, "ENTRYPOINT", command);
    state.commit(format!("ENTRYPOINT {}", go_text::quoted_list(&argv)), false);
    state.config.config.entrypoint = Some(argv).filter(|argv| !argv.is_empty());
    if state.cmd.is_none() {
        state.config.config.cmd = None;
    }
}

/// `SHELL`.
pub(super) fn shell(state: &mut State<'_, '_>, words: &[String]) {
    state.config.config.shell = Some(words.to_vec());
    state.commit(format!("SHELL {}", go_text::list(words)), false);
}

/// `HEALTHCHECK`.
pub(super) fn healthcheck(state: &mut State<'_, '_>, healthcheck: &Healthcheck) {
    let previous = state.healthcheck.replace(state.location);
    used_once(state, "HEALTHCHECK", previous);
    // LIMIT: the parser reads durations as Go does, into 63 bits.
    let time = |nanoseconds: u64| i64::try_from(nanoseconds).unwrap_or(i64::MAX);
    let check = match healthcheck {
        Healthcheck::None => oci::Healthcheck { test: vec!["NONE".into()], ..Default::default() },
        Healthcheck::Cmd(check) => {
            let mut test = match &check.command {
                Command::Exec(argv) => argv.clone(),
                Command::Shell(shell) => vec![shell.text.clone()],
            };
            let kind = if matches!(check.command, Command::Exec(_)) { "CMD" } else { "CMD-SHELL" };
            test.insert(0, kind.to_string());
            oci::Healthcheck {
                test,
                interval: time(check.interval),
                timeout: time(check.timeout),
                start_period: time(check.start_period),
                start_interval: time(check.start_interval),
                retries: i64::from(check.retries),
            }
        }
    };
    let text = format!(
        "HEALTHCHECK {{Test:{} Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{}}}",
        go_text::list(&check.test),
        go_text::duration(check.interval),
        go_text::duration(check.timeout),
        go_text::duration(check.start_period),
        go_text::duration(check.start_interval),
        check.retries
    );
    state.commit(text, false);
    state.config.config.healthcheck = Some(check);
}

/// `text` as the argument of the stage's shell.
pub(super) fn with_shell(state: &State<'_, '_>, text: String) -> Vec<String> {
    let mut argv = match &state.config.config.shell {
        Some(shell) if !shell.is_empty() => shell.clone(),
        _ => vec!["/bin/sh".to_string(), "-c".to_string()],
    };
    argv.push(text);
    argv
}

fn argv(state: &mut State<'_, '_>, name: &str, command: &Command) -> Vec<String> {
    match command {
        Command::Exec(argv) => argv.clone(),
        Command::Shell(shell) => {
            if state.config.config.shell.as_ref().is_none_or(Vec::is_empty) {
                let message = format!(
                    "JSON arguments recommended for {name} to prevent unintended behavior related to OS signals"
                );
                state.warn("JSONArgsRecommended", message);
            }
            with_shell(state, shell.text.clone())
        }
    }
}

/// Notices that an instruction before this one has no effect; the place is that of the one before.
fn used_once(state: &mut State<'_, '_>, name: &str, previous: Option<Location>) {
    let Some(previous) = previous else { return };
    let now = std::mem::replace(&mut state.location, previous);
    state.warn(
        "MultipleInstructionsDisallowed",
        format!(
            "Multiple {name} instructions should not be used in the same stage because only the last one will be used"
        ),
    );
    state.location = now;
}
