//! `--cache-from` and `--cache-to`: `type=registry,ref=app:cache,mode=max` and its kin.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::csv::fields;
use super::output_fields::compressed;
use crate::build::{CacheMode, CachePlace, CacheTo};

/// Keys and values, each taken once.
struct Fields<'a> {
    flag: &'a str,
    text: &'a str,
    left: BTreeMap<String, String>,
}

impl<'a> Fields<'a> {
    fn read(flag: &'a str, text: &'a str) -> Result<Fields<'a>, String> {
        let mut found = Fields { flag, text, left: BTreeMap::new() };
        let list = fields(text).map_err(|reason| found.wrong(reason))?;
        if let [only] = &list[..]
            && !only.contains('=')
        {
            // COMPAT: buildx takes a name alone for a registry's.
            found.left = BTreeMap::from([("type".to_string(), "registry".to_string())]);
            found.left.insert("ref".to_string(), only.clone());
            return Ok(found);
        }
        for field in list {
            let Some((key, value)) = field.split_once('=') else {
                return Err(found.wrong(format!("{field:?} is no key=value")));
            };
            if found.left.insert(key.to_ascii_lowercase(), value.to_string()).is_some() {
                return Err(found.wrong(format!("{key} is given twice")));
            }
        }
        Ok(found)
    }

    fn wrong(&self, reason: impl AsRef<str>) -> String {
        format!("{} {:?}: {}", self.flag, self.text, reason.as_ref())
    }

    fn take(&mut self, key: &str) -> Option<String> {
        self.left.remove(key)
    }

    fn need(&mut self, key: &str) -> Result<String, String> {
        let value = self.take(key).filter(|value| !value.is_empty());
        value.ok_or_else(|| self.wrong(format!("{key}= is missing")))
    }

    fn flag(&mut self, key: &str, default: bool) -> Result<bool, String> {
        let Some(value) = self.take(key) else { return Ok(default) };
        value.parse().map_err(|_| self.wrong(format!("{key} must be true or false, not {value:?}")))
    }

    fn reference(&mut self) -> Result<CachePlace, String> {
        let text = self.need("ref")?;
        let reference = text.parse().map_err(|e| self.wrong(format!("ref {text}: {e}")))?;
        match self.take("registry.insecure").as_deref() {
            None | Some("false") => Ok(CachePlace::Registry(reference)),
            Some(_) => Err(self.wrong(
                "registry.insecure is not supported: say which registry it is: --insecure-registry HOST",
            )),
        }
    }

    fn other_type(&self, kind: &str) -> String {
        match kind {
            "gha" | "s3" | "azblob" => self.wrong(format!(
                "type={kind} is not supported: use type=registry,ref=… with any registry (ghcr.io, ECR, ACR, …), \
                 or type=local with a directory that the CI keeps"
            )),
            _ => self.wrong(format!("unknown type {kind:?}: registry, local and inline are known")),
        }
    }

    fn done(self) -> Result<(), String> {
        match self.left.keys().next() {
            Some(key) => Err(self.wrong(format!("unknown key {key:?}"))),
            None => Ok(()),
        }
    }
}

/// Reads one `--cache-from`.
pub fn cache_from(text: &str) -> Result<CachePlace, String> {
    let mut fields = Fields::read("--cache-from", text)?;
    let kind = fields.need("type")?;
    let place = match kind.as_str() {
        "registry" => fields.reference()?,
        "local" => {
            let path = PathBuf::from(fields.need("src")?);
            if fields.take("digest").is_some() {
                return Err(fields.wrong("digest= is not supported: tag=TAG chooses among several caches"));
            }
            CachePlace::Local(path, fields.take("tag").unwrap_or_else(|| "latest".to_string()))
        }
        "inline" => return Err(fields.wrong("records in an image are read with type=registry,ref=IMAGE")),
        other => return Err(fields.other_type(other)),
    };
    fields.done()?;
    Ok(place)
}

