//! The flags of one instruction, checked against those that it has.

use super::error::Error;
use super::error_kind::ErrorKind;
use super::flag::Flag;
use super::suggest;
use super::word::Word;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing, `=true` or `=false`.
    Bool,
    /// A value, once.
    One,
    /// A value, any number of times.
    Many,
}

/// Flags that are all known and well-formed.
#[derive(Debug)]
pub(super) struct FlagSet<'a>(&'a [Flag]);

impl<'a> FlagSet<'a> {
    /// Checks `flags` against the `known` ones.
    pub fn check(flags: &'a [Flag], known: &[(&str, Takes)]) -> Result<FlagSet<'a>, Error> {
        for (at, flag) in flags.iter().enumerate() {
            let wrong = |kind: ErrorKind| Err(Error::new(kind).at(flag.span));
            let Some((_, takes)) = known.iter().find(|(name, _)| *name == flag.name) else {
                let near = suggest::near(&flag.name, known.iter().map(|(name, _)| *name));
                return wrong(ErrorKind::UnknownFlag { flag: flag.name.clone(), near });
            };
            if *takes != Takes::Many && flags[..at].iter().any(|before| before.name == flag.name) {
                return wrong(ErrorKind::DuplicateFlag(flag.name.clone()));
            }
            match (takes, flag.value.as_deref()) {
                (Takes::Bool, None) | (Takes::One | Takes::Many, Some(_)) => {}
                (Takes::Bool, Some("")) | (_, None) => {
                    return wrong(ErrorKind::FlagWithoutValue(flag.name.clone()));
                }
                (Takes::Bool, Some(value)) if as_bool(value).is_none() => {
                    return wrong(ErrorKind::FlagNotBoolean {
                        flag: flag.name.clone(),
                        value: value.to_owned(),
                    });
                }
                (Takes::Bool, Some(_)) => {}
            }
        }
        Ok(FlagSet(flags))
    }

    /// The value of a boolean flag, where it is given.
    pub fn bool(&self, name: &str) -> Option<bool> {
        let flag = self.0.iter().find(|flag| flag.name == name)?;
        flag.value.as_deref().map_or(Some(true), as_bool)
    }

    /// The value of a flag; an empty one counts as not given.
    pub fn word(&self, name: &str) -> Option<Word> {
        self.words(name).into_iter().find(|word| !word.raw.is_empty())
    }

    /// The values of a flag that may be repeated.
    pub fn words(&self, name: &str) -> Vec<Word> {
        let named = self.0.iter().filter(|flag| flag.name == name);
        named.filter_map(|flag| Some(Word { raw: flag.value.clone()?, span: flag.value_span })).collect()
    }
}

fn as_bool(value: &str) -> Option<bool> {
    match value.to_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::span::Span;

    fn check(flags: &[(&str, Option<&str>)]) -> Result<(Option<bool>, Vec<String>), String> {
        let flags: Vec<Flag> = flags
            .iter()
            .map(|(name, value)| Flag {
                name: (*name).to_owned(),
                value: value.map(str::to_owned),
                span: Span::default(),
                value_span: Span::default(),
            })
            .collect();
        let known = [("link", Takes::Bool), ("from", Takes::One), ("exclude", Takes::Many)];
        let set = FlagSet::check(&flags, &known).map_err(|error| error.kind.to_string())?;
        Ok((set.bool("link"), set.words("exclude").into_iter().map(|word| word.raw).collect()))
    }

    #[test]
    fn each_misuse_has_its_message() {
        assert_eq!(
            check(&[("link", None), ("exclude", Some("a")), ("exclude", Some(""))]),
            Ok((Some(true), vec!["a".into(), "".into()]))
        );
        assert_eq!(check(&[("link", Some("FALSE"))]), Ok((Some(false), vec![])));
        let message = |flags: &[(&str, Option<&str>)]| check(flags).expect_err("refused");
        assert_eq!(message(&[("frm", Some("x"))]), "unknown flag: --frm (did you mean from?)");
        assert_eq!(message(&[("network", Some("x"))]), "unknown flag: --network");
        assert_eq!(message(&[("from", Some("x")), ("from", Some("y"))]), "duplicate flag specified: --from");
        assert_eq!(message(&[("from", None)]), "missing a value on flag: --from");
        assert_eq!(message(&[("link", Some(""))]), "missing a value on flag: --link");
        assert_eq!(message(&[("link", Some("1"))]), "expecting boolean value for flag --link, not: 1");
    }
}
