//! An image run in the sandbox of RUN: its entrypoint, standard input and output attached, nothing kept.

use std::sync::Arc;

use super::foreign::emulator;
use super::hosts::{HOSTS, RESOLV_CONF, etc_hosts, resolv_conf};
use super::identity::{IdentityFiles, IdentityMemory};
use super::roots::LayerBytes;
use crate::oci::{Config, Platform};
use crate::sandbox::{
    self, Access, Cancel, Capabilities, Directory, Ended, Mount, MountKind, Process, Relay, Root, Spec, Stdio,
};
use crate::snapshot::Snapshots;
use crate::store::{Layer, Store};
use crate::tree::RootPath;
use crate::worker::copy::run_user;
use crate::worker::error::Error;
use crate::worker::trees::{Tree, chain_layers};

/// LIMIT: Docker's default for `/dev/shm`.
const SHM_SIZE: u64 = 64 << 20;

/// The host name that the process sees.
const HOSTNAME: &str = "rbuild";

/// A process in an image.
pub struct Container<'a> {
    /// Where the layers are.
    pub store: &'a Store,
    /// The image's layers, lowest first.
    pub layers: Vec<Arc<Layer>>,
    /// What the image says of processes.
    pub config: &'a Config,
    /// For which machine it is.
    pub platform: &'a Platform,
    /// In place of the image's command.
    pub command: &'a [String],
}

impl Container<'_> {
    /// Runs it to its end; `relay` passes signals on to it.
    pub fn run(&self, cancel: &Cancel, relay: &Relay) -> Result<Ended, Error> {
        let argv = self.argv()?;
        let snapshots = Snapshots::open(&self.store.snapshots_dir())?;
        let bytes = LayerBytes { store: self.store, layers: &self.layers };
        let lowers = if self.layers.is_empty() {
            Vec::new()
        } else {
            let chain = chain_layers(&self.layers)?;
            let lowers = snapshots.lowers(&chain, &bytes)?;
            match snapshots.settle()? {
                0 => lowers,
                _ => snapshots.lowers(&chain, &bytes)?,
            }
        };
        let tree = Tree::of_layers(self.layers.clone())?;
        let files = IdentityFiles::read(self.store, &tree, &IdentityMemory::default())?;
        let user =
            run_user(&self.config.user, files.as_owner_files()).map_err(crate::worker::copy::Error::Owner)?;
        let active = snapshots.prepare(&tree.stack)?;
        let mut env: Vec<(String, String)> = self
            .config
            .env
            .iter()
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        for (name, value) in [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_string()),
            ("HOSTNAME", HOSTNAME.to_string()),
            ("HOME", user.home.clone().unwrap_or_else(|| "/".to_string())),
        ] {
            if !env.iter().any(|(other, _)| other == name) {
                env.push((name.to_string(), value));
            }
        }
        let file = |target: &str, text: String| {
            let access = Access::ReadWrite;
            let kind = MountKind::File { bytes: text.into_bytes(), mode: 0o644, uid: 0, gid: 0, access };
            Ok::<_, Error>(Mount { target: RootPath::clean(target)?, kind })
        };
        let spec = Spec {
            root: Root {
                lower: lowers.into_iter().map(Directory::Path).collect(),
                upper: active.upper(),
                work: active.work(),
            },
            process: Process {
                argv,
                env,
                cwd: RootPath::clean(&self.config.working_dir)?,
                uid: user.owner.uid,
                gid: user.owner.gid,
                groups: user.groups,
                capabilities: Capabilities::DEFAULT,
                rlimits: Vec::new(),
            },
            hostname: HOSTNAME.to_string(),
            mounts: vec![file(RESOLV_CONF, resolv_conf())?, file(HOSTS, etc_hosts(HOSTNAME, &[]))?],
            network: sandbox::Network::Host,
            security: sandbox::Security::Sandbox,
            shm_size: SHM_SIZE,
            emulator: emulator(self.platform, &tree, active.directory(), cancel)?,
            relay: Some(relay.clone()),
            stdio: Stdio::Inherited,
        };
        Ok(sandbox::run(&spec, &mut |_, _| (), cancel)?.ended)
    }

    fn argv(&self) -> Result<Vec<Vec<u8>>, Error> {
        let entrypoint = self.config.entrypoint.iter().flatten();
        let command: Vec<&String> = match self.command {
            [] => self.config.cmd.iter().flatten().collect(),
            command => command.iter().collect(),
        };
        let argv: Vec<Vec<u8>> = entrypoint.chain(command).map(|word| word.clone().into_bytes()).collect();
        if argv.is_empty() {
            let message = "the image has neither ENTRYPOINT nor CMD: give a command after --";
            return Err(Error::Unsupported(message.to_string()));
        }
        Ok(argv)
    }
}
