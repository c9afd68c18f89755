//! The mounts of a RUN in the sandbox's words.

use std::path::Path;

use super::binds;
use super::caches::{Cache, TreeBytes};
use super::hosts::{HOSTS, RESOLV_CONF, etc_hosts, resolv_conf};
use super::times::{Memory, Sources};
use crate::graph::{Exec, Input, Mount, MountKind};
use crate::oci::Digest;
use crate::sandbox::{self, Access, Depth, Directory};
use crate::source::AgentFilter;
use crate::store::CacheMount;
use crate::tree::{Last, RootPath, Stack};
use crate::worker::chain::{Made, States};
use crate::worker::error::Error;
use crate::worker::perform::Worker;
use crate::worker::trees::Tree;

/// All that is mounted, and what must live as long as the process.
#[derive(Default)]
pub(super) struct Mounts {
    /// In order.
    pub list: Vec<sandbox::Mount>,
    /// Variables that hold secrets.
    pub env: Vec<(String, String)>,
    /// Held until the process has ended.
    pub caches: Vec<CacheMount>,
    /// As long.
    pub agents: Vec<AgentFilter>,
}

/// The RUN whose mounts are prepared.
pub(super) struct Scene<'a> {
    /// Its op.
    pub exec: &'a Exec,
    /// The instruction, by which a cache mount knows it again.
    pub key: Digest,
    /// What the steps before it left.
    pub states: &'a States,
    /// Its root file system, without mounts.
    pub root: &'a Stack,
}

