//! `--output`: `type=oci,dest=image.tar` and its kin.

use std::path::PathBuf;

use super::csv::fields;
use crate::export::{Destination, Encode, Output, PushTo, Split};
use crate::layer::Compression;

/// What one `--output` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Something written.
    Output(Output),
    /// The image in the store, with these names besides those of `--tag`.
    Named(PushTo),
    /// Pushed; under the names of `--tag` if it has none of its own.
    Push(PushTo),
}

/// Reads one `--output`.
pub fn parse_output(text: &str) -> Result<Asked, String> {
    let wrong = |reason: String| format!("--output {text:?}: {reason}");
    if text == "-" {
        return Ok(Asked::Output(Output::Tar(Destination::Stdout, Split::Auto)));
    }
    let fields = fields(text).map_err(wrong)?;
    if fields.len() == 1 && !text.contains('=') {
        return Ok(Asked::Output(Output::Local(PathBuf::from(text), Split::Auto)));
    }
    let (mut kind, mut dest, mut tar) = (None, None, None);
    let (mut names, mut push, mut by_digest) = (Vec::new(), None, false);
    let (mut compression, mut level, mut force) = (None, None, false);
    let mut split = None;
    for field in &fields {
        let (key, value) =
            field.split_once('=').ok_or_else(|| wrong(format!("{field:?} is no key=value")))?;
        let boolean = || {
            value.parse::<bool>().map_err(|_| wrong(format!("{key} must be true or false, not {value:?}")))
        };
        match key {
            "type" => kind = Some(value),
            "dest" | "path" => dest = Some(value),
            "tar" => tar = Some(boolean()?),
            "compression" => compression = Some(value),
            "compression-level" => {
                let number = value.parse::<i32>();
                level = Some(
                    number
                        .map_err(|_| wrong(format!("compression-level must be a number, not {value:?}")))?,
                );
            }
            "force-compression" => force = boolean()?,
            "oci-mediatypes" | "name-canonical" | "store" if value == "true" => {}
            "name" => {
                for name in value.split(',').filter(|name| !name.is_empty()) {
                    names.push(name.parse().map_err(|e| wrong(format!("name {name}: {e}")))?);
                }
            }
            "platform-split" => {
                split = Some(if boolean()? { Split::Always } else { Split::Never });
            }
            "push" => push = Some(boolean()?),
            "push-by-digest" => by_digest = boolean()?,
            "registry.insecure" => {
                return Err(wrong(format!(
                    "{field} is not supported: only registries on this machine are spoken to without TLS"
                )));
            }
            "name-canonical" | "oci-mediatypes" | "oci-artifact" | "rewrite-timestamp" | "mode" | "store"
            | "unpack" | "attestation-prefix" | "context" => {
                return Err(wrong(format!("{field} is not supported yet{}", instead(key))));
            }
            _ => return Err(wrong(format!("unknown key {key:?}"))),
        }
    }
    let kind = kind.ok_or_else(|| wrong("type is missing".to_string()))?;
    let is_image = matches!(kind, "image" | "registry");
    if !is_image && (push.is_some() || by_digest || !names.is_empty()) {
        return Err(wrong(format!(
            "name and push are for type=image and type=registry, not for type={kind}: names come from --tag"
        )));
    }
    if is_image && (dest.is_some() || tar.is_some()) {
        return Err(wrong(format!("type={kind} has no dest and no tar")));
    }
    let is_archive = matches!(kind, "oci" | "docker") || is_image;
    if !is_archive && (compression.is_some() || level.is_some() || force || tar.is_some()) {
        return Err(wrong(format!("compression and tar= are for outputs of images, not for type={kind}")));
    }
    if split.is_some() && !matches!(kind, "local" | "tar") {
        return Err(wrong(format!("platform-split is for type=local and type=tar, not for type={kind}")));
    }
    let split = split.unwrap_or_default();
    let encode = Encode { compression: compressed(compression, level).map_err(wrong)?, force };
    let to = |names| PushTo { names, encode, by_digest };
    match (kind, push) {
        ("registry", Some(false)) => {
            return Err(wrong("push=false contradicts type=registry: use type=image".to_string()));
        }
        ("registry", _) | ("image", Some(true)) => return Ok(Asked::Push(to(names))),
        ("image", _) => return Ok(Asked::Named(to(names))),
        _ => {}
    }
    let destination = match dest {
        None | Some("-") => Destination::Stdout,
        Some(path) => Destination::Path(PathBuf::from(path)),
    };
    let directory = |what: &str| match &destination {
        Destination::Path(path) => Ok(path.clone()),
        Destination::Stdout => Err(wrong(format!("{what} needs dest=DIRECTORY"))),
    };
    let output = match (kind, tar.unwrap_or(true)) {
        ("oci", true) => Ok(Output::OciArchive(destination, encode)),
        ("oci", false) => Ok(Output::OciDirectory(directory("tar=false")?, encode)),
        ("docker", true) => Ok(Output::DockerArchive(destination, encode)),
        ("docker", false) => Ok(Output::DockerDirectory(directory("tar=false")?, encode)),
        ("local", _) => Ok(Output::Local(directory("type=local")?, split)),
        ("tar", _) => Ok(Output::Tar(destination, split)),
        ("cacheonly", _) => Err(wrong(format!("type={kind} is not supported yet{}", instead(kind)))),
        (other, _) => Err(wrong(format!(
            "unknown type {other:?}: image, registry, oci, docker, local and tar are known"
        ))),
    };
    output.map(Asked::Output)
}

