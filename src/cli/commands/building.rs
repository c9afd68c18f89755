//! A build with whoever watches it, for every command that builds.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::asked;
use crate::build::{Context, DockerfileFrom, Error, Interrupt, Namespace, Options, Outcome, build};
use crate::cli::display::{Display, Plain, Quiet, Terminal, Watch, escape};
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::failure::render;
use crate::cli::say::note;
use crate::cli::stdin;
use crate::progress::{Event, Sink, Warning};
use crate::sandbox::Privilege;
use crate::store::Store;

/// How a command builds.
pub(super) struct Building<'a> {
    /// Shows nothing but failures.
    pub quiet: bool,
    /// `--progress`
    pub progress: Option<&'a str>,
    /// What the process was started with.
    pub environment: &'a Environment,
    /// Whether something can run in this process.
    pub privilege: Privilege,
    /// What ends it.
    pub interrupt: &'a Arc<Interrupt>,
}

impl Building<'_> {
    /// Builds, shows progress and then the warnings. What is no result is how the command ends: a failure, or the same again
    /// in a namespace.
    pub(super) fn build(
        &self,
        mut options: Options,
        store: &Store,
        stdout: &mut dyn Write,
    ) -> Result<Outcome, Ending> {
        let Building { quiet, progress, environment, privilege, interrupt } = *self;
        if privilege == Privilege::UserNamespace {
            options.asked = asked::read(environment);
        }
        let display = display(quiet, progress, environment).map_err(Ending::Failed)?;
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
        let result = build(&options, store, &warnings, interrupt, namespace, input, stdout);
        let warnings = warnings.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Ok(Outcome::NeedsNamespace(asked)) = &result {
            // Nothing was shown yet; the display must not draw an empty board either.
            watch.abandon();
            return Err(Ending::Enter(asked::pass_on(asked)));
        }
        watch.finish();
        // What was asked for goes to standard output instead.
        if !quiet && !matches!(result, Ok(Outcome::Checked(_))) {
            show(&warnings);
        }
        result.map_err(|failure| match failure.error {
            Error::Interrupted => {
                note("ERROR: interrupted");
                Ending::Interrupted
            }
            _ => Ending::Failed(render(&failure)),
        })
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
