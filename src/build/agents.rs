//! The SSH agents of a build: those of the user, and those that hold keys given by file.

use super::error::Error;
use super::options::{Options, SshSource};
use crate::source::{AgentFilter, KeyAgent};
use crate::store::{Store, TempDir};
use crate::worker::Agents;

/// Agents, running as long as this is kept.
pub struct Running {
    /// By id.
    pub agents: Agents,
    /// The one that git asks, behind a filter.
    pub git: Option<AgentFilter>,
    _own: Vec<KeyAgent>,
    _directories: Vec<TempDir>,
}

/// Starts what `--ssh` asks for.
pub fn start(options: &Options, store: &Store) -> Result<Running, Error> {
    let mut running =
        Running { agents: Agents::default(), git: None, _own: Vec::new(), _directories: Vec::new() };
    for (id, source) in &options.ssh {
        let socket = match source {
            SshSource::Agent(socket) => socket.clone(),
            SshSource::Keys(files) => {
                let directory = store.temp_dir()?;
                let agent = KeyAgent::start(files, directory.path(), &options.programs)?;
                let socket = agent.socket().to_path_buf();
                running._own.push(agent);
                running._directories.push(directory);
                socket
            }
        };
        running.agents.add(id, socket);
    }
    // COMPAT: as in BuildKit git asks the agent called `default`.
    if let Some(socket) = running.agents.socket("default") {
        let directory = store.temp_dir()?;
        let doing = format!("forwarding the SSH agent ({})", socket.display());
        let filter = AgentFilter::start(socket, &directory.path().join("git")).map_err(Error::io(doing))?;
        running.git = Some(filter);
        running._directories.push(directory);
    }
    Ok(running)
}
