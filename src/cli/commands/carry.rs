//! `rbuild copy`, `rbuild save` and `rbuild load`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::building::display;
use super::open::{failed, open};
use crate::build::{Error, Interrupt, Transfer, copy_image, load_images, save_images};
use crate::cli::args::{CopyArgs, Insecure, LoadArgs, SaveArgs};
use crate::cli::display::Watch;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::say::{note, out};
use crate::cli::settings::{one_platform, registry};
use crate::export::Destination;
use crate::http::Canceled;
use crate::oci::Platform;
use crate::registry::Client;
use crate::store::Store;
use crate::transport::{Choice, Dialect, How, Moved, Streams};

/// Copies an image from one place to another.
pub fn copy(args: &CopyArgs, environment: &Environment, interrupt: &Arc<Interrupt>) -> Ending {
    let work = || -> Result<Ending, Ending> {
        let choice = match args.all {
            true => Choice::All,
            false => {
                let platform = args.platform.as_deref().or(environment.get("DOCKER_DEFAULT_PLATFORM"));
                let platform = platform.map(one_platform).transpose().map_err(Ending::Failed)?;
                Choice::One(platform.unwrap_or_else(Platform::host))
            }
        };
        let is_stdout = args.to.starts_with("oci-archive:-") || args.to.starts_with("docker-archive:-");
        if is_stdout {
            refuse_terminal("oci-archive:FILE")?;
        }
        let as_oci = match args.format.as_deref() {
            None => false,
            Some("oci") => true,
            Some(other) => return Err(Ending::Failed(format!("--format {other}: only oci is supported"))),
        };
        let how = How { choice, as_oci };
        let places = (args.from.as_str(), args.to.as_str());
        let moved = transfer(args.quiet, &args.insecure, environment, interrupt, |store, by| {
            let (mut stdin, mut stdout) = (std::io::stdin(), std::io::stdout().lock());
            let streams = Streams { stdin: &mut stdin, stdout: &mut stdout, now: environment.now };
            copy_image(store, places, &how, streams, by)
        })?;
        match is_stdout {
            true => note(&moved.digest.to_string()),
            false => out(&format!("{}\n", moved.digest))?,
        }
        Ok(Ending::Code(0))
    };
    work().unwrap_or_else(|ending| ending)
}

/// Writes images into an archive.
pub fn save(args: &SaveArgs, environment: &Environment, interrupt: &Arc<Interrupt>) -> Ending {
    let work = || -> Result<Ending, Ending> {
        let dialect = match args.format.as_str() {
            "docker" | "docker-archive" => Dialect::Docker,
            "oci" | "oci-archive" => Dialect::Oci,
            "oci-dir" | "docker-dir" => {
                return Err(Ending::Failed(format!(
                    "--format {}: rbuild copy NAME oci:DIR writes a directory",
                    args.format
                )));
            }
            other => return Err(Ending::Failed(format!("--format {other}: docker and oci are supported"))),
        };
        let to = match &args.output {
            Some(path) if path != Path::new("-") => Destination::Path(path.clone()),
            _ => {
                refuse_terminal("--output FILE")?;
                Destination::Stdout
            }
        };
        let choice = one(args.platform.as_deref())?;
        transfer(args.quiet, &args.insecure, environment, interrupt, |store, by| {
            let mut stdout = std::io::stdout().lock();
            save_images(store, &args.images, &to, dialect, choice.as_ref(), &mut stdout, by)
        })?;
        Ok(Ending::Code(0))
    };
    work().unwrap_or_else(|ending| ending)
}

/// Reads images from an archive.
pub fn load(args: &LoadArgs, environment: &Environment, interrupt: &Arc<Interrupt>) -> Ending {
    let work = || -> Result<Ending, Ending> {
        let from = args.input.clone().unwrap_or_else(|| PathBuf::from("-"));
        if from == Path::new("-") && std::io::stdin().is_terminal() {
            return Err(Ending::Failed(
                "standard input is a terminal: give --input FILE, or an archive on standard input"
                    .to_string(),
            ));
        }
        let choice = one(args.platform.as_deref())?;
        // An archive brings all of its bytes: no registry is asked.
        let all = transfer(args.quiet, &Insecure::default(), environment, interrupt, |store, by| {
            let (mut stdin, mut stdout) = (std::io::stdin(), std::io::sink());
            let streams = Streams { stdin: &mut stdin, stdout: &mut stdout, now: environment.now };
            load_images(store, &from, choice.as_ref(), streams, by)
        })?;
        for image in &all {
            out(&told(image))?;
        }
        Ok(Ending::Code(0))
    };
    work().unwrap_or_else(|ending| ending)
}

/// COMPAT: docker's words, which scripts read.
fn told(image: &Moved) -> String {
    if image.names.is_empty() {
        let id = image.id.unwrap_or(image.digest);
        let label = image.label.as_ref().map_or(String::new(), |label| format!(", called {label:?} there"));
        note(&format!("it has no name{label}: rbuild tag {} NAME gives it one", id.short()));
        return format!("Loaded image ID: {id}\n");
    }
    image.names.iter().map(|name| format!("Loaded image: {}\n", name.familiar())).collect()
}

fn one(platform: Option<&str>) -> Result<Option<Choice>, Ending> {
    Ok(platform.map(one_platform).transpose().map_err(Ending::Failed)?.map(Choice::One))
}

fn refuse_terminal(instead: &str) -> Result<(), Ending> {
    match std::io::stdout().is_terminal() {
        true => Err(Ending::Failed(format!(
            "standard output is a terminal, and no place for an archive: give {instead}, or send it elsewhere"
        ))),
        false => Ok(()),
    }
}

/// Does `work` with a store, a client of registries and a display.
pub(super) fn transfer<T>(
    quiet: bool,
    insecure: &Insecure,
    environment: &Environment,
    interrupt: &Arc<Interrupt>,
    work: impl FnOnce(&Store, &Transfer<'_>) -> Result<T, Error>,
) -> Result<T, Ending> {
    let mut options = registry(environment, insecure).map_err(Ending::Failed)?;
    let stopped = Arc::clone(interrupt);
    options.http.canceled = Canceled::new(move || stopped.is_fired());
    let (client, store) = (Client::new(options), open(environment)?);
    let watch = Watch::start(display(quiet, None, environment).map_err(Ending::Failed)?);
    let canceled = || interrupt.is_fired();
    let by = Transfer { client: &client, sink: &watch, canceled: &canceled, now: environment.now };
    let result = work(&store, &by);
    watch.finish();
    result.map_err(|error| match error {
        Error::Interrupted => Ending::Interrupted,
        _ if interrupt.is_fired() => Ending::Interrupted,
        error => failed(error),
    })
}
