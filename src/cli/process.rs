//! The process: signals, the namespace, the exit code.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::args::{Command, UsageError, failure_code, parse};
use super::commands;
use super::ending::Ending;
use super::environment::Environment;
use crate::build::Interrupt;
use crate::sandbox::{Inherit, Privilege, Signals, enter, open_files, privilege};

/// LIMIT: how long a signal may wait to be noticed.
const POLL: Duration = Duration::from_millis(30);

/// LIMIT: how long what is going on may take to end by itself: an interrupted command is over within two seconds.
const PATIENCE: Duration = Duration::from_millis(1200);

/// Exit code of a build that was interrupted: 128 and SIGINT, whichever signal it was.
const INTERRUPTED: u8 = 130;

/// Runs the program.
pub fn main() -> ExitCode {
    // ORDER: before any thread is made, so that all of them have the signals blocked.
    let signals = match Signals::block() {
        Ok(signals) => signals,
        Err(e) => return complain(&format!("cannot take signals: {e}"), 1),
    };
    open_files::raise();
    let args: Vec<OsString> = std::env::args_os().collect();
    let failed = failure_code(args.get(1).and_then(|name| name.to_str()).unwrap_or_default());
    let command = match parse(args) {
        Ok(command) => command,
        Err(UsageError::Clap(error)) => {
            // Help and version are printed where they belong, and are no failures.
            let code = if error.use_stderr() { failed } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
        Err(UsageError::Refused(message)) => return complain(&message, failed),
    };
    // What `rbuild run` passes on is more than what ends a build.
    let signals = match &command {
        Command::Run(_) => Signals::block_all(),
        _ => Ok(signals),
    };
    let signals = match signals {
        Ok(signals) => signals,
        Err(e) => return complain(&format!("cannot take signals: {e}"), 1),
    };
    let interrupt = Arc::new(Interrupt::default());
    let ending = watched(&signals, &interrupt, || execute(&command, &interrupt));
    match ending {
        Ending::Code(code) => ExitCode::from(code),
        Ending::Interrupted => ExitCode::from(INTERRUPTED),
        Ending::Failed(message) => complain(&message, failed),
        Ending::Enter(environment) => {
            open_files::restore();
            match enter(&Inherit { environment, ..Inherit::default() }, &signals) {
                Ok(code) => ExitCode::from(code),
                Err(e) => complain(&e.to_string(), failed),
            }
        }
    }
}

fn execute(command: &Command, interrupt: &Arc<Interrupt>) -> Ending {
    let privilege = privilege();
    // Inside a namespace of ours everybody is root; the store is the user's all the same.
    let environment = Environment::read(privilege == Privilege::Root);
    match command {
        Command::Build(args) => commands::build(args, &environment, privilege, interrupt),
        Command::Repro(args) => commands::repro(args, &environment, privilege, interrupt),
        Command::Diff(args) => commands::diff(args, &environment, interrupt),
        Command::Push(args) => commands::push(args, &environment, interrupt),
        Command::Pull(args) => commands::pull(args, &environment, interrupt),
        Command::Copy(args) => commands::copy(args, &environment, interrupt),
        Command::Save(args) => commands::save(args, &environment, interrupt),
        Command::Load(args) => commands::load(args, &environment, interrupt),
        Command::Tag(args) => commands::tag(args, &environment),
        Command::Rmi(args) => commands::rmi(args, &environment),
        Command::Login(args) => commands::login(args, &environment),
        Command::Logout(args) => commands::logout(args, &environment),
        Command::Import(args) => commands::import(args, &environment),
        Command::Images => commands::images(&environment),
        Command::Inspect(args) => commands::inspect(args, &environment),
        Command::Run(args) => commands::run(args, &environment, privilege, interrupt),
        Command::Prune(args) => commands::prune(args, &environment, privilege),
        Command::Du(args) => commands::du(args, &environment, privilege),
    }
}

/// Does `work` while a thread of its own turns signals into an interrupt.
fn watched(signals: &Signals, interrupt: &Arc<Interrupt>, work: impl FnOnce() -> Ending) -> Ending {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut fired: Option<Instant> = None;
            while !over.load(Ordering::Relaxed) {
                match signals.take() {
                    Ok(Some(arrived)) => interrupt.take(arrived.signal),
                    Ok(None) => std::thread::park_timeout(POLL),
                    Err(_) => return,
                }
                if interrupt.is_fired() {
                    fired.get_or_insert_with(Instant::now);
                }
                // Something stands still where nothing can wake it: standard input, a dead network drive. All that is
                // left is what a kill would leave, and the store and the outputs are made for that.
                if fired.is_some_and(|at| at.elapsed() > PATIENCE) {
                    let _ = writeln!(std::io::stderr(), "ERROR: interrupted");
                    std::process::exit(i32::from(INTERRUPTED));
                }
            }
        });
        // Also when `work` panics: a scope waits for its threads, and the panic would never be told.
        let _done = Done { over: &over, watcher: watcher.thread() };
        work()
    })
}

/// Ends the watcher, however the work ends.
struct Done<'a> {
    over: &'a AtomicBool,
    watcher: &'a std::thread::Thread,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.watcher.unpark();
    }
}

fn complain(message: &str, code: u8) -> ExitCode {
    let mut stderr = std::io::stderr();
    let bold = stderr.is_terminal();
    let _ = match (message.starts_with("ERROR") || message.contains("\nERROR"), bold) {
        (true, _) => write!(stderr, "{message}"),
        (false, true) => writeln!(stderr, "\x1b[1mrbuild:\x1b[0m {message}"),
        (false, false) => writeln!(stderr, "rbuild: {message}"),
    };
    ExitCode::from(code)
}
