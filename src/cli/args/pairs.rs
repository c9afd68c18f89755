//! Flags that hold a name and a value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::csv::fields;
use crate::build::{ContextValue, Secret, SecretSource};
use crate::graph::{HostEntry, Ulimit};
use crate::plan::parse_remote_context;

/// LIMIT: BuildKit's for a secret.
const LARGEST_SECRET: u64 = 500 * 1024;

/// `--build-arg NAME[=VALUE]`; a name alone takes its value from `environment`, and is left out if it has none.
pub fn build_args(
    args: &[String],
    environment: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    for arg in args {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (arg.as_str(), environment.get(arg).cloned()),
        };
        if name.is_empty() {
            return Err(format!("--build-arg {arg:?}: expected NAME=VALUE"));
        }
        if let Some(value) = value {
            values.insert(name.to_string(), value);
        }
    }
    Ok(values)
}

/// `--label NAME[=VALUE]`
pub fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    if name.is_empty() {
        return Err(format!("--label {text:?}: expected NAME=VALUE"));
    }
    Ok((name.to_string(), value.to_string()))
}

/// `--build-context NAME=VALUE`
pub fn context_value(text: &str) -> Result<(String, ContextValue), String> {
    let wrong = |reason: &str| format!("--build-context {text:?}: {reason}");
    let (name, value) = text.split_once('=').ok_or_else(|| wrong("expected NAME=VALUE"))?;
    if name.is_empty() || value.is_empty() {
        return Err(wrong("expected NAME=VALUE"));
    }
    let value = if let Some(image) = value.strip_prefix("docker-image://") {
        ContextValue::Image(image.parse().map_err(|e| wrong(&format!("{e}")))?)
    } else if let Some(layout) = value.strip_prefix("oci-layout://") {
        let (rest, digest) = match layout.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().map_err(|e| wrong(&format!("{e}")))?)),
            None => (layout, None),
        };
        // A colon after the last slash separates a tag.
        let (directory, tag) = match rest.rsplit_once(':') {
            Some((directory, tag)) if !tag.contains('/') && !directory.is_empty() => {
                (directory, Some(tag.to_string()))
            }
            _ => (rest, None),
        };
        ContextValue::Layout { directory: PathBuf::from(directory), tag, digest }
    } else if let Some(remote) = parse_remote_context(value).map_err(|e| wrong(&e))? {
        ContextValue::Remote(remote)
    } else if let Some((scheme, _)) = value.split_once("://") {
        return Err(wrong(&format!(
            "{scheme}:// is no kind of context; a directory, docker-image://, oci-layout://, git and http(s) are"
        )));
    } else if value.starts_with("target:") {
        return Err(wrong("target: joins builds of a bake file; there is none here"));
    } else {
        ContextValue::Directory(PathBuf::from(value))
    };
    Ok((name.to_string(), value))
}

/// `--secret id=ID[,src=FILE|,env=NAME]`; an id alone is a variable of that name, else a file of that name.
pub fn secret(text: &str, environment: &BTreeMap<String, String>) -> Result<(String, SecretSource), String> {
    let wrong = |reason: String| format!("--secret {text:?}: {reason}");
    let (mut id, mut file, mut env, mut kind) = (None, None, None, None);
    for field in fields(text).map_err(wrong)? {
        let (name, value) =
            field.split_once('=').ok_or_else(|| wrong(format!("{field:?} is no key=value")))?;
        let slot = match name.to_ascii_lowercase().as_str() {
            "id" => &mut id,
            "src" | "source" => &mut file,
            "env" => &mut env,
            "type" => &mut kind,
            _ => return Err(wrong(format!("unknown key {name:?}: id, src, env and type are known"))),
        };
        *slot = Some(value.to_string());
    }
    match kind.as_deref() {
        None => {}
        Some("file") if env.is_none() => {}
        // With type=env, `src` names the variable.
        Some("env") => env = env.or_else(|| file.take()),
        Some(other) => {
            return Err(wrong(format!("type {other:?} is not file or env, or does not fit the other keys")));
        }
    }
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| wrong("id is missing".to_string()))?;
    let source = match (env, file) {
        (Some(_), Some(_)) => return Err(wrong("src and env exclude each other".to_string())),
        (Some(name), None) => from_environment(&name, environment)
            .ok_or_else(|| wrong(format!("the environment has no variable {name}")))?,
        (None, Some(file)) => from_file(Path::new(&file)).map_err(wrong)?,
        (None, None) => match from_environment(&id, environment) {
            Some(value) => value,
            None => from_file(Path::new(&id)).map_err(wrong)?,
        },
    };
    Ok((id, source))
}

