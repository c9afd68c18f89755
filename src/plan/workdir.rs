//! WORKDIR.

use super::label::capitals;
use super::paths;
use super::state::State;
use super::stop::Stop;
use crate::dockerfile::{Word, expand};
use crate::graph::{MakeDirectory, Op};

/// `WORKDIR`; `code` is the instruction as it was written. The directory is made, owned by the current USER.
pub(super) fn workdir(state: &mut State<'_, '_>, word: &Word, code: &str) -> Result<(), Stop> {
    let path = state.expand(word)?;
    if !state.workdir_set && !path.starts_with('/') {
        let message =
            format!("Relative workdir {path:?} can have unexpected results if the base image changes");
        state.warn("WorkdirRelativePath", message);
    }
    state.workdir_set = true;
    let directory = paths::workdir(&state.config.config.working_dir, &path);
    state.config.config.working_dir = directory.clone();
    let absolute = paths::clean(&directory);
    let is_made = absolute != "/";
    if is_made {
        let text = Word { raw: code.to_string(), span: word.span };
        let shown = expand(&text, state.site.request.dockerfile.escape, &state.scope);
        let label = state.label(capitals(&shown.map_or(text.raw, |expanded| expanded.text)));
        let op = Op::MakeDirectory(MakeDirectory {
            path: absolute,
            user: state.config.config.user.clone(),
            epoch: state.site.arguments.epochs.directory(),
        });
        state.push(op, label);
    }
    state.commit(format!("WORKDIR {directory}"), is_made);
    Ok(())
}
