//! Build arguments and what stands before the first FROM: the global scope.

use std::collections::{BTreeMap, BTreeSet};

use super::epochs::{Epochs, SOURCE_DATE_EPOCH};
use super::error::{Error, ErrorKind};
use super::places::location;
use super::proxies;
use super::request::Request;
use super::scope::Scope;
use crate::dockerfile::{ArgDecl, Instruction, Kind, expand};

/// Arguments that are given to the builder and never reach an environment.
pub(super) const NOT_FOR_ENVIRONMENT: [&str; 2] = ["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"];

/// LIMIT: what the values of global ARGs may come to, in bytes; as for all values of a plan.
const LARGEST_GLOBALS: usize = 128 << 20;

/// All values that are known before the first stage.
pub(super) struct Arguments {
    /// `--build-arg`, with the proxies of the user's configuration.
    pub build: BTreeMap<String, String>,
    /// The automatic platform arguments and the global ARGs.
    pub globals: Scope,
    /// The same without any `--build-arg`, where that can be read: what the Dockerfile's own defaults come to.
    pub defaults: Option<Scope>,
    /// The names that global ARGs declare.
    pub declared: BTreeSet<String>,
    /// The epochs of the build.
    pub epochs: Epochs,
}

impl Arguments {
    /// Reads the arguments of `request`; `last_stage` is the name of the last stage, if it has one.
    pub fn read(request: &Request, last_stage: Option<&str>) -> Result<Arguments, Error> {
        let mut build = request.build_args.clone();
        proxies::add_defaults(&mut build, &request.proxies);
        match (request.image_epoch, build.get(SOURCE_DATE_EPOCH).map(String::as_str)) {
            (Some(epoch), _) => {
                build.insert(SOURCE_DATE_EPOCH.to_string(), epoch.to_string());
            }
            (None, Some("")) => {
                build.remove(SOURCE_DATE_EPOCH);
            }
            (None, _) => {}
        }
        let target = request.target.as_deref().or(last_stage).filter(|name| !name.is_empty());
        let automatic = automatic(request, target.unwrap_or("default"));
        let defaults = global_scope(request, automatic.clone(), &BTreeMap::new()).ok();
        let mut start = automatic;
        for (name, value) in &build {
            if start.value(name).is_some() {
                start.set(name, value);
            }
        }
        let globals = global_scope(request, start, &build)?;
        let epoch = build.get(SOURCE_DATE_EPOCH).map(String::as_str).or(globals.value(SOURCE_DATE_EPOCH));
        let given = match epoch.filter(|value| !value.is_empty()) {
            Some(value) => Some(value.parse().map_err(|_| {
                Error::new(ErrorKind::BadEpoch(value.to_string()))
                    .hint("it must be whole seconds since 1970-01-01T00:00:00Z")
            })?),
            None => None,
        };
        let declared = global(request).flat_map(|(_, list)| list).map(|arg| arg.name.raw.clone()).collect();
        let epochs = Epochs::new(given, request.fallback_epoch, request.layer_epoch);
        Ok(Arguments { build, globals, defaults, declared, epochs })
    }
}

/// The ARGs before the first FROM.
fn global(request: &Request) -> impl Iterator<Item = (&Instruction, &Vec<ArgDecl>)> {
    request.dockerfile.instructions.iter().map_while(|instruction| match &instruction.kind {
        Kind::Arg(list) => Some((instruction, list)),
        _ => None,
    })
}

/// The platform arguments that are there without being declared.
fn automatic(request: &Request, target: &str) -> Scope {
    let mut scope = Scope::default();
    for (prefix, platform) in [("BUILD", &request.build_platform), ("TARGET", &request.platform)] {
        let version = platform.os_version.as_deref().unwrap_or_default();
        scope.set(format!("{prefix}PLATFORM"), platform.to_string());
        scope.set(format!("{prefix}OS"), &platform.os);
        scope.set(format!("{prefix}OSVERSION"), version);
        scope.set(format!("{prefix}ARCH"), &platform.architecture);
        scope.set(format!("{prefix}VARIANT"), platform.variant.as_deref().unwrap_or_default());
    }
    scope.set("TARGETSTAGE", target);
    scope
}

fn global_scope(
    request: &Request,
    mut scope: Scope,
    build: &BTreeMap<String, String>,
) -> Result<Scope, Error> {
    let escape = request.dockerfile.escape;
    let mut size = 0;
    for (instruction, declarations) in global(request) {
        for declaration in declarations {
            let name = &declaration.name.raw;
            let value = match (build.get(name), &declaration.value) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => {
                    let expanded = expand(default, escape, &scope)
                        .map_err(|error| Error::of(error, location(request, instruction)))?;
                    Some(expanded.text)
                }
                (None, None) => None,
            };
            if let Some(value) = value {
                size += value.len();
                if size > LARGEST_GLOBALS {
                    return Err(Error::at(ErrorKind::TooLarge, location(request, instruction)));
                }
                scope.set(name, value);
            }
        }
    }
    Ok(scope)
}
