//! Options of `--mount` to a typed mount.

use super::error::Error;
use super::error_kind::{ErrorKind, MountProblem};
use super::mount::{Bind, Cache, Mount, Secret, Sharing, Ssh, Tmpfs};
use super::mount_fields::{self, Field};
use super::size;
use super::suggest;
use super::word::Word;

const TYPES: [&str; 5] = ["bind", "cache", "secret", "ssh", "tmpfs"];
const KEYS: [&str; 19] = [
    "type",
    "from",
    "source",
    "target",
    "readonly",
    "id",
    "sharing",
    "required",
    "size",
    "mode",
    "uid",
    "gid",
    "src",
    "dst",
    "destination",
    "ro",
    "rw",
    "readwrite",
    "env",
];

/// Options under one name each, values expanded.
#[derive(Default)]
struct Options {
    kind: Option<&'static str>,
    from: Option<String>,
    source: Option<String>,
    target: Option<String>,
    read_only: Option<bool>,
    id: Option<String>,
    sharing: Option<Sharing>,
    required: Option<bool>,
    size: Option<u64>,
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
    env: Option<String>,
}

/// Reads the text of a `--mount`; `expand` turns the value of each option into text.
///
/// COMPAT: variables in `from` are expanded, which BuildKit refuses.
///
/// COMPAT: stricter than BuildKit, which lets a later option replace an earlier one of the same name, and ignores options
/// that mean nothing for the mount's type: both are refused here.
pub fn parse_mount(
    word: &Word,
    expand: &mut dyn FnMut(&Word) -> Result<String, Error>,
) -> Result<Mount, Error> {
    let wrong = |problem| Error::new(ErrorKind::Mount(problem)).at(word.span);
    let mut options = Options::default();
    let mut seen = Vec::new();
    for field in mount_fields::split(word)? {
        let name = option_name(&field.key);
        if seen.contains(&name.to_owned()) {
            return Err(wrong(MountProblem::DuplicateKey(field.key)));
        }
        seen.push(name.to_owned());
        let value = match &field.value {
            Some(raw) => Some(expand(&Word { raw: raw.clone(), span: word.span })?),
            None => None,
        };
        options.set(&field, value).map_err(wrong)?;
    }
    options.mount(&seen).map_err(wrong)
}

/// The one name of an option that has several.
fn option_name(key: &str) -> &str {
    match key {
        "src" => "source",
        "dst" | "destination" => "target",
        "ro" | "rw" | "readwrite" => "readonly",
        _ => key,
    }
}

impl Options {
    fn set(&mut self, field: &Field, value: Option<String>) -> Result<(), MountProblem> {
        let key = field.key.as_str();
        let Some(value) = value else {
            match key {
                "readonly" | "ro" => self.read_only = Some(true),
                "readwrite" | "rw" => self.read_only = Some(false),
                "required" => self.required = Some(true),
                _ => return Err(MountProblem::NotPair(field.typed.clone())),
            }
            return Ok(());
        };
        let bad = || MountProblem::BadValue { key: key.to_owned(), value: value.clone() };
        let number = |radix| {
            let digits = value.bytes().all(|byte| byte.is_ascii_digit());
            u32::from_str_radix(&value, radix).ok().filter(|_| digits).ok_or_else(bad)
        };
        let boolean = || mount_fields::boolean(&value).ok_or_else(bad);
        match key {
            "type" => {
                let near = || suggest::near(&value, TYPES);
                let kind = TYPES.into_iter().find(|kind| kind.eq_ignore_ascii_case(&value));
                self.kind = Some(
                    kind.ok_or_else(|| MountProblem::UnknownType { near: near(), value: value.clone() })?,
                );
            }
            "readonly" | "ro" => self.read_only = Some(boolean()?),
            "readwrite" | "rw" => self.read_only = Some(!boolean()?),
            "required" => self.required = Some(boolean()?),
            "size" => self.size = Some(size::parse(&value).ok_or_else(bad)?),
            "sharing" => {
                self.sharing = Some(match value.to_lowercase().as_str() {
                    "shared" => Sharing::Shared,
                    "private" => Sharing::Private,
                    "locked" => Sharing::Locked,
                    _ => {
                        let near = suggest::near(&value, ["locked", "private", "shared"]);
                        return Err(MountProblem::UnknownSharing { value, near });
                    }
                });
            }
            "mode" => self.mode = Some(number(8)?),
            "uid" => self.uid = Some(number(10)?),
            "gid" => self.gid = Some(number(10)?),
            // An empty value of these says no more than none.
            "from" => self.from = Some(value).filter(|value| !value.is_empty()),
            "source" | "src" => self.source = Some(value).filter(|value| !value.is_empty()),
            "target" | "dst" | "destination" => self.target = Some(value).filter(|value| !value.is_empty()),
            "id" => self.id = Some(value).filter(|value| !value.is_empty()),
            "env" => self.env = Some(value),
            _ => {
                let near = suggest::near(key, KEYS);
                return Err(MountProblem::UnknownKey {
                    key: key.to_owned(),
                    field: field.typed.clone(),
                    near,
                });
            }
        }
        Ok(())
    }

