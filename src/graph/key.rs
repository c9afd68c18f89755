//! The one key of a step: its op's own fields and the content of its inputs.
//!
//! `docs/cache-keys.md` lists every field with the reason why it is in or out; a test holds the two together. Structs are
//! taken apart by name and without `..`, so that a new field does not compile until somebody has decided.

use super::copy::{Copy, CopySource, MakeDirectory, Unpack};
use super::exec::{Exec, HostEntry, Mount, MountKind, Script, Ulimit};
use super::preimage::PreImage;
use super::step::{Op, Step};
use crate::oci::{ChainId, Digest};

/// The content that a step's inputs turned out to have.
#[derive(Clone, Copy, Debug)]
pub struct Resolved<'a> {
    /// The name of the base's layers; none if there are none.
    pub base: Option<ChainId>,
    /// For each of [`Op::reads`], the digest of the entries that it selects, after normalisation.
    pub sources: &'a [Digest],
}

/// Raised for one kind of op when a correction changes what it yields; the last is the layer format.
pub const SEMANTICS: Semantics =
    Semantics { exec: 1, copy: 2, unpack: 2, make_directory: 2, layer_format: 1 };

/// Numbers that separate results of different versions of this program.
#[derive(Clone, Copy, Debug)]
pub struct Semantics {
    /// Of running a process.
    pub exec: u32,
    /// Of copying.
    pub copy: u32,
    /// Of unpacking archives.
    pub unpack: u32,
    /// Of making a directory.
    pub make_directory: u32,
    /// Of entries, tar bytes and their order.
    pub layer_format: u32,
}

/// All parts of the key of `step`.
///
/// ORDER: the order of parts is part of every key.
pub fn pre_image(step: &Step, resolved: &Resolved<'_>) -> PreImage {
    // `base` enters as its content, the chain; a name, a place in the file and `no_cache` do not change a result.
    let Step { op, base: _, platform, label: _, location: _, no_cache: _ } = step;
    let mut pre = PreImage::default();
    pre.push("layer format", SEMANTICS.layer_format);
    pre.push("platform", platform);
    match op {
        Op::Exec(exec) => exec_parts(&mut pre, exec),
        Op::Copy(copy) => copy_parts(&mut pre, copy),
        Op::MakeDirectory(directory) => make_directory_parts(&mut pre, directory),
    }
    for (index, digest) in resolved.sources.iter().enumerate() {
        pre.push(format!("source {index}"), digest);
    }
    if !is_independent(op) {
        pre.push("base", resolved.base.map_or("scratch".to_string(), |base| base.to_string()));
    }
    pre
}

/// `--link` makes the same layer on any base, unless an owner must be looked up in it.
fn is_independent(op: &Op) -> bool {
    match op {
        Op::Copy(copy) => copy.link,
        Op::Exec(_) | Op::MakeDirectory(_) => false,
    }
}

fn exec_parts(pre: &mut PreImage, exec: &Exec) {
    let Exec {
        argv,
        env,
        proxies: _, // They say how to reach a host, not what it answers.
        cwd,
        user,
        mounts,
        scripts,
        network,
        security,
        hostname,
        hosts,
        shm_size,
        ulimits,
        epoch,
    } = exec;
    pre.push("op", format!("exec {}", SEMANTICS.exec));
    for (index, argument) in argv.iter().enumerate() {
        pre.push(format!("argv {index}"), argument);
    }
    for (name, value) in env {
        pre.push(format!("env {name}"), value);
    }
    pre.push("cwd", cwd);
    pre.push("user", user);
    pre.push("network", format!("{network:?}"));
    pre.push("security", format!("{security:?}"));
    pre.push("hostname", hostname);
    for HostEntry { name, address: _ } in hosts {
        // As BuildKit: where a name leads is a matter of the site, that it is there is a matter of the build.
        pre.push("host", name);
    }
    pre.push("shm size", shm_size.map_or("default".to_string(), |bytes| bytes.to_string()));
    for Ulimit { name, soft, hard } in ulimits {
        pre.push(format!("ulimit {name}"), format!("{soft}:{hard}"));
    }
    pre.push("epoch", epoch);
    for (index, Script { target, content }) in scripts.iter().enumerate() {
        pre.push(format!("script {index} {target}"), content);
    }
    for (index, mount) in mounts.iter().enumerate() {
        mount_parts(pre, index, mount);
    }
}

fn mount_parts(pre: &mut PreImage, index: usize, mount: &Mount) {
    let Mount { target, readonly, kind } = mount;
    let shape = match kind {
        // What it shows is a source, by content.
        MountKind::Bind { input: _, source: _ } => "bind".to_string(),
        // Contents, names and sharing are a matter of speed; what it is seeded with is a source, by content.
        MountKind::Cache { id: _, sharing: _, seed: _, mode, uid, gid } => {
            format!("cache {mode:o} {uid}:{gid}")
        }
        MountKind::Tmpfs { size } => format!("tmpfs {size:?}"),
        // A secret's value never enters a key: it would be an oracle, and a rotated token would rebuild the world.
        MountKind::Secret { id, env, required, mode, uid, gid } => {
            format!("secret {id} {env:?} {mode:o} {uid}:{gid}{}", wanted(*required))
        }
        MountKind::Ssh { id, required, mode, uid, gid } => {
            format!("ssh {id} {mode:o} {uid}:{gid}{}", wanted(*required))
        }
    };
    let access = if *readonly { "ro" } else { "rw" };
    pre.push(format!("mount {index}"), format!("{} {access} {shape}", target.as_deref().unwrap_or("-")));
}

