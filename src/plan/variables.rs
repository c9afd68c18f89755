//! ENV, LABEL and ARG.

use super::arguments::NOT_FOR_ENVIRONMENT;
use super::epochs::SOURCE_DATE_EPOCH;
use super::proxies;
use super::state::State;
use super::stop::Stop;
use crate::dockerfile::{ArgDecl, Pairs};

/// Words of a name that say: this is a secret. As a whole name, or between underscores, in any case.
const SECRET: [&str; 10] =
    ["apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"];

/// Words that say: no, it is not.
const NO_SECRET: [&str; 3] = ["public", "file", "version"];

/// `ENV`. One instruction sees one environment: that before it.
pub(super) fn env(state: &mut State<'_, '_>, pairs: &Pairs) -> Result<(), Stop> {
    let mut text = "ENV".to_string();
    for (name, value) in expand_pairs(state, "ENV", pairs)? {
        check_secret(state, "ENV", &name);
        text += &format!(" {name}={value}");
        set_env(&mut state.config.config.env, &name, &value);
        state.scope.set(name, value);
    }
    state.commit(text, false);
    Ok(())
}

/// `LABEL`.
pub(super) fn label(state: &mut State<'_, '_>, pairs: &Pairs) -> Result<(), Stop> {
    let mut text = "LABEL".to_string();
    for (name, value) in expand_pairs(state, "LABEL", pairs)? {
        text += &format!(" {name}={value}");
        state.config.config.labels.insert(name, value);
    }
    state.commit(text, false);
    Ok(())
}

fn expand_pairs(state: &mut State<'_, '_>, name: &str, pairs: &Pairs) -> Result<Vec<(String, String)>, Stop> {
    if pairs.legacy {
        let message =
            format!("\"{name} key=value\" should be used instead of legacy \"{name} key value\" format");
        state.warn("LegacyKeyValueFormat", message);
    }
    let mut all = Vec::new();
    for pair in &pairs.pairs {
        all.push((state.expand(&pair.key)?, state.expand(&pair.value)?));
    }
    Ok(all)
}

/// `ARG`. Unlike with ENV, each declaration sees those before it.
///
/// SPEC: `--build-arg`, then the default, then the global scope; what none of them gives stays unset. COMPAT: the later
/// declaration of a name counts, be it ENV or ARG; the reference says that ENV always wins.
pub(super) fn arg(state: &mut State<'_, '_>, declarations: &[ArgDecl]) -> Result<(), Stop> {
    let mut shown = Vec::new();
    for declaration in declarations {
        // COMPAT: the name is taken as it was typed.
        let name = declaration.name.raw.clone();
        check_secret(state, "ARG", &name);
        let arguments = &state.site.arguments;
        let value = match (arguments.build.get(&name), &declaration.value) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(default)) => Some(state.expand(default)?),
            (None, None) => arguments.globals.value(&name).map(str::to_string),
        };
        let value = match value {
            None if name == SOURCE_DATE_EPOCH => Some(arguments.epochs.image.to_string()),
            // The image epoch comes before a default, wherever it was given.
            Some(_) if name == SOURCE_DATE_EPOCH && arguments.epochs.given => {
                Some(arguments.epochs.image.to_string())
            }
            value => value,
        };
        if let Some(value) = &value
            && !NOT_FOR_ENVIRONMENT.contains(&name.as_str())
        {
            state.scope.set(name.clone(), value.clone());
        }
        shown.push(match &value {
            Some(value) if !is_hidden(&name) => format!("{name}={value}"),
            _ => name.clone(),
        });
        if state.trigger {
            state.draft.declared.insert(name.clone());
        }
        state.declared.push((name, value));
    }
    state.commit(format!("ARG {}", shown.join(" ")), false);
    Ok(())
}

/// Whether history leaves out the value of an argument: proxies say how a site is connected (and may hold a password), the
/// epoch is in `created`.
pub(super) fn is_hidden(name: &str) -> bool {
    proxies::is_proxy(name) || name == SOURCE_DATE_EPOCH
}

/// Sets a variable of the config: in its old place if it has one.
pub(super) fn set_env(env: &mut Vec<String>, name: &str, value: &str) {
    let entry = format!("{name}={value}");
    match env.iter_mut().find(|entry| entry.split('=').next() == Some(name)) {
        Some(old) => *old = entry,
        None => env.push(entry),
    }
}

fn check_secret(state: &mut State<'_, '_>, instruction: &str, name: &str) {
    if is_secret(name) {
        let message =
            format!("Do not use ARG or ENV instructions for sensitive data ({instruction} {name:?})");
        state.warn("SecretsUsedInArgOrEnv", message);
    }
}

/// Without a regular expression: to compile one takes longer than to read most Dockerfiles.
fn is_secret(name: &str) -> bool {
    let has =
        |words: &[&str]| name.split('_').any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)));
    has(&SECRET) && !has(&NO_SECRET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_set_again_keeps_its_place_in_the_config() {
        let mut env = vec!["A=1".to_string(), "AB=2".to_string()];
        set_env(&mut env, "A", "3");
        set_env(&mut env, "C", "=");
        assert_eq!(env, ["A=3", "AB=2", "C=="]);
    }

    #[test]
    fn names_of_secrets_are_known_by_their_words() {
        for name in ["TOKEN", "GITHUB_token", "api_key", "AUTH_X"] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["MONKEY", "KEYS", "PUBLIC_KEY", "TOKEN_FILE", "AUTHOR"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
