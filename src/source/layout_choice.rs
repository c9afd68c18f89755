//! Which of several descriptors is meant.

use crate::oci::{Descriptor, descriptor_platform};

/// SPEC: image-spec annotations.md.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What containerd and BuildKit add: the whole reference.
const FULL_NAME: &str = "io.containerd.image.name";

/// The image with that tag, or with a whole reference that is `tag` or ends in it.
pub(super) fn by_tag(there: &[Descriptor], tag: &str) -> Option<Descriptor> {
    let exact = there.iter().find(|d| names(d).any(|name| name == tag));
    let ends = |name: &str| name.strip_suffix(tag).is_some_and(|rest| rest.ends_with(':'));
    exact.or_else(|| there.iter().find(|d| names(d).any(ends))).cloned()
}

/// What there is, for a message.
pub(super) fn describe(there: &[Descriptor]) -> String {
    let one = |descriptor: &Descriptor| {
        let named = names(descriptor).next().map(str::to_string);
        let known = named.or_else(|| descriptor_platform(descriptor).map(|platform| platform.to_string()));
        known.unwrap_or_else(|| descriptor.digest().to_string())
    };
    // LIMIT: a screen's worth.
    let mut list: Vec<String> = there.iter().take(20).map(one).collect();
    if there.len() > list.len() {
        list.push(format!("{} more", there.len() - list.len()));
    }
    if list.is_empty() { "none".to_string() } else { list.join(", ") }
}

fn names(descriptor: &Descriptor) -> impl Iterator<Item = &str> {
    [REF_NAME, FULL_NAME].into_iter().filter_map(|key| annotation(descriptor, key))
}

fn annotation<'a>(descriptor: &'a Descriptor, key: &str) -> Option<&'a str> {
    descriptor.annotations().as_ref()?.get(key).map(String::as_str)
}
