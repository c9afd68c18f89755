//! The mounts of a RUN, with variables filled in, from and to absolute paths.

use super::error::{Error, ErrorKind};
use super::paths;
use super::state::State;
use super::stop::Stop;
use crate::dockerfile::{self, Bind, Cache, Run, parse_mount};
use crate::graph::{Input, Mount, MountKind, Sharing};

/// Reads all mounts of `run`, in order.
pub(super) fn read(state: &mut State<'_, '_>, run: &Run) -> Result<Vec<Mount>, Stop> {
    let mut mounts = Vec::new();
    let mut sockets = 0;
    for word in &run.mounts {
        let escape = state.site.request.dockerfile.escape;
        let (scope, mut seen) = (&state.scope, Vec::new());
        let parsed = parse_mount(word, &mut |word| {
            let expanded = dockerfile::expand(word, escape, scope)?;
            let text = expanded.text.clone();
            seen.push(expanded);
            Ok(text)
        });
        let (parsed, ignored) = parsed.map_err(|error| state.wrong_word(error))?;
        for ignored in ignored {
            state.warn("IgnoredMountOption", format!("--mount={}: {ignored}", word.raw));
        }
        for expanded in seen {
            state.take(expanded)?;
        }
        mounts.push(match parsed {
            dockerfile::Mount::Bind(mount) => bind(state, mount)?,
            dockerfile::Mount::Cache(mount) => cache(state, mount)?,
            dockerfile::Mount::Tmpfs(mount) => Mount {
                target: Some(target(state, &mount.target)?),
                readonly: mount.read_only,
                kind: MountKind::Tmpfs { size: Some(mount.size).filter(|size| *size > 0) },
            },
            dockerfile::Mount::Secret(mount) => Mount {
                target: mount.target.map(|path| target(state, &path)).transpose()?,
                readonly: true,
                kind: MountKind::Secret {
                    id: mount.id,
                    env: mount.env,
                    required: mount.required,
                    mode: mount.mode,
                    uid: mount.uid,
                    gid: mount.gid,
                },
            },
            dockerfile::Mount::Ssh(mount) => {
                let default = format!("/run/buildkit/ssh_agent.{sockets}");
                sockets += 1;
                Mount {
                    target: Some(target(state, mount.target.as_deref().unwrap_or(&default))?),
                    readonly: true,
                    kind: MountKind::Ssh {
                        id: mount.id,
                        required: mount.required,
                        mode: mount.mode,
                        uid: mount.uid,
                        gid: mount.gid,
                    },
                }
            }
        });
    }
    Ok(mounts)
}

fn bind(state: &mut State<'_, '_>, mount: Bind) -> Result<Mount, Stop> {
    let target = target(state, &mount.target)?;
    let input = match &mount.from {
        Some(from) => source(state, from, &target)?,
        None if state.site.request.has_context => state.draft.context(None),
        None => return Err(state.error(ErrorKind::NoContext("RUN --mount".into())).into()),
    };
    let kind = MountKind::Bind { input, source: paths::clean(&mount.source) };
    Ok(Mount { target: Some(target), readonly: mount.read_only, kind })
}

fn cache(state: &mut State<'_, '_>, mount: Cache) -> Result<Mount, Stop> {
    let absolute = target(state, &mount.target)?;
    let seed = match &mount.from {
        Some(from) => match source(state, from, &absolute)? {
            Input::Scratch => None,
            input => Some((input, paths::clean(&mount.source))),
        },
        None => None,
    };
    // COMPAT: the default is the target as it was written, so that `target=x` is one cache in every directory.
    let id = mount.id.unwrap_or_else(|| match mount.target.starts_with('/') {
        true => paths::clean(&mount.target),
        false => paths::clean(&mount.target).trim_start_matches('/').to_string(),
    });
    let space = state.site.arguments.build.get("BUILDKIT_CACHE_MOUNT_NS").filter(|name| !name.is_empty());
    Ok(Mount {
        target: Some(absolute),
        readonly: mount.read_only,
        kind: MountKind::Cache {
            id: space.map_or(id.clone(), |space| format!("{space}/{id}")),
            sharing: match mount.sharing {
                dockerfile::Sharing::Shared => Sharing::Shared,
                dockerfile::Sharing::Private => Sharing::Private,
                dockerfile::Sharing::Locked => Sharing::Locked,
            },
            seed,
            mode: mount.mode.unwrap_or(0o755),
            uid: mount.uid.unwrap_or(0),
            gid: mount.gid.unwrap_or(0),
        },
    })
}

fn source(state: &mut State<'_, '_>, from: &str, target: &str) -> Result<Input, Stop> {
    let origin = state.site.stages.origin_for_mount(from).map_err(|kind| state.error(kind))?;
    let later = ErrorKind::MountFromLater { from: from.to_string(), target: target.to_string() };
    state.read(&origin, from, later)
}

fn target(state: &State<'_, '_>, path: &str) -> Result<String, Error> {
    let target = paths::join(&state.directory(), path);
    if target == "/" {
        let error = state.error(ErrorKind::MountTarget(target));
        return Err(error.hint("give the mount a target= below the root"));
    }
    Ok(target)
}
