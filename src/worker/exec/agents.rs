//! The SSH agents that RUN may ask, by id.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::source::AgentFilter;
use crate::worker::error::Error;

/// Sockets of agents by id.
#[derive(Clone, Debug, Default)]
pub struct Agents(BTreeMap<String, PathBuf>);

impl Agents {
    /// Adds an agent.
    pub fn add(&mut self, id: &str, socket: PathBuf) {
        self.0.insert(id.to_string(), socket);
    }

    /// Where an agent listens; none if there is none of that id.
    pub fn socket(&self, id: &str) -> Option<&Path> {
        self.0.get(id).map(PathBuf::as_path)
    }

    /// A socket for one RUN, which lets through what logging in needs, with that mode and owner.
    pub(super) fn forward(
        &self,
        id: &str,
        at: &Path,
        mode: u32,
        uid: u32,
        gid: u32,
    ) -> Result<Option<AgentFilter>, Error> {
        use std::os::unix::fs::PermissionsExt;
        let Some(agent) = self.socket(id) else { return Ok(None) };
        let doing = || format!("forwarding the SSH agent {id} ({})", agent.display());
        let filter = AgentFilter::start(agent, at).map_err(Error::io(doing()))?;
        std::os::unix::fs::chown(at, Some(uid), Some(gid)).map_err(Error::io(doing()))?;
        std::fs::set_permissions(at, std::fs::Permissions::from_mode(mode)).map_err(Error::io(doing()))?;
        Ok(Some(filter))
    }
}
