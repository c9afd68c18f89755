//! The fields of one `--output`, each known by name: taken, always so here, or refused with the reason.

use super::annotation::annotation_field;
use crate::export::{Annotation, Split};
use crate::image::Family;
use crate::layer::Compression;
use crate::oci::Reference;

/// What the fields of one `--output` say.
#[derive(Debug, Default)]
pub struct OutputFields {
    pub kind: Option<String>,
    pub dest: Option<String>,
    pub tar: Option<bool>,
    pub names: Vec<Reference>,
    pub push: Option<bool>,
    pub by_digest: bool,
    pub store: Option<bool>,
    pub dangling: Option<Reference>,
    pub dangling_only: bool,
    pub context: Option<String>,
    pub split: Option<Split>,
    pub family: Option<Family>,
    pub annotations: Vec<Annotation>,
    compression: Option<String>,
    level: Option<i32>,
    pub force: bool,
}

impl OutputFields {
    /// Takes `key=value` fields.
    pub fn read(fields: &[String]) -> Result<OutputFields, String> {
        let mut all = OutputFields::default();
        for field in fields {
            let (key, value) = field.split_once('=').ok_or_else(|| format!("{field:?} is no key=value"))?;
            // COMPAT: keys in any case and with spaces around them, as in buildx.
            all.take(key.trim().to_ascii_lowercase().as_str(), key.trim(), value)?;
        }
        Ok(all)
    }

    fn take(&mut self, key: &str, written: &str, value: &str) -> Result<(), String> {
        let boolean = || match value {
            // COMPAT: what Go's ParseBool takes.
            "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(format!("{key} must be true or false, not {value:?}")),
        };
        match key {
            "type" => self.kind = Some(value.to_string()),
            "dest" | "path" => self.dest = Some(value.to_string()),
            "tar" => self.tar = Some(boolean()?),
            "compression" => self.compression = Some(value.to_string()),
            "compression-level" => {
                let number = value.parse::<i32>();
                self.level =
                    Some(number.map_err(|_| format!("compression-level must be a number, not {value:?}"))?);
            }
            "force-compression" => self.force = boolean()?,
            "oci-mediatypes" => self.family = Some(if boolean()? { Family::Oci } else { Family::Docker }),
            "name" => {
                for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                    self.names.push(name.parse().map_err(|e| format!("name {name}: {e}"))?);
                }
            }
            "platform-split" => {
                self.split = Some(if boolean()? { Split::Always } else { Split::Never });
            }
            "push" => self.push = Some(boolean()?),
            "push-by-digest" => self.by_digest = boolean()?,
            "store" => self.store = Some(boolean()?),
            "dangling-name-prefix" => {
                let name: Reference = value.parse().map_err(|e| format!("{key} {value}: {e}"))?;
                self.dangling = Some(Reference { tag: None, digest: None, ..name });
            }
            // COMPAT: BuildKit spells it so.
            "danging-name-empty-only" | "dangling-name-empty-only" => self.dangling_only = boolean()?,
            "context" => self.context = Some(value.to_string()),
            "mode" if value == "copy" => {}
            // An image is found by its name at its digest, and unpacked where something runs in it; times in layers are
            // constants; no attestation and no foreign layer is written.
            "name-canonical" | "unpack" | "rewrite-timestamp" => drop(boolean()?),
            "oci-artifact" | "attestation-inline" | "buildinfo" | "prefer-nondist-layers" if !boolean()? => {}
            _ => match annotation_field(written, value) {
                Some(annotation) => self.annotations.push(annotation.map_err(|e| format!("{written}: {e}"))?),
                None => return Err(refused(written, value)),
            },
        }
        Ok(())
    }

    /// How layers are compressed; none if nothing is said of it.
    pub fn compression(&self) -> Result<Option<Compression>, String> {
        let Some(compression) = compressed(self.compression.as_deref(), self.level)? else { return Ok(None) };
        if self.family == Some(Family::Docker) && matches!(compression, Compression::Zstd { .. }) {
            return Err(
                "compression=zstd conflicts with oci-mediatypes=false: Docker has no word for it".to_string()
            );
        }
        Ok(Some(compression))
    }

    /// Whether anything is said that only an image has.
    pub fn is_of_image(&self) -> Option<&'static str> {
        [
            ("compression", self.compression.is_some() || self.level.is_some() || self.force),
            ("tar", self.tar.is_some()),
            ("oci-mediatypes", self.family.is_some()),
            ("annotation", !self.annotations.is_empty()),
            ("name", !self.names.is_empty()),
            ("context", self.context.is_some()),
        ]
        .into_iter()
        .find_map(|(name, said)| said.then_some(name))
    }
}

/// Whether an `--output` asks for times in layers that are not those of files.
pub fn wants_constant_times(text: &str) -> bool {
    let fields = super::csv::fields(text).unwrap_or_default();
    let wants = |field: &String| match field.split_once('=') {
        Some(("rewrite-timestamp", value)) => !matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False"),
        _ => false,
    };
    fields.iter().any(wants)
}

/// Why a field is not taken.
fn refused(key: &str, value: &str) -> String {
    let reason = match key {
        "registry.insecure" => "say which registry it is: --insecure-registry HOST",
        "mode" if value == "delete" => {
            "what is in the directory and not in the image is never deleted: give a new one"
        }
        "mode" => "copy is the only mode",
        "oci-artifact" | "attestation-inline" | "attestation-prefix" => "no attestations are written",
        "buildinfo" | "buildinfo-attrs" => "BuildKit has given it up; labels say where an image comes from",
        "prefer-nondist-layers" => "layers that must not be distributed are refused where they are pulled",
        "source-date-epoch" => "the date is one for all outputs: --source-date-epoch",
        _ => return format!("unknown key {key:?}"),
    };
    format!("{key}={value} is not supported: {reason}")
}

/// The compression of that name and level; none if neither is given.
pub(super) fn compressed(name: Option<&str>, level: Option<i32>) -> Result<Option<Compression>, String> {
    let gzip_levels = |level: i32| match level {
        0..=9 => Ok(Compression::Gzip { level: level as u32 }),
        // COMPAT: Go's default level.
        -1 => Ok(Compression::default()),
        _ => Err(format!("gzip has levels 0 to 9, not {level}")),
    };
    Ok(Some(match (name, level) {
        (None, None) => return Ok(None),
        (Some("gzip"), None) => Compression::default(),
        (None | Some("gzip"), Some(level)) => gzip_levels(level)?,
        (Some("zstd"), None) => Compression::ZSTD,
        (Some("zstd"), Some(level @ 0..=22)) => Compression::Zstd { level },
        (Some("zstd"), Some(level)) => return Err(format!("zstd has levels 0 to 22, not {level}")),
        (Some("uncompressed"), None) => Compression::Uncompressed,
        (Some("uncompressed"), Some(_)) => {
            return Err("compression=uncompressed has no level".to_string());
        }
        (Some("estargz"), _) => {
            return Err("compression=estargz is not supported: its index for lazy pulling is not written; gzip has the same reach".to_string());
        }
        (Some("nydus"), _) => {
            return Err("compression=nydus is not supported: gzip, zstd and uncompressed are".to_string());
        }
        (Some(other), _) => {
            return Err(format!("unknown compression {other:?}: gzip, zstd and uncompressed are known"));
        }
    }))
}
