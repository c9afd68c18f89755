//! `rbuild import`

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::open::{failed, open};
use crate::cli::args::ImportArgs;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::say::{note, out};
use crate::cli::settings::one_platform;
use crate::oci::{Platform, Reference};

/// Makes an image of a tar.
pub fn import(args: &ImportArgs, environment: &Environment) -> Ending {
    match try_import(args, environment) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn try_import(args: &ImportArgs, environment: &Environment) -> Result<Ending, Ending> {
    let name: Reference = args.name.parse().map_err(failed)?;
    let platform = match &args.platform {
        Some(text) => one_platform(text).map_err(Ending::Failed)?,
        None => Platform::host(),
    };
    let mut tar: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(&args.file).map_err(|e| Ending::Failed(format!("{}: {e}", args.file.display())))?)
    };
    let store = open(environment)?;
    let kept = crate::build::import(&store, &mut tar, &name, &platform, environment.now).map_err(failed)?;
    out(&format!("{}\n", kept.configs[0]))?;
    note(&format!("imported as {}", name.familiar()));
    Ok(Ending::Code(0))
}