fn from_environment(name: &str, environment: &BTreeMap<String, String>) -> Option<SecretSource> {
    environment.get(name).map(|value| SecretSource::Value(Secret(value.clone().into_bytes())))
}

fn from_file(path: &Path) -> Result<SecretSource, String> {
    let about = std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    if about.is_dir() {
        return Err(format!("{} is a directory", path.display()));
    }
    if about.len() > LARGEST_SECRET {
        return Err(format!("{} is larger than {LARGEST_SECRET} bytes", path.display()));
    }
    Ok(SecretSource::File(path.to_path_buf()))
}

/// `--add-host NAME:ADDRESS` or `NAME=ADDRESS`
pub fn host_entry(text: &str) -> Result<HostEntry, String> {
    let wrong = |reason: &str| format!("--add-host {text:?}: {reason}");
    let (name, address) = text
        .split_once('=')
        .or_else(|| text.split_once(':'))
        .ok_or_else(|| wrong("expected NAME:ADDRESS"))?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    if name.is_empty() {
        return Err(wrong("expected NAME:ADDRESS"));
    }
    if address == "host-gateway" {
        // RUN shares the host's network: the host is itself.
        return Ok(HostEntry { name: name.to_string(), address: "127.0.0.1".to_string() });
    }
    let address: std::net::IpAddr = address.parse().map_err(|_| wrong("the address is no IP address"))?;
    Ok(HostEntry { name: name.to_string(), address: address.to_string() })
}

/// `--ulimit NAME=SOFT[:HARD]`
pub fn ulimit(text: &str) -> Result<Ulimit, String> {
    const NAMES: &[&str] = &[
        "as",
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ];
    let wrong =
        || format!("--ulimit {text:?}: expected NAME=SOFT[:HARD] with NAME one of {}", NAMES.join(", "));
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let (soft, hard) = value.split_once(':').unwrap_or((value, value));
    let number = |text: &str| match text {
        "unlimited" => Ok(-1),
        text => text.parse::<i64>().ok().filter(|n| *n >= -1).ok_or_else(wrong),
    };
    if !NAMES.contains(&name) {
        return Err(wrong());
    }
    Ok(Ulimit { name: name.to_string(), soft: number(soft)?, hard: number(hard)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_arg_without_a_value_takes_the_environments() {
        let environment = BTreeMap::from([("A".to_string(), "1".to_string())]);
        let args = ["A", "B", "C=", "D=x=y"].map(str::to_string);
        let want = [("A", "1"), ("C", ""), ("D", "x=y")].map(|(n, v)| (n.to_string(), v.to_string()));
        assert_eq!(build_args(&args, &environment), Ok(BTreeMap::from(want)));
    }

    #[test]
    fn a_layout_has_a_tag_after_its_last_slash_only() {
        let tag = |text: &str| match context_value(text).expect("valid").1 {
            ContextValue::Layout { directory, tag, .. } => (directory.display().to_string(), tag),
            other => panic!("{other:?}"),
        };
        assert_eq!(tag("a=oci-layout:///x/y:1"), ("/x/y".to_string(), Some("1".to_string())));
        assert_eq!(tag("a=oci-layout://./x:y/z"), ("./x:y/z".to_string(), None));
        assert!(context_value("a=file:///x.git").is_err());
        assert!(matches!(context_value("a=https://example.org/x.git"), Ok((_, ContextValue::Remote(_)))));
    }

    #[test]
    fn hosts_and_limits_are_checked() {
        assert_eq!(host_entry("a:::1").map(|h| h.address), Ok("::1".to_string()));
        assert!(host_entry("a:b").is_err());
        assert_eq!(ulimit("nofile=1:2").map(|u| (u.soft, u.hard)), Ok((1, 2)));
        assert!(ulimit("files=1").is_err());
    }
}
