//! From the name of a branch or tag to the object that the server has under it.

use std::time::Duration;

use super::tool::Tool;
use crate::source::error::Error;

/// LIMIT: names are listed in a moment, or the server does not answer.
const PATIENCE: Duration = Duration::from_secs(90);

/// What is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub commit: String,
    /// The tag object, where the reference is an annotated tag.
    pub tag: Option<String>,
    /// The full name of the reference; none where a commit was named.
    pub name: Option<String>,
}

/// Whether this is the whole name of an object.
pub(super) fn is_object(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl Tool<'_> {
    /// Asks the server what `reference` is; a whole commit is what it is without asking.
    pub fn resolve(&self, repository: &str, reference: Option<&str>) -> Result<Resolved, Error> {
        let lower = reference.map(str::to_ascii_lowercase);
        if let Some(commit) = lower.filter(|name| is_object(name)) {
            return Ok(Resolved { commit, tag: None, name: None });
        }
        let patterns = match reference {
            None => vec!["HEAD".to_string()],
            Some(name) => vec![name.to_string(), format!("{name}^{{}}")],
        };
        let arguments = |address: &str| {
            let fixed = ["ls-remote", "--quiet", "--end-of-options", address].map(str::to_string);
            fixed.into_iter().chain(patterns).collect()
        };
        let answer = self.ask(repository, arguments, PATIENCE)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        choose(&answer, reference).ok_or_else(|| Error::GitReference {
            repository: super::access::without_user_info(repository).0,
            reference: reference.unwrap_or("HEAD").to_string(),
        })
    }
}

/// COMPAT: as in BuildKit a branch comes before a tag, and both before other names.
fn choose(answer: &str, reference: Option<&str>) -> Option<Resolved> {
    let lines: Vec<(&str, &str)> =
        answer.lines().filter_map(|line| line.split_once('\t')).filter(|(id, _)| is_object(id)).collect();
    let find = |name: &str| lines.iter().find(|(_, other)| *other == name).map(|(id, _)| id.to_string());
    let Some(reference) = reference else {
        return find("HEAD").map(|commit| Resolved { commit, tag: None, name: None });
    };
    let below = |place: &str| format!("{place}{}", reference.strip_prefix(place).unwrap_or(reference));
    for name in [below("refs/heads/"), below("refs/tags/"), below("refs/")] {
        let Some(id) = find(&name) else { continue };
        return Some(match find(&format!("{name}^{{}}")) {
            Some(commit) => Resolved { commit, tag: Some(id), name: Some(name) },
            None => Resolved { commit: id, tag: None, name: Some(name) },
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_comes_before_a_tag_and_a_tag_is_followed() {
        let [a, b, c] = ["a", "b", "c"].map(|digit| digit.repeat(40));
        let both = format!("{a}\trefs/heads/x\n{b}\trefs/tags/x\n{c}\trefs/tags/x^{{}}\n");
        let commit = |answer: &str, name| choose(answer, name).map(|found| (found.commit, found.tag));
        assert_eq!(commit(&both, Some("x")), Some((a.clone(), None)));
        assert_eq!(commit(&both, Some("refs/tags/x")), Some((c.clone(), Some(b.clone()))));
        assert_eq!(commit(&format!("{a}\tHEAD\n"), None), Some((a.clone(), None)));
        let pull = format!("{a}\trefs/pull/1/head\n");
        assert_eq!(commit(&pull, Some("pull/1/head")), Some((a, None)));
        assert_eq!(commit(&pull, Some("head")), None, "not every name that ends so");
        assert_eq!(commit("--upload-pack\trefs/heads/x\n", Some("x")), None);
    }
}