/// The compression that was asked for.
pub(super) fn compressed(name: Option<&str>, level: Option<i32>) -> Result<Compression, String> {
    match (name, level) {
        (None | Some("gzip"), None) => Ok(Compression::default()),
        (None | Some("gzip"), Some(level @ 0..=9)) => Ok(Compression::Gzip { level: level as u32 }),
        (None | Some("gzip"), Some(level)) => Err(format!("gzip has levels 0 to 9, not {level}")),
        (Some("zstd"), level @ (None | Some(0..=22))) => Ok(Compression::Zstd { level: level.unwrap_or(3) }),
        (Some("zstd"), Some(level)) => Err(format!("zstd has levels 0 to 22, not {level}")),
        (Some("uncompressed"), None) => Ok(Compression::Uncompressed),
        (Some("uncompressed"), Some(_)) => Err("compression=uncompressed has no level".to_string()),
        (Some(other), _) => {
            Err(format!("unknown compression {other:?}: gzip, zstd and uncompressed are known"))
        }
    }
}

fn instead(key: &str) -> &'static str {
    match key {
        "cacheonly" => ": without --output the image is kept in rbuild's own store",
        "rewrite-timestamp" => ": layers have constant times anyway (--layer-epoch)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_forms_are_a_directory_and_a_tar() {
        assert_eq!(parse_output("out"), Ok(Asked::Output(Output::Local("out".into(), Split::Auto))));
        assert_eq!(parse_output("-"), Ok(Asked::Output(Output::Tar(Destination::Stdout, Split::Auto))));
    }

    #[test]
    fn types_destinations_and_compressions_are_read() {
        let encode = Encode { compression: Compression::Zstd { level: 5 }, force: false };
        assert_eq!(
            parse_output("type=oci,dest=a.tar,compression=zstd,compression-level=5"),
            Ok(Asked::Output(Output::OciArchive(Destination::Path("a.tar".into()), encode)))
        );
        let split = Output::Local("d".into(), Split::Never);
        assert_eq!(parse_output("type=local,dest=d,platform-split=false"), Ok(Asked::Output(split)));
        let directory = Output::OciDirectory("d".into(), Encode::default());
        assert_eq!(parse_output("type=oci,tar=false,dest=d"), Ok(Asked::Output(directory)));
        assert_eq!(
            parse_output("type=docker"),
            Ok(Asked::Output(Output::DockerArchive(Destination::Stdout, Encode::default())))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("type=oci,dst=x", "dst"),
            ("type=local", "dest"),
            ("type=oci,tar=false", "dest"),
            ("type=registry,push=false", "type=image"),
            ("type=oci,compression=lz4", "lz4"),
            ("type=oci,compression-level=20", "0 to 9"),
            ("type=tar,compression=gzip", "type=tar"),
            ("type=oci,platform-split=true", "type=local"),
            ("type=local,dest=x,platform-split=yes", "true or false"),
            ("dest=x", "type"),
        ] {
            let error = parse_output(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
