//! The pre-image of a key: every part that went into it, by name.

use serde::{Deserialize, Serialize};

use crate::oci::{Digest, Hasher};

/// What a key is the hash of. Stored beside the result, so that a miss can be explained part by part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreImage {
    /// In the order in which they are hashed.
    pub parts: Vec<Part>,
}

/// One part of a pre-image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Such as `argv 0` or `env PATH`.
    pub name: String,
    /// As text.
    pub value: String,
}

/// A part in which two pre-images differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The part's name.
    pub name: String,
    /// Its value before; none if it is new.
    pub before: Option<String>,
    /// Its value now; none if it is gone.
    pub now: Option<String>,
}

impl PreImage {
    /// Adds a part.
    pub fn push(&mut self, name: impl Into<String>, value: impl ToString) {
        self.parts.push(Part { name: name.into(), value: value.to_string() });
    }

    /// The key. Lengths come before contents, so that no two different pre-images hash the same bytes.
    pub fn key(&self) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(&(self.parts.len() as u64).to_le_bytes());
        for part in &self.parts {
            for text in [&part.name, &part.value] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
        }
        hasher.finish()
    }

    /// What changed from `before` to this, in the order of the parts.
    pub fn differences(&self, before: &PreImage) -> Vec<Difference> {
        let find =
            |parts: &[Part], name: &str| parts.iter().find(|p| p.name == name).map(|p| p.value.clone());
        let mut found = Vec::new();
        for part in &self.parts {
            let old = find(&before.parts, &part.name);
            if old.as_ref() != Some(&part.value) {
                found.push(Difference {
                    name: part.name.clone(),
                    before: old,
                    now: Some(part.value.clone()),
                });
            }
        }
        for part in &before.parts {
            if find(&self.parts, &part.name).is_none() {
                found.push(Difference {
                    name: part.name.clone(),
                    before: Some(part.value.clone()),
                    now: None,
                });
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pre_image(parts: &[(&str, &str)]) -> PreImage {
        let mut pre = PreImage::default();
        parts.iter().for_each(|(name, value)| pre.push(*name, value));
        pre
    }

    #[test]
    fn moving_a_byte_from_one_part_to_the_next_changes_the_key() {
        let keys = [
            pre_image(&[("a", "bc")]),
            pre_image(&[("ab", "c")]),
            pre_image(&[("a", "b"), ("c", "")]),
            pre_image(&[("a", "b"), ("", "c")]),
        ]
        .map(|pre| pre.key());
        let mut distinct = keys.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn a_difference_names_the_part_with_both_values() {
        let before = pre_image(&[("env A", "1"), ("cwd", "/")]);
        let now = pre_image(&[("env A", "2"), ("env B", "3")]);
        let told: Vec<_> = now.differences(&before).into_iter().map(|d| (d.name, d.before, d.now)).collect();
        let some = |text: &str| Some(text.to_string());
        assert_eq!(
            told,
            [
                ("env A".to_string(), some("1"), some("2")),
                ("env B".to_string(), None, some("3")),
                ("cwd".to_string(), some("/"), None)
            ]
        );
    }
}
