//! `rbuild build`

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::asked;
use super::open::open;
use crate::build::{Built, Context, DockerfileFrom, Error, Interrupt, Namespace, Options, Outcome};
use crate::cli::args::BuildArgs;
use crate::cli::display::{Display, Plain, Quiet, Terminal, Watch, escape};
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::failure::render;
use crate::cli::findings::findings_text;
use crate::cli::metadata::metadata;
use crate::cli::say::note;
use crate::cli::settings::options;
use crate::cli::stdin;
use crate::progress::{Event, Sink, Warning};
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
    let mut options = options(args, environment).map_err(Ending::Failed)?;
    if privilege == Privilege::UserNamespace {
        options.asked = asked::read(environment);
    }
    let display = display(args.quiet, args.progress.as_deref(), environment).map_err(Ending::Failed)?;
    // A stale id must not be taken for the result of a build that fails.
    for file in [&args.iidfile, &args.metadata_file].into_iter().flatten().filter(|_| !options.only_check) {
        remove(file)?;
    }
    let store = open(environment)?;
    let wants_stdin = options.context == Context::Stdin || options.dockerfile == DockerfileFrom::Stdin;
    let input = match wants_stdin {
        // Kept in a file, so that it can be read again inside a namespace.
        true => {
            stdin::rewindable(store.root()).map_err(|e| Ending::Failed(format!("standard input: {e}")))?
        }
        false => Box::new(std::io::empty()),
    };
    let namespace = match privilege {
        Privilege::Root | Privilege::UserNamespace => Namespace::Ready,
        Privilege::NeedsUserNamespace => Namespace::Needed,
    };
    let watch = Watch::start(display);
    let warnings = Warnings { sink: &watch, kept: Mutex::new(Vec::new()) };
    let mut stdout = std::io::stdout().lock();
    let result = crate::build::build(&options, &store, &warnings, interrupt, namespace, input, &mut stdout);
    let warnings = warnings.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Ok(Outcome::NeedsNamespace(asked)) = &result {
        // Nothing was shown yet; the display must not draw an empty board either.
        watch.abandon();
        return Ok(Ending::Enter(asked::pass_on(asked)));
    }
    watch.finish();
    // What was asked for goes to standard output instead.
    if !args.quiet && !matches!(result, Ok(Outcome::Checked(_))) {
        show(&warnings);
    }
    match result {
        Ok(Outcome::Built(built)) => {
            report(args, &options, &built, &mut stdout)?;
            Ok(Ending::Code(0))
        }
        Ok(Outcome::Checked(findings)) => {
            stdout
                .write_all(findings_text(&findings).as_bytes())
                .map_err(|e| Ending::Failed(format!("standard output: {e}")))?;
            Ok(Ending::Code(u8::from(!findings.is_empty())))
        }
        Ok(Outcome::NeedsNamespace(_)) => unreachable!("returned above"),
        Err(failure) if matches!(failure.error, Error::Interrupted) => {
            note("ERROR: interrupted");
            Ok(Ending::Interrupted)
        }
        Err(failure) => Ok(Ending::Failed(render(&failure))),
    }
}

/// Whoever shows progress.
pub(super) fn display(
    quiet: bool,
    progress: Option<&str>,
    environment: &Environment,
) -> Result<Box<dyn Display>, String> {
    if quiet {
        return Ok(Box::new(Quiet));
    }
    let kind = progress.or(environment.get("BUILDKIT_PROGRESS")).unwrap_or("auto");
    let stderr = std::io::stderr();
    let is_terminal = stderr.is_terminal() && environment.get("TERM") != Some("dumb");
    let colour = environment.get("NO_COLOR").is_none();
    match kind {
        "auto" if is_terminal => Ok(Box::new(Terminal::new(stderr, size, colour))),
        "tty" if stderr.is_terminal() => Ok(Box::new(Terminal::new(stderr, size, colour))),
        "tty" => Err("--progress tty: standard error is no terminal".to_string()),
        "auto" | "plain" => Ok(Box::new(Plain::new(stderr))),
        "quiet" | "none" => Ok(Box::new(Quiet)),
        other => Err(format!("--progress {other}: auto, tty, plain and quiet are supported")),
    }
}

/// Columns and rows of the terminal, or the usual ones.
fn size() -> (usize, usize) {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
    let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
    size.filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or((80, 24))
}

/// Passes events on and keeps the warnings, which are shown after the build.
struct Warnings<'a> {
    sink: &'a dyn Sink,
    kept: Mutex<Vec<Warning>>,
}

impl Sink for Warnings<'_> {
    fn send(&self, event: Event) {
        if let Event::Warned(warning) = &event {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if !kept.contains(warning) {
                kept.push(warning.clone());
            }
        }
        self.sink.send(event);
    }
}

fn show(warnings: &[Warning]) {
    match warnings.len() {
        0 => return,
        1 => note("\n 1 warning found:"),
        count => note(&format!("\n {count} warnings found:")),
    }
    for Warning { rule, message, line } in warnings {
        let rule = if rule.is_empty() { String::new() } else { format!("{rule}: ") };
        let line = line.map_or(String::new(), |line| format!(" (line {line})"));
        note(&format!(" - {}{line}", escape(&format!("{rule}{message}"))));
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
