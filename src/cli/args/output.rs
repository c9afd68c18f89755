//! `--output`: `type=oci,dest=image.tar` and its kin.

use std::path::PathBuf;

use super::csv::fields;
use super::output_fields::OutputFields;
use crate::export::{Destination, Dress, Encode, Order, Output, PushTo, Split};
use crate::layer::Compression;
use crate::oci::Reference;

/// What one `--output` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Something written.
    Output(Order),
    /// Into a container engine of this machine: that of a context of docker's, or whichever there is.
    Engine(Option<String>, Encode, Dress),
    /// The image in the store, under names besides those of `--tag`.
    Named(Stored),
    /// Pushed; under the names of `--tag` if it has none of its own.
    Push(Stored),
    /// Nothing besides the store.
    Nothing,
}

/// `type=image` and `type=registry`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it is pushed to, and what it is called.
    pub to: PushTo,
    /// Whether the store has it under those names, too.
    pub named_here: bool,
    /// A name for it at its digest.
    pub dangling: Option<Reference>,
    /// That only if it has no other name.
    pub dangling_only: bool,
}

/// Reads one `--output`.
pub fn parse_output(text: &str) -> Result<Asked, String> {
    let wrong = |reason: String| format!("--output {text:?}: {reason}");
    if text == "-" {
        return Ok(Asked::Output(Output::Tar(Destination::Stdout, Split::Auto).into()));
    }
    let fields = fields(text).map_err(wrong)?;
    if fields.len() == 1 && !text.contains('=') {
        return Ok(Asked::Output(Output::Local(PathBuf::from(text), Split::Auto).into()));
    }
    asked(OutputFields::read(&fields).map_err(wrong)?).map_err(wrong)
}

