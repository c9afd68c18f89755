//! Named contexts: what stands in for a stage or an image.

use std::collections::BTreeMap;

use super::origin::Origin;
use super::request::NamedContext;
use crate::graph::ImageName;
use crate::oci::{Platform, Reference};

/// The named contexts by the name that they are compared by.
pub(super) struct Contexts<'a>(BTreeMap<String, (&'a str, &'a NamedContext)>);

impl<'a> Contexts<'a> {
    /// The contexts of the command line.
    pub fn new(contexts: &'a BTreeMap<String, NamedContext>) -> Contexts<'a> {
        Contexts(contexts.iter().map(|(name, context)| (normal(name), (name.as_str(), context))).collect())
    }

    /// What stands in for `name` on `platform`, if anything does: `NAME::OS/ARCH` comes before `NAME`. `scratch` and
    /// `context` cannot be replaced.
    pub fn find(&self, name: &str, platform: &Platform) -> Option<Origin> {
        if name.eq_ignore_ascii_case("scratch") || name.eq_ignore_ascii_case("context") {
            return None;
        }
        let name = normal(name);
        let (name, context) = self.0.get(&format!("{name}::{platform}")).or_else(|| self.0.get(&name))?;
        Some(match context {
            NamedContext::Files => Origin::Files(name.to_string()),
            NamedContext::Image(ImageName::Reference(image)) if is_scratch(image) => Origin::Scratch,
            NamedContext::Image(image) => Origin::Image { name: image.clone(), context: Some(normal(name)) },
        })
    }
}

/// `docker-image://scratch`.
fn is_scratch(image: &Reference) -> bool {
    image.name() == "docker.io/library/scratch" && image.digest.is_none()
}

/// `docker.io/library/alpine:latest` and `alpine` are one name; a platform may follow.
fn normal(name: &str) -> String {
    if let Some((name, platform)) = name.split_once("::")
        && let Ok(platform) = platform.parse::<Platform>()
    {
        return format!("{}::{platform}", normal(name));
    }
    let Ok(reference) = name.parse::<Reference>() else { return name.to_ascii_lowercase() };
    let familiar = reference.familiar();
    familiar.strip_suffix(":latest").map(str::to_string).unwrap_or(familiar)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(names: &[&str]) -> BTreeMap<String, NamedContext> {
        names.iter().map(|name| (name.to_string(), NamedContext::Files)).collect()
    }

    #[test]
    fn a_context_is_found_by_every_spelling_of_its_image() {
        let given = given(&["alpine"]);
        let contexts = Contexts::new(&given);
        let amd64 = Platform::new("linux", "amd64", None);
        for name in ["alpine", "alpine:latest", "docker.io/library/alpine:latest"] {
            assert_eq!(contexts.find(name, &amd64), Some(Origin::Files("alpine".into())), "{name}");
        }
        assert_eq!(contexts.find("alpine:3", &amd64), None);
    }

    #[test]
    fn a_context_for_a_platform_comes_before_one_for_all() {
        let given = given(&["base", "base::linux/aarch64", "arm::linux/arm"]);
        let contexts = Contexts::new(&given);
        let find = |name: &str, architecture: &str| {
            contexts.find(name, &Platform::new("linux", architecture, None)).map(|found| match found {
                Origin::Files(name) => name,
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(find("base", "arm64").as_deref(), Some("base::linux/aarch64"));
        assert_eq!(find("base:latest", "amd64").as_deref(), Some("base"));
        assert_eq!(find("arm", "arm").as_deref(), Some("arm::linux/arm"), "variant v7 is meant");
        assert_eq!(find("arm", "amd64"), None);
    }
}
