//! From the arguments of the process to one command.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use super::build::BuildArgs;
use super::carry::{CopyArgs, LoadArgs, SaveArgs};
use super::refused::{ACCEPTED, refusal};
use super::registry::{LoginArgs, LogoutArgs, PullArgs, PushArgs, RmiArgs, TagArgs};
use super::repro::{DiffArgs, ReproArgs};
use super::store::{DuArgs, ImportArgs, InspectArgs, PruneArgs, RunArgs};
use crate::dockerfile::near;

const AFTER_HELP: &str = "\
`rbuild [flags] CONTEXT` is short for `rbuild build [flags] CONTEXT`.

Environment:
  RBUILD_ROOT            the store [default: $XDG_DATA_HOME/rbuild, for root /var/lib/rbuild]
  RBUILD_STORE_SIZE      how large the store may grow, such as 20GB
  RBUILD_CONTEXT_MODES   as --context-modes
  RBUILD_LAYER_EPOCH     as --layer-epoch
  SOURCE_DATE_EPOCH      as --source-date-epoch
  DOCKER_CONFIG          directory of docker's config.json: credentials and proxies
  DOCKER_DEFAULT_PLATFORM, BUILDKIT_PROGRESS, NO_COLOR, HTTP_PROXY, HTTPS_PROXY, NO_PROXY: as docker has them

Examples:
  rbuild -t app:1 .
  rbuild -f build/Dockerfile --target test --build-arg VERSION=2 .
  rbuild -o type=oci,dest=app.tar .
  rbuild --build-context base=oci-layout://./base:1 -o rootfs .";

/// Builds OCI images from a Dockerfile and a directory: no daemon, no privilege
#[derive(Parser, Debug)]
#[command(name = "rbuild", version, after_help = AFTER_HELP, max_term_width = 110, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What a command ends with that could not do its work: those that compare have a 1 of their own, as diff and cmp do.
pub fn failure_code(command: &str) -> u8 {
    if matches!(command, "repro" | "diff") { 2 } else { 1 }
}

/// One command, as typed.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Builds an image
    #[command(visible_alias = "b", after_help = AFTER_HELP)]
    Build(Box<BuildArgs>),
    /// Does each RUN of a build twice, and says which line is to blame for what differs
    Repro(Box<ReproArgs>),
    /// Says where two images differ, from their manifests down to their bytes
    Diff(DiffArgs),
    /// Makes an image of a root file system in a tar
    Import(ImportArgs),
    /// Pushes an image of the store to a registry
    Push(PushArgs),
    /// Brings an image from a registry into the store, with all its layers
    Pull(PullArgs),
    /// Copies an image between the store, registries, image layouts and archives
    Copy(CopyArgs),
    /// Writes images of the store into an archive for docker load, podman load or rbuild load
    Save(SaveArgs),
    /// Reads images from an archive or an image layout into the store
    Load(LoadArgs),
    /// Gives an image in the store one more name
    Tag(TagArgs),
    /// Takes names of images in the store away
    Rmi(RmiArgs),
    /// Checks a password with a registry and keeps it where docker does
    Login(LoginArgs),
    /// Forgets the password for a registry
    Logout(LogoutArgs),
    /// Lists the images in the store
    #[command(visible_alias = "ls")]
    Images,
    /// Shows an image: config, history, layers with sizes
    Inspect(InspectArgs),
    /// Runs an image's entrypoint in the sandbox of RUN
    Run(RunArgs),
    /// Frees space in the store; safe beside running builds
    Prune(PruneArgs),
    /// Shows what the store holds
    Du(DuArgs),
}

const COMMANDS: &[&str] = &[
    "build", "b", "repro", "diff", "push", "pull", "copy", "save", "load", "tag", "rmi", "login", "logout",
    "import", "images", "ls", "inspect", "run", "prune", "du",
];
/// Flags of `run` that users of docker type.
const REFUSED_RUN: &[&str] = &[
    "-t",
    "--tty",
    "-it",
    "-ti",
    "-i",
    "--interactive",
    "-p",
    "--publish",
    "-P",
    "-v",
    "--volume",
    "--mount",
    "-e",
    "--env",
    "-u",
    "--user",
    "-w",
    "--workdir",
    "-d",
    "--detach",
    "--name",
    "--network",
    "--entrypoint",
];

/// Why the arguments are no command.
#[derive(Debug)]
pub enum UsageError {
    /// The parser's own words; also `--help` and `--version`, which are no errors.
    Clap(clap::Error),
    /// A flag that is refused by name.
    Refused(String),
}

/// Reads the arguments, the program's name first.
pub fn parse(mut args: Vec<OsString>) -> Result<Command, UsageError> {
    let first = args.get(1).map(|arg| arg.to_string_lossy().into_owned()).unwrap_or_default();
    let is_about = matches!(first.as_str(), "" | "-h" | "--help" | "-V" | "--version" | "help");
    if !is_about && !COMMANDS.contains(&first.as_str()) {
        args.insert(1, "build".into());
    }
    if first == "help" {
        args[1] = "--help".into();
    }
    match args.get(1).and_then(|arg| arg.to_str()) {
        Some("build" | "b" | "repro") => args = settle_docker_flags(args)?,
        Some("run") => {
            // What docker's users type out of habit, and what is always so here.
            let flags = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
            args = args
                .into_iter()
                .enumerate()
                .filter(|(at, arg)| *at > flags || arg != "--rm")
                .map(|(_, arg)| arg)
                .collect();
            let flags = args.iter().skip(2).map_while(|a| a.to_str()).take_while(|a| *a != "--");
            for flag in flags {
                if REFUSED_RUN.contains(&flag.split('=').next().unwrap_or_default()) {
                    let message = format!(
                        "{flag}: rbuild run starts the image's command with standard input, output and error attached; \
                         it has no terminals, ports, volumes or overrides. Give other arguments after --"
                    );
                    return Err(UsageError::Refused(message));
                }
            }
        }
        _ => {}
    }
    Cli::try_parse_from(args).map(|cli| cli.command).map_err(|error| misspelt(error, &first))
}

