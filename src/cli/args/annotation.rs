//! Annotations, in the two spellings that users of docker know: `--annotation` and `annotation-….KEY=` in `--output`.

use crate::export::{Annotation, Level};
use crate::oci::Platform;

/// `--annotation [LEVEL[PLATFORM],…:]KEY=VALUE`: one for each level.
pub fn annotation(text: &str) -> Result<Vec<Annotation>, String> {
    let wrong = |reason: String| format!("--annotation {text}: {reason}");
    let (name, value) = text.split_once('=').ok_or_else(|| wrong("expected KEY=VALUE".to_string()))?;
    let (levels, key) = name.split_once(':').unwrap_or(("manifest", name));
    if key.is_empty() {
        return Err(wrong("the key is empty".to_string()));
    }
    let one = |level: &str| {
        let (level, platform) = level_of(level.trim()).map_err(wrong)?;
        Ok(Annotation { level, platform, key: key.to_string(), value: value.to_string() })
    };
    levels.split(',').map(one).collect()
}

/// The key of a field of `--output`, such as `annotation-manifest[linux/amd64].KEY`; nothing if it is none of these.
pub fn annotation_field(name: &str, value: &str) -> Option<Result<Annotation, String>> {
    let rest = name.strip_prefix("annotation")?;
    // A platform may have a dot, and so may the key: the level ends at the first one outside of brackets.
    let mut depth = 0;
    let dot = rest.find(|c| {
        depth += match c {
            '[' => 1,
            ']' => -1,
            _ => 0,
        };
        c == '.' && depth == 0
    })?;
    let (level, key) = (&rest[..dot], &rest[dot + 1..]);
    let level = match level.strip_prefix('-') {
        Some(level) => level.to_string(),
        None if level.is_empty() || level.starts_with('[') => format!("manifest{level}"),
        None => return None,
    };
    if key.is_empty() {
        return Some(Err("the key is empty".to_string()));
    }
    let (key, value) = (key.to_string(), value.to_string());
    Some(level_of(&level).map(|(level, platform)| Annotation { level, platform, key, value }))
}

/// `LEVEL[PLATFORM]`
fn level_of(text: &str) -> Result<(Level, Option<Platform>), String> {
    let (name, platform) = match text.split_once('[') {
        Some((name, rest)) => {
            let platform =
                rest.strip_suffix(']').ok_or_else(|| format!("{text}: the bracket is not closed"))?;
            (name, Some(platform.parse::<Platform>().map_err(|e| e.to_string())?))
        }
        None => (text, None),
    };
    let level = Level::of(name).ok_or_else(|| {
        format!("{name:?} is no level: manifest, manifest-descriptor, index and index-descriptor are")
    })?;
    if platform.is_some() && matches!(level, Level::Index | Level::IndexDescriptor) {
        return Err(format!("{text}: an index is of all platforms"));
    }
    Ok((level, platform))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(level: Level, platform: Option<&str>, key: &str, value: &str) -> Annotation {
        let platform = platform.map(|p| p.parse().expect("valid"));
        Annotation { level, platform, key: key.to_string(), value: value.to_string() }
    }

    #[test]
    fn levels_and_platforms_stand_before_a_colon() {
        assert_eq!(annotation("a.b=c:d=e"), Ok(vec![is(Level::Manifest, None, "a.b", "c:d=e")]));
        assert_eq!(
            annotation("index,manifest[linux/arm64]:k="),
            Ok(vec![is(Level::Index, None, "k", ""), is(Level::Manifest, Some("linux/arm64"), "k", "")])
        );
        for (text, part) in [
            ("novalue", "KEY=VALUE"),
            ("layer:k=v", "no level"),
            ("index:=v", "empty"),
            ("index[linux/amd64]:k=v", "all platforms"),
            ("manifest[plan9!]:k=v", "platform"),
            ("manifest[linux/amd64:k=v", "not closed"),
        ] {
            let error = annotation(text).expect_err(text);
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn fields_of_an_output_name_the_level_before_a_dot() {
        for (name, want) in [
            ("annotation.org.x", is(Level::Manifest, None, "org.x", "v")),
            ("annotation-index.a", is(Level::Index, None, "a", "v")),
            ("annotation-manifest-descriptor.a.b", is(Level::ManifestDescriptor, None, "a.b", "v")),
            ("annotation[linux/amd64].a", is(Level::Manifest, Some("linux/amd64"), "a", "v")),
            ("annotation-manifest[linux/arm/v7].a", is(Level::Manifest, Some("linux/arm/v7"), "a", "v")),
        ] {
            assert_eq!(annotation_field(name, "v"), Some(Ok(want)), "{name}");
        }
        assert_eq!(annotation_field("annotations", "v"), None);
        assert_eq!(annotation_field("name", "v"), None);
        assert!(matches!(annotation_field("annotation-layer.a", "v"), Some(Err(_))));
        assert!(matches!(annotation_field("annotation.", "v"), Some(Err(_))));
    }
}