    fn mount(self, seen: &[String]) -> Result<Mount, MountProblem> {
        let kind = self.kind.unwrap_or("bind");
        let meant: &[&str] = match kind {
            "bind" => &["target", "source", "from", "readonly"],
            "cache" => &["target", "id", "sharing", "from", "source", "readonly", "mode", "uid", "gid"],
            "tmpfs" => &["target", "size", "readonly"],
            "secret" => &["target", "id", "source", "env", "required", "mode", "uid", "gid", "readonly"],
            _ => &["target", "id", "required", "mode", "uid", "gid", "readonly"],
        };
        if let Some(key) = seen.iter().find(|key| *key != "type" && !meant.contains(&key.as_str())) {
            return Err(MountProblem::KeyForType { key: key.clone(), kind });
        }
        let target = self.target.clone().unwrap_or_default();
        Ok(match kind {
            "bind" => Mount::Bind(Bind {
                target,
                source: self.source.unwrap_or_default(),
                from: self.from,
                read_only: self.read_only.unwrap_or(true),
            }),
            "cache" => Mount::Cache(Cache {
                target,
                id: self.id,
                sharing: self.sharing.unwrap_or_default(),
                from: self.from,
                source: self.source.unwrap_or_default(),
                read_only: self.read_only.unwrap_or(false),
                mode: self.mode,
                uid: self.uid,
                gid: self.gid,
            }),
            "tmpfs" => Mount::Tmpfs(Tmpfs {
                target,
                size: self.size.unwrap_or(0),
                read_only: self.read_only.unwrap_or(false),
            }),
            "secret" => Mount::Secret(self.secret()?),
            _ => Mount::Ssh(Ssh {
                id: self.id.unwrap_or_else(|| "default".into()),
                target: self.target,
                required: self.required.unwrap_or(false),
                mode: self.mode.unwrap_or(0o600),
                uid: self.uid.unwrap_or(0),
                gid: self.gid.unwrap_or(0),
            }),
        })
    }

    fn secret(self) -> Result<Secret, MountProblem> {
        let id = match (self.id, self.source, &self.target) {
            (Some(_), Some(_), _) => return Err(MountProblem::SourceAndId),
            (Some(id), None, _) | (None, Some(id), _) => id,
            (None, None, Some(target)) => last_part(target).to_owned(),
            (None, None, None) => return Err(MountProblem::SecretWithoutName),
        };
        let default = || self.env.is_none().then(|| format!("/run/secrets/{}", last_part(&id)));
        Ok(Secret {
            target: self.target.clone().or_else(default),
            env: self.env,
            required: self.required.unwrap_or(false),
            mode: self.mode.unwrap_or(0o400),
            uid: self.uid.unwrap_or(0),
            gid: self.gid.unwrap_or(0),
            id,
        })
    }
}

/// The last component of a path, `/` for the root.
fn last_part(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().filter(|part| !part.is_empty()).unwrap_or("/")
}