/// A first word that is nearly a command was taken for the context of a build, and the complaint would be of that.
fn misspelt(error: clap::Error, first: &str) -> UsageError {
    let is_usage = error.use_stderr() && !first.starts_with('-') && !COMMANDS.contains(&first);
    match near(first, COMMANDS.iter().copied()).filter(|_| is_usage) {
        Some(command) => UsageError::Refused(format!("there is no command {first}; did you mean {command}?")),
        None => UsageError::Clap(error),
    }
}

/// Takes out the docker flags that are true here already; refuses the others by name.
fn settle_docker_flags(args: Vec<OsString>) -> Result<Vec<OsString>, UsageError> {
    let mut kept = Vec::with_capacity(args.len());
    let mut flags_over = false;
    // The value of a flag is never a flag: `-t --push` names an image `--push`, and fails as a name.
    let mut is_value = false;
    for arg in args {
        let text = arg.to_str().unwrap_or_default();
        if flags_over || is_value || !text.starts_with('-') {
            is_value = false;
            kept.push(arg);
            continue;
        }
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        if ACCEPTED.iter().any(|(flag, values)| *flag == name && values.contains(&value)) {
            continue;
        }
        if let Some(refusal) = refusal(text) {
            return Err(UsageError::Refused(refusal));
        }
        flags_over = text == "--";
        is_value = !text.contains('=') && TAKES_VALUE.contains(&text);
        kept.push(arg);
    }
    Ok(kept)
}

/// Flags whose value is the next argument.
const TAKES_VALUE: &[&str] = &[
    "--against",
    "-f",
    "--file",
    "-t",
    "--tag",
    "-o",
    "--output",
    "--target",
    "--build-arg",
    "--build-context",
    "--platform",
    "--label",
    "--annotation",
    "--iidfile",
    "--metadata-file",
    "--no-cache-filter",
    "--cache-from",
    "--call",
    "--cache-to",
    "--secret",
    "--ssh",
    "--allow",
    "--network",
    "--add-host",
    "--shm-size",
    "--ulimit",
    "--jobs",
    "--source-date-epoch",
    "--layer-epoch",
    "--context-modes",
    "--progress",
    "--insecure-registry",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Command, UsageError> {
        parse(std::iter::once("rbuild").chain(args.iter().copied()).map(OsString::from).collect())
    }

    fn build(args: &[&str]) -> BuildArgs {
        match parsed(args) {
            Ok(Command::Build(args)) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn build_is_the_command_that_need_not_be_named() {
        assert_eq!(build(&["."]).context.to_str(), Some("."));
        assert_eq!(build(&["-t", "app", "."]).tag, ["app"]);
        assert_eq!(build(&["build", "-f", "-", "x"]).file, Some("-".into()));
        assert!(matches!(parsed(&["images"]), Ok(Command::Images)));
    }

    #[test]
    fn docker_flags_that_are_true_already_are_taken() {
        assert!(build(&["--rm", "--force-rm=true", "--provenance=false", "--sbom=false", "-q", "."]).quiet);
    }

    #[test]
    fn docker_flags_that_are_not_supported_are_refused_by_name() {
        for flag in ["--squash", "--rm=false", "--provenance=true"] {
            match parsed(&[flag, "."]) {
                Err(UsageError::Refused(message)) => assert!(message.starts_with(flag), "{message}"),
                other => panic!("{flag}: {other:?}"),
            }
        }
        assert!(matches!(parsed(&["run", "-it", "app"]), Err(UsageError::Refused(_))));
        assert!(matches!(parsed(&["--nonsense", "."]), Err(UsageError::Clap(_))));
    }

    #[test]
    fn every_command_that_talks_to_registries_takes_the_flag_of_insecure_ones() {
        use clap::CommandFactory;
        let cli = Cli::command();
        let takes = |name: &str| {
            let command = cli.find_subcommand(name).expect("there is one");
            command.get_arguments().any(|arg| arg.get_long() == Some("insecure-registry"))
        };
        let talking = ["build", "copy", "diff", "login", "pull", "push", "repro", "run", "save"];
        let all = cli.get_subcommands().map(clap::Command::get_name);
        let found: std::collections::BTreeSet<&str> = all.filter(|name| takes(name)).collect();
        assert_eq!(found, talking.into());
    }

    #[test]
    fn every_flag_with_a_value_is_known_to_take_one() {
        use clap::CommandFactory;
        let cli = Cli::command();
        let repro = cli.find_subcommand("repro").expect("it has the build's flags, and its own");
        for arg in repro.get_arguments().filter(|a| a.get_action().takes_values() && a.get_long().is_some()) {
            let long = format!("--{}", arg.get_long().expect("filtered"));
            assert!(arg.is_require_equals_set() || TAKES_VALUE.contains(&long.as_str()), "{long}");
        }
    }
}
