//! What one output has of its own: names, annotations, the family of media types.

use super::error::Error;
use super::finished::ImageSet;
use crate::image::Family;
use crate::oci::{Platform, Reference};

/// Which document an annotation is on. SPEC: image-spec annotations.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// In the manifest of each image.
    Manifest,
    /// Where an index, or that of a layout, lists the manifest.
    ManifestDescriptor,
    /// In the index above several images.
    Index,
    /// Where the index of a layout lists that index.
    IndexDescriptor,
}

impl Level {
    /// The level with a name, such as `index-descriptor`.
    pub fn of(name: &str) -> Option<Level> {
        Some(match name {
            "manifest" => Level::Manifest,
            "manifest-descriptor" => Level::ManifestDescriptor,
            "index" => Level::Index,
            "index-descriptor" => Level::IndexDescriptor,
            _ => return None,
        })
    }
}

/// A key and a value, and where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// On which document.
    pub level: Level,
    /// Of which image; all if none.
    pub platform: Option<Platform>,
    /// Such as `org.opencontainers.image.title`.
    pub key: String,
    /// Any text.
    pub value: String,
}

/// What one output has of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dress {
    /// What it is called there; as the image is called everywhere, if empty.
    pub names: Vec<Reference>,
    /// In order: of two with one key, the later counts.
    pub annotations: Vec<Annotation>,
    /// OCI's media types, or Docker's.
    pub family: Family,
}

impl Dress {
    /// Whether it can be worn: said before anything is done. `platforms` are those of the build.
    pub fn check(&self, platforms: &[Platform], indexed: bool) -> Result<(), Error> {
        for annotation in &self.annotations {
            let wrong = |reason: String| Error::Annotation { key: annotation.key.clone(), reason };
            if self.family == Family::Docker {
                return Err(wrong(
                    "Docker's media types know of none: leave oci-mediatypes=false out".to_string(),
                ));
            }
            if matches!(annotation.level, Level::Index | Level::IndexDescriptor) && !indexed {
                let reason = "there is no index above a single image: annotate the manifest, or build several platforms";
                return Err(wrong(reason.to_string()));
            }
            if let Some(platform) = &annotation.platform
                && !platforms.contains(platform)
            {
                return Err(wrong(format!("there is no image for {platform} in this build")));
            }
        }
        Ok(())
    }

    /// `set` as this output has it.
    pub fn on(&self, set: &ImageSet) -> ImageSet {
        let mut set = set.clone();
        if !self.names.is_empty() {
            set.names.clone_from(&self.names);
        }
        set.family = self.family;
        for Annotation { level, platform, key, value } in &self.annotations {
            let meant = |of: &Platform| platform.as_ref().is_none_or(|platform| platform == of);
            match level {
                Level::Index => drop(set.annotations.insert(key.clone(), value.clone())),
                Level::IndexDescriptor => {
                    set.descriptor_annotations.insert(key.clone(), value.clone());
                }
                Level::Manifest | Level::ManifestDescriptor => {
                    for image in set.images.iter_mut().filter(|image| meant(&image.platform)) {
                        let annotations = match level {
                            Level::Manifest => &mut image.annotations,
                            _ => &mut image.descriptor_annotations,
                        };
                        annotations.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_annotation_is_on_must_be_there() {
        let amd64: Platform = "linux/amd64".parse().expect("valid");
        let on = |level, platform: Option<&str>| Dress {
            annotations: vec![Annotation {
                level,
                platform: platform.map(|p| p.parse().expect("valid")),
                key: "k".to_string(),
                value: "v".to_string(),
            }],
            ..Dress::default()
        };
        let one = std::slice::from_ref(&amd64);
        assert!(on(Level::Manifest, Some("linux/amd64")).check(one, false).is_ok());
        assert!(on(Level::ManifestDescriptor, None).check(one, false).is_ok());
        assert!(on(Level::Index, None).check(one, true).is_ok());
        for (dress, part) in [
            (on(Level::Index, None), "no index"),
            (on(Level::IndexDescriptor, None), "no index"),
            (on(Level::Manifest, Some("linux/arm64")), "linux/arm64"),
            (Dress { family: Family::Docker, ..on(Level::Manifest, None) }, "oci-mediatypes"),
        ] {
            let error = dress.check(one, false).expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