fn asked(fields: OutputFields) -> Result<Asked, String> {
    let kind = fields.kind.as_deref().ok_or("type is missing")?;
    let is_image = matches!(kind, "image" | "registry");
    if !is_image && (fields.push.is_some() || fields.by_digest) {
        return Err(format!("push is for type=image and type=registry, not for type={kind}"));
    }
    if !is_image && (fields.store.is_some() || fields.dangling.is_some()) {
        return Err(format!("store and dangling-name-prefix are for type=image, not for type={kind}"));
    }
    if is_image && (fields.dest.is_some() || fields.tar.is_some()) {
        return Err(format!("type={kind} has no dest and no tar"));
    }
    if let (false, Some(field)) = (is_image || matches!(kind, "oci" | "docker"), fields.is_of_image()) {
        return Err(format!("{field} is for outputs of images, not for type={kind}"));
    }
    if fields.split.is_some() && !matches!(kind, "local" | "tar") {
        return Err(format!("platform-split is for type=local and type=tar, not for type={kind}"));
    }
    if fields.context.is_some() && (kind != "docker" || fields.dest.is_some()) {
        return Err("context= is for type=docker without dest".to_string());
    }
    let compression = fields.compression()?;
    let encode = Encode { compression: compression.unwrap_or_default(), force: fields.force };
    let dress = |names: &[Reference]| Dress {
        names: names.to_vec(),
        annotations: fields.annotations.clone(),
        family: fields.family.unwrap_or_default(),
    };
    if is_image {
        let names = fields.names.clone();
        let stored = Stored {
            to: PushTo { names, encode, by_digest: fields.by_digest, dress: dress(&[]) },
            named_here: fields.store.unwrap_or(true),
            dangling: fields.dangling.clone(),
            dangling_only: fields.dangling_only,
        };
        return match (kind, fields.push) {
            ("registry", Some(false)) => {
                Err("push=false contradicts type=registry: use type=image".to_string())
            }
            ("registry", _) | ("image", Some(true)) => Ok(Asked::Push(stored)),
            _ => Ok(Asked::Named(stored)),
        };
    }
    let destination = match fields.dest.as_deref() {
        None | Some("-") => Destination::Stdout,
        Some(path) => Destination::Path(PathBuf::from(path)),
    };
    let directory = |what: &str| match &destination {
        Destination::Path(path) => Ok(path.clone()),
        Destination::Stdout => Err(format!("{what} needs dest=DIRECTORY")),
    };
    let split = fields.split.unwrap_or_default();
    let output = match (kind, fields.tar.unwrap_or(true)) {
        ("oci", true) => Output::OciArchive(destination, encode),
        ("oci", false) => Output::OciDirectory(directory("tar=false")?, encode),
        // An engine unpacks what it is given: nobody asked for it to be compressed on the way.
        ("docker", true) if fields.dest.is_none() => {
            let compression = compression.unwrap_or(Compression::Uncompressed);
            return Ok(Asked::Engine(
                fields.context.clone(),
                Encode { compression, ..encode },
                dress(&fields.names),
            ));
        }
        ("docker", true) => Output::DockerArchive(destination, encode),
        ("docker", false) => Output::DockerDirectory(directory("tar=false")?, encode),
        ("local", _) => Output::Local(directory("type=local")?, split),
        ("tar", _) => Output::Tar(destination, split),
        ("cacheonly", _) => return Ok(Asked::Nothing),
        (other, _) => {
            return Err(format!(
                "unknown type {other:?}: image, registry, oci, docker, local, tar and cacheonly are known"
            ));
        }
    };
    Ok(Asked::Output(Order { output, dress: dress(&fields.names) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Family;

    #[test]
    fn the_short_forms_are_a_directory_and_a_tar() {
        let order = |output: Output| Ok(Asked::Output(output.into()));
        assert_eq!(parse_output("out"), order(Output::Local("out".into(), Split::Auto)));
        assert_eq!(parse_output("-"), order(Output::Tar(Destination::Stdout, Split::Auto)));
    }

    #[test]
    fn types_destinations_and_compressions_are_read() {
        let encode = Encode { compression: Compression::Zstd { level: 5 }, force: false };
        let order = |output: Output| Ok(Asked::Output(output.into()));
        assert_eq!(
            parse_output("type=oci,dest=a.tar,compression=zstd,compression-level=5"),
            order(Output::OciArchive(Destination::Path("a.tar".into()), encode))
        );
        let directory = Output::OciDirectory("d".into(), Encode::default());
        assert_eq!(parse_output("type=oci,tar=false,dest=d"), order(directory));
        let stdout = Output::DockerArchive(Destination::Stdout, Encode::default());
        assert_eq!(parse_output("type=docker,dest=-"), order(stdout));
        let split = Output::Local("d".into(), Split::Always);
        assert_eq!(parse_output("type=local,dest=d,platform-split=true"), order(split));
        assert_eq!(parse_output("type=cacheonly"), Ok(Asked::Nothing));
        let plain = Encode { compression: Compression::Uncompressed, force: false };
        assert_eq!(parse_output("type=docker"), Ok(Asked::Engine(None, plain, Dress::default())));
        let gzip = Asked::Engine(Some("far".into()), Encode::default(), Dress::default());
        assert_eq!(parse_output("type=docker,context=far,compression=gzip"), Ok(gzip));
    }

    #[test]
    fn names_annotations_and_media_types_are_an_outputs_own() {
        let Ok(Asked::Output(order)) = parse_output(
            r#"type=oci,dest=x,"name=a:1,h.example/b:2",annotation-index.k=v,"annotation.x=1,2",oci-mediatypes=false"#,
        ) else {
            panic!("an output")
        };
        assert_eq!((order.dress.names.len(), order.dress.family), (2, Family::Docker));
        assert_eq!(order.dress.annotations[1].value, "1,2");
        let canonical = "type=image,name=a,name-canonical=true,unpack=true,store=false,oci-artifact=false";
        let Ok(Asked::Named(stored)) = parse_output(canonical) else { panic!("an image") };
        assert!(!stored.named_here);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("type=oci,dst=x", "dst"),
            ("type=local", "dest"),
            ("type=oci,tar=false", "dest"),
            ("type=registry,push=false", "type=image"),
            ("type=oci,compression=lz4", "lz4"),
            ("type=oci,compression=estargz", "estargz is not supported"),
            ("type=oci,compression-level=20", "0 to 9"),
            ("type=oci,compression=zstd,oci-mediatypes=false", "conflicts"),
            ("type=tar,compression=gzip", "type=tar"),
            ("type=local,dest=x,annotation.a=b", "type=local"),
            ("type=image,platform-split=true", "type=image"),
            ("type=oci,push=true", "type=image"),
            ("type=oci,attestation-prefix=x", "no attestations"),
            ("type=image,oci-artifact=true", "no attestations"),
            ("type=local,dest=x,mode=delete", "never deleted"),
            ("type=oci,annotation-layer.a=b", "no level"),
            ("type=oci,dest=x,context=far", "context="),
            ("dest=x", "type"),
        ] {
            let error = parse_output(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
