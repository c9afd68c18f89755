//! Filters: which things a prune is about.

use globset::{GlobBuilder, GlobMatcher};

use super::error::Error;
use super::item::{Item, ItemKind};

/// Chooses things.
#[derive(Clone, Debug)]
pub struct Filter {
    field: Field,
    wanted: bool,
}

#[derive(Clone, Debug)]
enum Field {
    Kind(ItemKind),
    Id(GlobMatcher),
    Reference(GlobMatcher),
}

impl Filter {
    /// Reads `type=layer`, `id=GLOB` or `ref=GLOB`, each also with `!=`. A reference matches in its full and in its familiar
    /// form; `until=24h` is [`PruneOptions::unused_for`](super::PruneOptions::unused_for)'s.
    pub fn parse(text: &str) -> Result<Filter, Error> {
        let wrong = |reason: String| Error::Filter { filter: text.to_string(), reason };
        let kinds = || ItemKind::ALL.map(ItemKind::as_str).join(", ");
        let (field, value) = text
            .split_once('=')
            .ok_or_else(|| wrong("expected type=KIND, id=GLOB or ref=GLOB".to_string()))?;
        let (field, wanted) = match field.strip_suffix('!') {
            Some(field) => (field, false),
            None => (field, true),
        };
        let glob = || {
            let glob = GlobBuilder::new(value).build().map_err(|e| wrong(e.to_string()))?;
            Ok(glob.compile_matcher())
        };
        let field = match field {
            "type" => Field::Kind(
                ItemKind::ALL
                    .into_iter()
                    .find(|kind| kind.as_str() == value)
                    .ok_or_else(|| wrong(format!("no such type; there are {}", kinds())))?,
            ),
            "id" => Field::Id(glob()?),
            "ref" => Field::Reference(glob()?),
            other => return Err(wrong(format!("no such field {other:?}; there are type, id and ref"))),
        };
        Ok(Filter { field, wanted })
    }

    /// Whether the filter chooses `item`.
    pub fn matches(&self, item: &Item) -> bool {
        let is = match &self.field {
            Field::Kind(kind) => item.kind == *kind,
            Field::Id(glob) => {
                glob.is_match(&item.id) || glob.is_match(item.id.trim_start_matches("sha256:"))
            }
            Field::Reference(glob) => {
                let mut names: Vec<&str> = item.kept_by.iter().map(String::as_str).collect();
                if item.kind == ItemKind::Name {
                    names.push(&item.id);
                }
                let familiar =
                    |n: &str| n.parse::<crate::oci::Reference>().map(|r| r.familiar()).unwrap_or_default();
                names.iter().any(|name| glob.is_match(name) || glob.is_match(familiar(name)))
            }
        };
        is == self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: ItemKind, id: &str, kept_by: &[&str]) -> Item {
        let kept_by = kept_by.iter().map(|s| s.to_string()).collect();
        Item { kind, id: id.to_string(), bytes: 0, last_used: 0, kept_by }
    }

    #[test]
    fn filters_choose_by_type_id_and_reference() {
        let layer = item(ItemKind::Layer, "sha256:12ab", &["docker.io/library/app:1"]);
        for (filter, want) in [
            ("type=layer", true),
            ("type!=layer", false),
            ("type=cache-mount", false),
            ("id=12*", true),
            ("id=sha256:12ab", true),
            ("id!=12*", false),
            ("ref=app:*", true),
            ("ref=docker.io/library/app:1", true),
            ("ref=other*", false),
        ] {
            assert_eq!(Filter::parse(filter).unwrap().matches(&layer), want, "{filter}");
        }
    }

    #[test]
    fn unknown_fields_kinds_and_bad_globs_are_refused_by_name() {
        for (filter, want) in
            [("type=lyer", "cache-mount"), ("size=1", "size"), ("layer", "type=KIND"), ("id=[", "id=[")]
        {
            let error = Filter::parse(filter).unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
