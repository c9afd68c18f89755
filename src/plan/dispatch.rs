//! One instruction to the file of its family.

use super::commands;
use super::expose;
use super::run;
use super::settings;
use super::state::State;
use super::stop::Stop;
use super::transfer::{self, Verb};
use super::variables;
use super::workdir;
use crate::dockerfile::{Instruction, Kind};

/// Plans `instruction` on top of `state`.
pub(super) fn dispatch(state: &mut State<'_, '_>, instruction: &Instruction) -> Result<(), Stop> {
    let code = instruction.original.trim();
    match &instruction.kind {
        Kind::From(_) => {}
        Kind::Arg(list) => variables::arg(state, list)?,
        Kind::Env(pairs) => variables::env(state, pairs)?,
        Kind::Label(pairs) => variables::label(state, pairs)?,
        Kind::Run(parts) => run::run(state, parts, code)?,
        Kind::Copy(parts) => transfer::transfer(state, Verb::Copy, parts, code)?,
        Kind::Add(parts) => transfer::transfer(state, Verb::Add, parts, code)?,
        Kind::Workdir(word) => workdir::workdir(state, word, code)?,
        Kind::User(word) => settings::user(state, word)?,
        Kind::Cmd(command) => commands::cmd(state, command),
        Kind::Entrypoint(command) => commands::entrypoint(state, command),
        Kind::Shell(words) => commands::shell(state, words),
        Kind::Expose(words) => expose::expose(state, words)?,
        Kind::Volume(words) => settings::volume(state, words)?,
        Kind::StopSignal(word) => settings::stop_signal(state, word)?,
        Kind::Healthcheck(healthcheck) => commands::healthcheck(state, healthcheck),
        Kind::Maintainer(name) => settings::maintainer(state, name),
        // It leaves no history; it acts where somebody builds on this.
        Kind::OnBuild(on_build) => {
            state.config.config.on_build.get_or_insert_default().push(on_build.trigger.clone());
        }
    }
    Ok(())
}