impl Worker<'_> {
    /// Prepares every mount of a RUN. `scratch` is a fresh directory that goes away with it.
    pub(super) fn mounts(&self, scene: &Scene<'_>, scratch: &Path) -> Result<Mounts, Error> {
        let exec = scene.exec;
        let mut mounts = Mounts::default();
        // ORDER: what the builder provides comes first, so that a mount of the user's may lie over it.
        mounts.list.push(file(RESOLV_CONF, resolv_conf().into_bytes(), 0o644, Access::ReadWrite)?);
        let hosts = etc_hosts(&exec.hostname, &exec.hosts);
        mounts.list.push(file(HOSTS, hosts.into_bytes(), 0o644, Access::ReadWrite)?);
        for script in &exec.scripts {
            mounts.list.push(file(
                &script.target,
                script.content.clone().into_bytes(),
                0o755,
                Access::ReadOnly,
            )?);
        }
        // Caches are taken in one order by all builds, so that two with locked ones never wait for each other.
        let mut caches: Vec<(usize, &Mount)> =
            exec.mounts.iter().enumerate().filter(|(_, m)| is_cache(m)).collect();
        caches.sort_by_key(|(_, mount)| cache_of(&mount.kind).map(|cache| cache.id));
        let mut places = vec![None; exec.mounts.len()];
        for (index, mount) in caches {
            let cache = cache_of(&mount.kind).expect("filtered");
            places[index] = Some(mounts.caches.len());
            mounts.caches.push(self.cache_mount(&cache, scene.states)?);
        }
        for (index, mount) in exec.mounts.iter().enumerate() {
            let scratch = scratch.join(format!("mount-{index}"));
            let cache = places[index].map(|place: usize| mounts.caches[place].path().to_path_buf());
            if let Some(mount) = self.mount(mount, cache, &scratch, scene, &mut mounts)? {
                mounts.list.push(mount);
            }
        }
        Ok(mounts)
    }

    fn mount(
        &self,
        mount: &Mount,
        cache: Option<std::path::PathBuf>,
        scratch: &Path,
        scene: &Scene<'_>,
        mounts: &mut Mounts,
    ) -> Result<Option<sandbox::Mount>, Error> {
        let Mount { target, readonly, kind } = mount;
        let access = if *readonly { Access::ReadOnly } else { Access::ReadWrite };
        let at = target.as_deref().map(RootPath::clean).transpose()?;
        let kind = match kind {
            MountKind::Bind { input, source } => {
                let target = at.clone().unwrap_or_default();
                self.bind(*input, source, *readonly, &target, scratch, scene, &mounts.caches)?
            }
            MountKind::Cache { .. } => {
                let source = Directory::Path(cache.expect("every cache was taken"));
                sandbox::MountKind::Bind { source, access, depth: Depth::One }
            }
            MountKind::Tmpfs { size } => {
                let mode = tmpfs_mode(scene.root, at.as_ref());
                sandbox::MountKind::Tmpfs { size: *size, mode, access }
            }
            MountKind::Secret { id, env, required, mode, uid, gid } => {
                let value =
                    self.secrets.value(id).map_err(|source| Error::Secret { id: id.clone(), source })?;
                let Some(value) = value else {
                    return if *required { Err(Error::SecretMissing { id: id.clone() }) } else { Ok(None) };
                };
                if let Some(name) = env {
                    let text = String::from_utf8(value.clone()).map_err(|_| {
                        Error::Unsupported(format!(
                            "secret {id} is not text, so it cannot be the variable {name}"
                        ))
                    })?;
                    mounts.env.push((name.clone(), text));
                }
                sandbox::MountKind::File {
                    bytes: value,
                    mode: *mode,
                    uid: *uid,
                    gid: *gid,
                    access: Access::ReadOnly,
                }
            }
            MountKind::Ssh { id, required, mode, uid, gid } => {
                let socket = scratch.with_extension("agent");
                std::fs::create_dir_all(scratch)
                    .map_err(Error::io(format!("making {}", scratch.display())))?;
                let Some(filter) = self.agents.forward(id, &socket, *mode, *uid, *gid)? else {
                    return if *required { Err(Error::AgentMissing { id: id.clone() }) } else { Ok(None) };
                };
                mounts.agents.push(filter);
                // Connecting to a socket needs no writable mount.
                let source = Directory::Path(socket);
                sandbox::MountKind::Bind { source, access: Access::ReadOnly, depth: Depth::One }
            }
        };
        Ok(at.map(|target| sandbox::Mount { target, kind }))
    }

    /// A part of another tree.
    #[expect(
        clippy::too_many_arguments,
        reason = "one mount is all of these, and a struct would only name them twice"
    )]
    fn bind(
        &self,
        input: Input,
        source: &str,
        readonly: bool,
        target: &RootPath,
        scratch: &Path,
        scene: &Scene<'_>,
        caches: &[CacheMount],
    ) -> Result<sandbox::MountKind, Error> {
        let Scene { exec, key, states, .. } = scene;
        let missing = || Error::MountSource { path: source.to_string() };
        let tree = self.tree(input, states)?;
        let at = tree.stack.resolve(&RootPath::clean(source)?, Last::Follow)?;
        let node = tree.stack.get(&at).ok_or_else(missing)?;
        std::fs::create_dir_all(scratch).map_err(Error::io(format!("making {}", scratch.display())))?;
        if input == Input::Scratch {
            // The empty tree: an empty directory.
            return binds::mount(binds::Shown::Directory(vec![scratch.to_path_buf()]), true, scratch);
        }
        // A context's files become a layer of their own; a stage's or image's are in its layers.
        let (layers, at) = match self.chain(input, states) {
            Some(chain) => (self.ground_layers(&chain)?, at),
            None => {
                let layer = self.subtree_layer(input, &at, states)?;
                let at =
                    if node.entry.is_directory() { RootPath::root() } else { RootPath::root().join("file") };
                (vec![layer], at)
            }
        };
        let own: Vec<bool> = match self.chain(input, states) {
            Some(chain) => chain.links().iter().map(|link| link.made == Made::Copied).collect(),
            None => vec![true],
        };
        let mut lowers = self.lowers(&layers)?;
        if !caches.is_empty() {
            let tree = Tree::of_layers(layers)?;
            let sources = Sources::find(&tree.stack, &at, target.clone(), exec.epoch, |layer| own[layer]);
            let whole = RootPath::root();
            let memory = Memory { caches, step: key, now: self.store.clock()? };
            let bytes = TreeBytes { worker: self, tree: &tree };
            if let Some(timed) =
                sources.write(&tree.stack, &whole, &memory, &bytes, &scratch.join("times"))?
            {
                lowers.insert(0, timed);
            }
        }
        let shown = binds::look_up(&lowers, &at)?.ok_or_else(missing)?;
        binds::mount(shown, readonly, scratch)
    }

    /// The user's own files in the root, with the times that the cache mounts give them.
    pub(super) fn timed_root(
        &self,
        tree: &Tree<'_>,
        own: &[bool],
        scene: &Scene<'_>,
        caches: &[CacheMount],
        directory: &Path,
    ) -> Result<Option<std::path::PathBuf>, Error> {
        if caches.is_empty() {
            return Ok(None);
        }
        let root = RootPath::root();
        let stack: &Stack = &tree.stack;
        let sources = Sources::find(stack, &root, root.clone(), scene.exec.epoch, |layer| own[layer]);
        let memory = Memory { caches, step: &scene.key, now: self.store.clock()? };
        sources.write(stack, &root, &memory, &TreeBytes { worker: self, tree }, directory)
    }
}

/// COMPAT: as in runc, a tmpfs has the permissions of the directory that it covers, and those of `/tmp` where there is none.
fn tmpfs_mode(root: &Stack, at: Option<&RootPath>) -> u32 {
    let covered = at.and_then(|at| root.get(&root.resolve(at, Last::Follow).ok()?));
    covered.filter(|node| node.entry.is_directory()).map_or(0o1777, |node| node.entry.mode)
}

fn is_cache(mount: &Mount) -> bool {
    matches!(mount.kind, MountKind::Cache { .. })
}

fn cache_of(kind: &MountKind) -> Option<Cache<'_>> {
    match kind {
        MountKind::Cache { id, sharing, seed, mode, uid, gid } => {
            Some(Cache { id, sharing: *sharing, seed: seed.as_ref(), mode: *mode, uid: *uid, gid: *gid })
        }
        _ => None,
    }
}

fn file(target: &str, bytes: Vec<u8>, mode: u32, access: Access) -> Result<sandbox::Mount, Error> {
    let kind = sandbox::MountKind::File { bytes, mode, uid: 0, gid: 0, access };
    Ok(sandbox::Mount { target: RootPath::clean(target)?, kind })
}