/// Reads one `--cache-to`.
pub fn cache_to(text: &str) -> Result<CacheTo, String> {
    let mut fields = Fields::read("--cache-to", text)?;
    let kind = fields.need("type")?;
    let place = match kind.as_str() {
        "registry" => fields.reference()?,
        "local" => {
            let path = PathBuf::from(fields.need("dest")?);
            CachePlace::Local(path, fields.take("tag").unwrap_or_else(|| "latest".to_string()))
        }
        "inline" => {
            if fields.take("mode").is_some_and(|mode| mode != "min") {
                return Err(fields.wrong(
                    "type=inline holds the layers of the image alone: mode=max needs type=registry or type=local",
                ));
            }
            fields.done()?;
            return Ok(CacheTo::Inline);
        }
        other => return Err(fields.other_type(other)),
    };
    let mode = match fields.take("mode").as_deref() {
        None | Some("min") => CacheMode::Min,
        Some("max") => CacheMode::Max,
        Some(other) => return Err(fields.wrong(format!("mode must be min or max, not {other:?}"))),
    };
    for always in ["oci-mediatypes", "image-manifest"] {
        if !fields.flag(always, true)? {
            return Err(
                fields.wrong(format!("{always}=false is not supported: a cache is an OCI image manifest"))
            );
        }
    }
    if fields.flag("force-compression", false)? {
        return Err(fields
            .wrong("force-compression is not supported: what a step made is compressed as asked anyway"));
    }
    let level = fields.take("compression-level").map(|level| {
        level.parse().map_err(|_| fields.wrong(format!("compression-level must be a number, not {level:?}")))
    });
    let compression = fields.take("compression");
    let compression = compressed(compression.as_deref(), level.transpose()?).map_err(|e| fields.wrong(e))?;
    let compression = compression.unwrap_or_default();
    let must_succeed = !fields.flag("ignore-error", true)?;
    fields.done()?;
    Ok(CacheTo::Place { place, mode, compression, must_succeed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Compression;

    #[test]
    fn the_forms_of_buildx_are_read() {
        let registry = |name: &str| CachePlace::Registry(name.parse().expect("valid"));
        assert_eq!(cache_from("app:latest"), Ok(registry("app:latest")));
        assert_eq!(cache_from("type=registry,ref=h.io/app:c"), Ok(registry("h.io/app:c")));
        let local = |tag: &str| CachePlace::Local("dir".into(), tag.to_string());
        assert_eq!(cache_from("type=local,src=dir"), Ok(local("latest")));
        assert_eq!(cache_to("type=inline"), Ok(CacheTo::Inline));
        let to = |place, mode, compression, must_succeed| {
            Ok(CacheTo::Place { place, mode, compression, must_succeed })
        };
        let gzip = Compression::default();
        assert_eq!(cache_to("type=local,dest=dir,tag=x"), to(local("x"), CacheMode::Min, gzip, false));
        let text = "type=registry,ref=a:c,mode=max,compression=zstd,oci-mediatypes=true,image-manifest=true,ignore-error=false";
        let zstd = Compression::Zstd { level: 3 };
        assert_eq!(cache_to(text), to(registry("a:c"), CacheMode::Max, zstd, true));
    }

    #[test]
    fn what_is_not_supported_is_refused_with_what_to_do() {
        for (text, said) in [
            ("type=gha", "type=registry"),
            ("type=s3,region=x,bucket=y,name=z", "type=registry"),
            ("type=registry", "ref= is missing"),
            ("type=registry,ref=A", "lowercase"),
            ("type=registry,ref=a,mode=all", "min or max"),
            ("type=registry,ref=a,oci-mediatypes=false", "oci-mediatypes=false"),
            ("type=registry,ref=a,force-compression=true", "force-compression"),
            ("type=registry,ref=a,x=y", "unknown key \"x\""),
            ("type=registry,ref=a,ref=b", "twice"),
            ("type=registry,ref=a,compression=lz4", "lz4"),
            ("type=inline,mode=max", "mode=max"),
            ("type=nothing", "registry, local and inline"),
        ] {
            let refused = cache_to(text).expect_err(text);
            assert!(refused.contains(said) && refused.starts_with("--cache-to"), "{refused}");
        }
        for (text, said) in [
            ("type=local", "src= is missing"),
            ("type=local,src=a,digest=sha256:00", "tag=TAG"),
            ("type=inline", "type=registry,ref=IMAGE"),
            ("type=azblob,name=x", "type=registry"),
        ] {
            assert!(cache_from(text).expect_err(text).contains(said), "{text}");
        }
    }
}
