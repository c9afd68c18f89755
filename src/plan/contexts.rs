//! Named contexts: what stands in for a stage or an image.

use std::collections::BTreeMap;

use super::origin::Origin;
use super::request::NamedContext;
use crate::graph::ImageName;
use crate::oci::Reference;

/// The named contexts by the name that they are compared by.
pub(super) struct Contexts<'a>(BTreeMap<String, (&'a str, &'a NamedContext)>);

impl<'a> Contexts<'a> {
    /// The contexts of the command line.
    pub fn new(contexts: &'a BTreeMap<String, NamedContext>) -> Contexts<'a> {
        Contexts(contexts.iter().map(|(name, context)| (normal(name), (name.as_str(), context))).collect())
    }

    /// What stands in for `name`, if anything does. `scratch` and `context` cannot be replaced.
    pub fn find(&self, name: &str) -> Option<Origin> {
        if name.eq_ignore_ascii_case("scratch") || name.eq_ignore_ascii_case("context") {
            return None;
        }
        let (name, context) = self.0.get(&normal(name))?;
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

/// `docker.io/library/alpine:latest` and `alpine` are one name.
fn normal(name: &str) -> String {
    let Ok(reference) = name.parse::<Reference>() else { return name.to_ascii_lowercase() };
    let familiar = reference.familiar();
    familiar.strip_suffix(":latest").map(str::to_string).unwrap_or(familiar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_found_by_every_spelling_of_its_image() {
        let given = BTreeMap::from([("alpine".to_string(), NamedContext::Files)]);
        let contexts = Contexts::new(&given);
        for name in ["alpine", "alpine:latest", "docker.io/library/alpine:latest"] {
            assert_eq!(contexts.find(name), Some(Origin::Files("alpine".into())), "{name}");
        }
        assert_eq!(contexts.find("alpine:3"), None);
    }
}
