//! A RUN from its op to its layer.

use std::fs::File;
use std::path::PathBuf;

use super::foreign::emulator;
use super::identity::IdentityFiles;
use super::limits::rlimits;
use super::logged::Logged;
use super::mount_points::not_written;
use super::mounts::Scene;
use crate::graph::{Exec, Network, Security, Step};
use crate::oci::{DiffId, Digest};
use crate::sandbox::{self, Capabilities, Directory, Ended, Process, Root, Spec, Stdio};
use crate::snapshot::{Active, SmallFiles};
use crate::tree::{Changed, Content, RootPath};
use crate::worker::chain::{Made, States};
use crate::worker::copy::run_user;
use crate::worker::error::Error;
use crate::worker::perform::{Doing, Worker};

/// LIMIT: Docker's default for `/dev/shm`.
const SHM_SIZE: u64 = 64 << 20;

/// A process that ended with a failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("process {:?} did not complete successfully: {}", argv.join(" "), how(*ended))]
pub struct Exited {
    /// What was run.
    pub argv: Vec<String>,
    /// Its exit code or signal.
    pub ended: Ended,
    /// The last of what it wrote.
    pub tail: Vec<u8>,
    /// The whole of what it wrote.
    pub log: Option<PathBuf>,
}

fn how(ended: Ended) -> String {
    match ended {
        Ended::Code(code) => format!("exit code: {code}"),
        Ended::Signal(signal) => format!("killed by signal {signal} (exit code: {})", ended.shell_code()),
    }
}

impl Worker<'_> {
    /// Runs the process and makes its layer.
    pub(in crate::worker) fn exec(
        &self,
        step: &Step,
        exec: &Exec,
        doing: Doing,
        states: &States,
        beside: &dyn Fn(),
    ) -> Result<DiffId, Error> {
        let chain = self.chain(step.base, states).expect("a RUN stands on layers");
        let layers = self.ground_layers(&chain)?;
        let mut lowers = self.lowers(&layers)?;
        let tree = self.run_tree(&chain, layers)?;
        let snapshots = self.snapshots()?;
        // A process that finds the disk full fails, and cannot be tried again.
        self.store.reserve();
        let active = self.with_room(|| Ok(snapshots.prepare(&tree.stack)?))?;
        let scene = Scene { exec, key: mounts_key(step), states, root: &tree.stack };
        let mounts = self.mounts(&scene, &active.directory().join("mounts"))?;
        let emulator = emulator(&step.platform, &tree, active.directory(), self.cancel)?;
        let own: Vec<bool> = chain.links().iter().map(|link| link.made == Made::Copied).collect();
        let times = active.directory().join("times");
        if let Some(timed) = self.timed_root(&tree, &own, &scene, &mounts.caches, &times)? {
            lowers.insert(0, timed);
        }
        lowers.push(self.with_room(|| Ok(self.mount_points()?))?);
        let files = IdentityFiles::read(self.store, &tree, &self.identities)?;
        let user = run_user(&exec.user, files.as_owner_files()).map_err(crate::worker::copy::Error::Owner)?;

        let mut env = exec.env.clone();
        if !env.iter().any(|(name, _)| name == "HOME") {
            env.push(("HOME".to_string(), user.home.clone().unwrap_or_else(|| "/".to_string())));
        }
        // COMPAT: BuildKit passes proxies last, so that they win over the image's own.
        env.retain(|(name, _)| !exec.proxies.iter().any(|(proxy, _)| proxy == name));
        env.extend(exec.proxies.iter().cloned());
        env.extend(mounts.env);
        let insecure = exec.security == Security::Insecure;
        let spec = Spec {
            root: Root {
                lower: lowers.into_iter().map(Directory::Path).collect(),
                upper: active.upper(),
                work: active.work(),
            },
            process: Process {
                argv: exec.argv.iter().map(|argument| argument.clone().into_bytes()).collect(),
                env,
                cwd: RootPath::clean(&exec.cwd)?,
                uid: user.owner.uid,
                gid: user.owner.gid,
                groups: user.groups,
                capabilities: Capabilities::DEFAULT,
                rlimits: rlimits(&exec.ulimits),
            },
            hostname: exec.hostname.clone(),
            mounts: mounts.list,
            network: match exec.network {
                Network::Default | Network::Host => sandbox::Network::Host,
                Network::None => sandbox::Network::None,
            },
            security: if insecure { sandbox::Security::Insecure } else { sandbox::Security::Sandbox },
            shm_size: exec.shm_size.unwrap_or(SHM_SIZE),
            emulator,
            relay: None,
            stdio: Stdio::Captured,
        };
        let mut logged = Logged::new(self.sink, doing.number, self.store.log_writer(&doing.key));
        let mut write = |stream, bytes: &[u8]| logged.write(stream, bytes);
        let beside = || {
            beside();
            snapshots.tidy();
        };
        let exit = self.with_room(|| Ok(sandbox::run_beside(&spec, &mut write, &beside, self.cancel)?));
        let (tail, log) = logged.finish();
        drop(mounts.caches);
        drop(mounts.agents);
        let exit = exit?;
        if exit.ended != Ended::Code(0) {
            return Err(Error::Exited(Exited { argv: exec.argv.clone(), ended: exit.ended, tail, log }));
        }

        let made = not_written(exit.stubs, &tree.stack);
        let (changed, small) = snapshots.changes(&active, &made, &tree.stack, exec.epoch)?;
        let diff_id = self.write_changes(&active, &changed, &small, doing)?;
        drop(small);
        // The layer is whole; the directory only saves the next RUN from unpacking it, and a full disk can do without.
        match snapshots.commit(active, chain.id(), diff_id, &changed) {
            Err(e) if e.is_no_space() => {}
            committed => committed?,
        }
        Ok(diff_id)
    }

    fn write_changes(
        &self,
        active: &Active,
        changed: &[Changed],
        small: &SmallFiles,
        doing: Doing,
    ) -> Result<DiffId, Error> {
        let mut writer = self.store.layer_writer_as(doing.form)?;
        for Changed { entry, from } in changed {
            match from {
                Content::None => writer.entry(entry, None)?,
                Content::Upper(path) if let Some(bytes) = small.get(path) => {
                    writer.settled(entry, &mut |out| {
                        out.extend_from_slice(bytes);
                        true
                    })?;
                }
                Content::Upper(path) => {
                    let host = upper_path(active, path);
                    let mut file = File::open(&host)
                        .map_err(Error::io(format!("reading {path}, which the RUN wrote")))?;
                    writer.entry(entry, Some(&mut file))?;
                }
            }
        }
        Ok(self.knows(writer.commit_held()?))
    }
}

/// The path came from a walk of the upper directory that followed no link, and nobody writes there any more.
fn upper_path(active: &Active, path: &RootPath) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    active.upper().join(std::ffi::OsStr::from_bytes(path.as_bytes()))
}

/// The instruction, by which a cache mount knows a step again when its files have changed.
fn mounts_key(step: &Step) -> Digest {
    Digest::of(step.label.to_string().as_bytes())
}
