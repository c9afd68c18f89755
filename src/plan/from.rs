//! FROM: its words with the global scope filled in.

use super::arguments::Arguments;
use super::error::{Error, ErrorKind};
use super::warning::Warning;
use crate::dockerfile::{Expanded, From, expand, near};
use crate::graph::Location;
use crate::oci::{Platform, Reference};

/// A FROM without variables.
pub(super) struct ReadFrom {
    /// The image, stage or context.
    pub image: String,
    /// `--platform`.
    pub platform: Option<Platform>,
}

/// Reads a FROM.
pub(super) fn read(
    from: &From,
    at: Location,
    escape: char,
    arguments: &Arguments,
    warnings: &mut Vec<Warning>,
) -> Result<ReadFrom, Error> {
    let globals = &arguments.globals;
    let image = expand(&from.image, escape, globals).map_err(|error| Error::of(error, at))?;
    undeclared(&image, arguments, at, warnings);
    if image.text.is_empty() {
        let error = Error::at(ErrorKind::BlankBase(from.image.raw.clone()), at);
        return Err(
            error.hint("give each variable in it a value, with ARG before the first FROM or --build-arg")
        );
    }
    let platform = match &from.platform {
        Some(word) if !word.raw.is_empty() => {
            let expanded = expand(word, escape, globals).map_err(|error| Error::of(error, at))?;
            undeclared(&expanded, arguments, at, warnings);
            let platform =
                parse_platform(&word.raw, &expanded, arguments).map_err(|kind| Error::at(kind, at))?;
            check_platform(from, &word.raw, &expanded, &platform, arguments, at, warnings);
            Some(platform)
        }
        _ => None,
    };
    check_default(from, at, escape, arguments, warnings);
    Ok(ReadFrom { image: image.text, platform })
}

fn parse_platform(raw: &str, expanded: &Expanded, arguments: &Arguments) -> Result<Platform, ErrorKind> {
    let near = || expanded.undefined.iter().find_map(|name| near(name, arguments.globals.names()));
    let expression = raw.to_string();
    if expanded.text.is_empty() {
        return Err(ErrorKind::EmptyPlatform { expression, near: near() });
    }
    expanded.text.parse().map_err(|problem: crate::oci::Error| ErrorKind::BadPlatform {
        expression,
        problem: problem.to_string(),
        near: near(),
    })
}

/// A variable that no global ARG declares.
fn undeclared(expanded: &Expanded, arguments: &Arguments, at: Location, warnings: &mut Vec<Warning>) {
    let options = || arguments.globals.names().chain(arguments.declared.iter().map(String::as_str));
    for name in &expanded.undefined {
        // LIMIT: nobody reads more; looking for near names takes time for each.
        if arguments.declared.contains(name) || warnings.len() >= 1000 {
            continue;
        }
        let near = near(name, options()).map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
        let message = format!("FROM argument '{name}' is not declared{near}");
        warnings.push(Warning::new("UndefinedArgInFrom", message, at));
    }
}

fn check_platform(
    from: &From,
    raw: &str,
    expanded: &Expanded,
    platform: &Platform,
    arguments: &Arguments,
    at: Location,
    warnings: &mut Vec<Warning>,
) {
    if expanded.used.is_empty() && expanded.undefined.is_empty() {
        let name = from.alias.as_ref().map(|alias| alias.value.as_str()).unwrap_or_default();
        if !name.contains(&platform.os) && !name.contains(&platform.architecture) {
            let message = format!("FROM --platform flag should not use constant value {:?}", expanded.text);
            warnings.push(Warning::new("FromPlatformFlagConstDisallowed", message, at));
        }
    }
    let target = "TARGETPLATFORM";
    if expanded.used == [target]
        && expanded.undefined.is_empty()
        && arguments.globals.value(target) == Some(&expanded.text)
    {
        let message = format!(
            "Setting platform to predefined {raw} in FROM is redundant as this is the default behavior"
        );
        warnings.push(Warning::new("RedundantTargetPlatform", message, at));
    }
}

/// Whether the image is named by the Dockerfile's own defaults alone.
fn check_default(
    from: &From,
    at: Location,
    escape: char,
    arguments: &Arguments,
    warnings: &mut Vec<Warning>,
) {
    let Some(defaults) = &arguments.defaults else { return };
    let Ok(image) = expand(&from.image, escape, defaults) else { return };
    // A stage may be written in any case.
    if image.text.to_lowercase().parse::<Reference>().is_err() {
        let message =
            format!("Default value for ARG {} results in empty or invalid base image name", from.image.raw);
        warnings.push(Warning::new("InvalidDefaultArgInFrom", message, at));
    }
}