/// What was done without a secret is no answer to a step that must not be.
fn wanted(required: bool) -> &'static str {
    if required { " required" } else { "" }
}

fn copy_parts(pre: &mut PreImage, copy: &Copy) {
    let Copy { from: _, sources, destination, owner, mode, link, parents, exclude, unpack, epoch } = copy;
    pre.push("op", format!("copy {}", SEMANTICS.copy));
    for (index, source) in sources.iter().enumerate() {
        match source {
            // The digest of what it selects holds names relative to the pattern; the pattern decides what is a match.
            CopySource::Path(path) => pre.push(format!("path {index}"), path),
            CopySource::Remote { input: _, path } => pre.push(format!("remote {index}"), path),
            CopySource::Inline { name, content } => pre.push(format!("inline {index} {name}"), content),
        }
    }
    pre.push("destination", destination);
    pre.push("owner", owner.as_deref().unwrap_or("-"));
    pre.push("mode", mode.as_ref().map_or("-".to_string(), |mode| mode.to_string()));
    pre.push("link", link);
    pre.push("parents", parents);
    for pattern in exclude {
        pre.push("exclude", pattern);
    }
    // What unpacking means is a question only where there is any.
    let unpacking = match unpack {
        Unpack::Never => "Never".to_string(),
        Unpack::Local | Unpack::Always => format!("{unpack:?} {}", SEMANTICS.unpack),
    };
    pre.push("unpack", unpacking);
    pre.push("epoch", epoch.map_or("preserve".to_string(), |epoch| epoch.to_string()));
}

fn make_directory_parts(pre: &mut PreImage, directory: &MakeDirectory) {
    let MakeDirectory { path, user, epoch } = directory;
    pre.push("op", format!("make directory {}", SEMANTICS.make_directory));
    pre.push("path", path);
    pre.push("user", user);
    pre.push("epoch", epoch);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Input, Label, Location, Network, Security};
    use crate::oci::{LAYER_EPOCH, Platform};

    fn exec() -> Exec {
        Exec {
            argv: vec!["/bin/sh".into(), "-c".into(), "make".into()],
            env: vec![("PATH".into(), "/bin".into())],
            proxies: vec![],
            cwd: "/".into(),
            user: String::new(),
            mounts: vec![],
            scripts: vec![],
            network: Network::Default,
            security: Security::Sandbox,
            hostname: "buildkitsandbox".into(),
            hosts: vec![],
            shm_size: None,
            ulimits: vec![],
            epoch: LAYER_EPOCH,
        }
    }

    fn key_of(op: Op, base: Option<ChainId>, sources: &[Digest]) -> Digest {
        let step = Step {
            op,
            base: Input::Scratch,
            platform: Platform::new("linux", "amd64", None),
            label: Label::default(),
            location: Location::default(),
            no_cache: false,
        };
        pre_image(&step, &Resolved { base, sources }).key()
    }

    fn exec_key(change: impl FnOnce(&mut Exec)) -> Digest {
        let mut exec = exec();
        change(&mut exec);
        key_of(Op::Exec(Box::new(exec)), None, &[])
    }

    #[test]
    fn what_the_process_sees_is_in_the_key() {
        let before = exec_key(|_| ());
        assert_eq!(before, exec_key(|_| ()));
        let changes: [fn(&mut Exec); 8] = [
            |e| e.argv.push("x".into()),
            |e| e.env.push(("A".into(), String::new())),
            |e| e.cwd = "/x".into(),
            |e| e.user = "1".into(),
            |e| e.network = Network::None,
            |e| e.security = Security::Insecure,
            |e| e.hostname = "x".into(),
            |e| e.shm_size = Some(1),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            assert_ne!(before, exec_key(change), "change {index}");
        }
    }

    #[test]
    fn the_order_of_the_environment_is_in_the_key() {
        let pair = |n: &str| (n.to_string(), "1".to_string());
        assert_ne!(
            exec_key(|e| e.env = vec![pair("A"), pair("B")]),
            exec_key(|e| e.env = vec![pair("B"), pair("A")])
        );
    }

    #[test]
    fn proxies_are_out_of_the_key() {
        assert_eq!(exec_key(|_| ()), exec_key(|e| e.proxies.push(("http_proxy".into(), "x".into()))));
    }

    #[test]
    fn a_base_counts_by_content_and_not_at_all_for_a_link() {
        let copy = |link| {
            Op::Copy(Box::new(Copy {
                from: Input::Scratch,
                sources: vec![CopySource::Path("a".into())],
                destination: "/".into(),
                owner: None,
                mode: None,
                link,
                parents: false,
                exclude: vec![],
                unpack: Unpack::Never,
                epoch: Some(LAYER_EPOCH),
            }))
        };
        let base = Some(ChainId(Digest::of(b"base")));
        let source = Digest::of(b"source");
        assert_ne!(key_of(copy(false), None, &[source]), key_of(copy(false), base, &[source]));
        assert_eq!(key_of(copy(true), None, &[source]), key_of(copy(true), base, &[source]));
        assert_ne!(key_of(copy(true), None, &[source]), key_of(copy(true), None, &[Digest::of(b"other")]));
    }
}
