//! `rbuild build`

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::building::Building;
use super::open::open;
use crate::build::{Built, Interrupt, Options, Outcome, Purpose};
use crate::cli::args::BuildArgs;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::findings::findings_text;
use crate::cli::metadata::metadata;
use crate::cli::say::note;
use crate::cli::settings::options;
use crate::sandbox::Privilege;

/// Builds, shows progress, prints the result.
pub fn build(
    args: &BuildArgs,
    environment: &Environment,
    privilege: Privilege,
    interrupt: &Arc<Interrupt>,
) -> Ending {
    match try_build(args, environment, privilege, interrupt) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn try_build(
    args: &BuildArgs,
    environment: &Environment,
    privilege: Privilege,
    interrupt: &Arc<Interrupt>,
) -> Result<Ending, Ending> {
    let options = options(args, environment).map_err(Ending::Failed)?;
    // A stale id must not be taken for the result of a build that fails.
    for file in [&args.iidfile, &args.metadata_file]
        .into_iter()
        .flatten()
        .filter(|_| options.purpose == Purpose::Image)
    {
        remove(file)?;
    }
    let building =
        Building { quiet: args.quiet, progress: args.progress.as_deref(), environment, privilege, interrupt };
    let store = open(environment)?;
    let mut stdout = std::io::stdout().lock();
    match building.build(options.clone(), &store, &mut stdout)? {
        Outcome::Built(built) => {
            report(args, &options, &built, &mut stdout)?;
            Ok(Ending::Code(0))
        }
        Outcome::Checked(findings) => {
            stdout
                .write_all(findings_text(&findings).as_bytes())
                .map_err(|e| Ending::Failed(format!("standard output: {e}")))?;
            Ok(Ending::Code(u8::from(!findings.is_empty())))
        }
        Outcome::Traced(_) | Outcome::NeedsNamespace(_) => unreachable!("neither was asked for"),
    }
}

/// Files and lines that say what was built.
fn report(args: &BuildArgs, options: &Options, built: &Built, stdout: &mut dyn Write) -> Result<(), Ending> {
    if let Some(file) = &args.iidfile {
        write(file, built.id().as_bytes())?;
    }
    if let Some(file) = &args.metadata_file {
        write(file, metadata(built).as_bytes())?;
    }
    let names: Vec<String> = built.names.iter().map(|name| name.familiar()).collect();
    let streams = options.outputs.iter().any(|order| order.output.is_stdout());
    if args.quiet {
        if !streams {
            writeln!(stdout, "{}", built.id())
                .map_err(|e| Ending::Failed(format!("standard output: {e}")))?;
        }
        return Ok(());
    }
    let names = if names.is_empty() { String::new() } else { format!("  {}", names.join(" ")) };
    note(&format!("\n{}{names}", built.top.digest()));
    Ok(())
}

/// Writes a small file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Ending> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|e| Ending::Failed(format!("{}: {e}", path.display())))
}

fn remove(path: &Path) -> Result<(), Ending> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Ending::Failed(format!("{}: {e}", path.display()))),
    }
}
