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
/// COMPAT: variables in `from` are expanded, which BuildKit refuses. As in BuildKit a later option replaces an earlier
/// one, most options that mean nothing for the mount's type are ignored, and `required` and `size` must come after the
/// type; what is ignored is told with the mount.
pub fn parse_mount(
    word: &Word,
    expand: &mut dyn FnMut(&Word) -> Result<String, Error>,
) -> Result<(Mount, Vec<String>), Error> {
    let wrong = |problem| Error::new(ErrorKind::Mount(problem)).at(word.span);
    let mut options = Options::default();
    let mut seen = Vec::new();
    let mut ignored = Vec::new();
    for field in mount_fields::split(word)? {
        let name = option_name(&field.key);
        match seen.iter().any(|other| other == name) {
            true => ignored.push(format!("option '{name}' is given more than once: the last one counts")),
            false => seen.push(name.to_owned()),
        }
        let value = match &field.value {
            Some(raw) => Some(expand(&Word { raw: raw.clone(), span: word.span })?),
            None => None,
        };
        options.set(&field, value).map_err(wrong)?;
    }
    let mount = options.mount(&seen, &mut ignored).map_err(wrong)?;
    Ok((mount, ignored))
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
        let kind = self.kind.unwrap_or("bind");
        let for_type = matches!((key, kind), ("required", "secret" | "ssh") | ("size", "tmpfs"));
        if matches!(key, "required" | "size") && !for_type {
            return Err(MountProblem::KeyForType { key: key.to_owned(), kind });
        }
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

    fn mount(self, seen: &[String], ignored: &mut Vec<String>) -> Result<Mount, MountProblem> {
        let kind = self.kind.unwrap_or("bind");
        let meant: &[&str] = match kind {
            "bind" => &["target", "source", "from", "readonly"],
            "cache" => &["target", "id", "sharing", "from", "source", "readonly", "mode", "uid", "gid"],
            "tmpfs" => &["target", "size", "readonly"],
            "secret" => &["target", "id", "source", "env", "required", "mode", "uid", "gid", "readonly"],
            _ => &["target", "id", "required", "mode", "uid", "gid", "readonly"],
        };
        for key in seen.iter().filter(|key| *key != "type" && !meant.contains(&key.as_str())) {
            match (key.as_str(), kind) {
                ("id" | "env" | "source", _) | ("from", "tmpfs" | "ssh") => {
                    ignored.push(format!("option '{key}' means nothing for a mount of type {kind}"));
                }
                // Left over from another type: it was right where it stood.
                ("required" | "size", _) => {}
                _ => return Err(MountProblem::KeyForType { key: key.clone(), kind }),
            }
        }
        if kind == "cache" && self.source.is_some() && self.from.is_none() {
            return Err(MountProblem::CacheSource);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::span::Span;

    fn read(text: &str) -> Result<Mount, String> {
        let word = Word { raw: text.to_owned(), span: Span::default() };
        let mut expand = |word: &Word| Ok(word.raw.replace("$v", "a,b"));
        parse_mount(&word, &mut expand).map(|(mount, _)| mount).map_err(|error| error.kind.to_string())
    }

    fn ignored(text: &str) -> Vec<String> {
        let word = Word { raw: text.to_owned(), span: Span::default() };
        parse_mount(&word, &mut |word| Ok(word.raw.clone())).expect("accepted").1
    }

    #[test]
    fn what_says_nothing_is_told_and_the_last_of_two_counts() {
        let twice = |name: &str| format!("option '{name}' is given more than once: the last one counts");
        let nothing =
            |name: &str, kind: &str| format!("option '{name}' means nothing for a mount of type {kind}");
        let bind = Bind { target: "/u".into(), read_only: false, ..Bind::default() };
        assert_eq!(read("target=/t,dst=/u,ro,rw"), Ok(Mount::Bind(bind)));
        assert_eq!(ignored("target=/t,dst=/u,ro,rw"), [twice("target"), twice("readonly")]);
        assert_eq!(ignored("target=/t,id=x,env=Y"), [nothing("id", "bind"), nothing("env", "bind")]);
        assert_eq!(
            ignored("type=tmpfs,target=/t,from=a,source=b"),
            [nothing("from", "tmpfs"), nothing("source", "tmpfs")]
        );
        assert_eq!(ignored("type=ssh,source=x"), [nothing("source", "ssh")]);
        assert_eq!(ignored("type=ssh,required,type=cache,target=/t"), [twice("type")]);
        assert_eq!(ignored("type=cache,target=/t,env=X"), [nothing("env", "cache")]);
        assert!(ignored("type=secret,id=x,env=X,ro").is_empty());
    }

    #[test]
    fn each_type_has_its_options_and_defaults() {
        let bind = Bind { target: "/t".into(), read_only: true, ..Bind::default() };
        assert_eq!(read("target=/t"), Ok(Mount::Bind(bind)));
        let bind = Bind { target: "/t".into(), source: "s".into(), from: Some("f".into()), read_only: false };
        assert_eq!(read("type=BIND,dst=/t,src=s,from=f,rw"), Ok(Mount::Bind(bind)));
        let cache = Cache { target: "/t".into(), ..Cache::default() };
        assert_eq!(read("type=cache,destination=/t"), Ok(Mount::Cache(cache)));
        let cache = Cache {
            target: "t".into(),
            id: Some("a,b".into()),
            sharing: Sharing::Locked,
            from: Some("f".into()),
            source: "s".into(),
            read_only: true,
            mode: Some(0o1777),
            uid: Some(1),
            gid: Some(2),
        };
        let text = "type=cache,target=t,id=$v,sharing=LOCKED,from=f,source=s,ro=1,mode=1777,uid=1,gid=2";
        assert_eq!(read(text), Ok(Mount::Cache(cache)));
        let tmpfs = Tmpfs { target: "/t".into(), size: 64 << 20, read_only: false };
        assert_eq!(read("type=tmpfs,target=/t,size=64m"), Ok(Mount::Tmpfs(tmpfs)));
        let ssh = Ssh { id: "default".into(), mode: 0o600, ..Ssh::default() };
        assert_eq!(read("type=ssh"), Ok(Mount::Ssh(ssh)));
        let ssh =
            Ssh { id: "x".into(), target: Some("/s".into()), required: true, mode: 0o666, uid: 1, gid: 2 };
        assert_eq!(read("type=ssh,id=x,target=/s,required,mode=666,uid=1,gid=2"), Ok(Mount::Ssh(ssh)));
    }

    #[test]
    fn a_secret_is_named_by_id_source_or_target() {
        let secret = |text: &str| match read(text) {
            Ok(Mount::Secret(secret)) => (secret.id, secret.target, secret.env, secret.required, secret.mode),
            other => panic!("{text}: {other:?}"),
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(secret("type=secret,id=a/x"), ("a/x".into(), some("/run/secrets/x"), None, false, 0o400));
        assert_eq!(
            secret("type=secret,src=x,required=true"),
            ("x".into(), some("/run/secrets/x"), None, true, 0o400)
        );
        assert_eq!(
            secret("type=secret,target=/e/npmrc,mode=0440"),
            ("npmrc".into(), some("/e/npmrc"), None, false, 0o440)
        );
        assert_eq!(secret("type=secret,id=x,env=X"), ("x".into(), None, some("X"), false, 0o400));
        assert_eq!(
            secret("type=secret,id=x,env=X,target=/y"),
            ("x".into(), some("/y"), some("X"), false, 0o400)
        );
    }

    #[test]
    fn what_is_wrong_is_said_by_name() {
        let message = |text: &str| read(text).expect_err(text);
        assert_eq!(message("type=cahce,target=/t"), "unsupported mount type \"cahce\" (did you mean cache?)");
        assert_eq!(message("type=volume"), "unsupported mount type \"volume\"");
        assert_eq!(message("target=/t,form=x"), "unexpected key 'form' in 'form=x' (did you mean from?)");
        assert_eq!(message("target=/t,x"), "invalid field 'x' must be a key=value pair");
        assert_eq!(message("required,type=secret,id=x"), "unexpected key 'required' for mount type 'bind'");
        assert_eq!(message("size=1,type=tmpfs,target=/x"), "unexpected key 'size' for mount type 'bind'");
        assert_eq!(message("type=tmpfs,target=/x,mode=1777"), "unexpected key 'mode' for mount type 'tmpfs'");
        assert_eq!(message("type=secret,id=x,from=y"), "unexpected key 'from' for mount type 'secret'");
        assert!(
            message("type=cache,target=/t,source=x").starts_with("a cache mount with a source needs a from")
        );
        assert_eq!(message("target=/t,required"), "unexpected key 'required' for mount type 'bind'");
        assert_eq!(message("type=cache,target=/t,size=1"), "unexpected key 'size' for mount type 'cache'");
        assert_eq!(
            message("type=secret,id=x,sharing=shared"),
            "unexpected key 'sharing' for mount type 'secret'"
        );
        assert_eq!(
            message("type=cache,target=/t,sharing=lock"),
            "unsupported sharing value \"lock\" (did you mean locked?)"
        );
        assert_eq!(message("type=cache,target=/t,mode=9"), "invalid value for mode: 9");
        assert_eq!(message("type=cache,target=/t,uid=-1"), "invalid value for uid: -1");
        assert_eq!(message("target=/t,ro=yes"), "invalid value for ro: yes");
        assert_eq!(message("type=tmpfs,target=/t,size=x"), "invalid value for size: x");
        assert_eq!(message("type=secret"), "invalid secret mount. one of source, target required");
        assert_eq!(message("type=secret,id=a,source=b"), "both source and id can't be set");
        assert!(message("type=bind,\"target=/t").starts_with("failed to parse csv mounts"));
        assert!(message("").starts_with("failed to parse csv mounts"));
    }
}
