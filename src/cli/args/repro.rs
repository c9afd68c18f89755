//! The flags of the commands that compare.

use clap::Args;

use super::build::BuildArgs;
use super::carry::PLACES;
use super::insecure::Insecure;

const REPRO_HELP: &str = "\
Exit code: 0 the same bytes, 1 not, 2 it could not be built or compared, 3 a RUN failed the second time.

Examples:
  rbuild repro .                              does each RUN twice, says which line is to blame for what differs
  rbuild repro --against registry.example/app:1 .   builds, and compares with what was published";

/// `rbuild repro`
#[derive(Args, Debug, Clone)]
#[command(after_help = REPRO_HELP)]
pub struct ReproArgs {
    /// An image to compare the build with, in place of doing each RUN twice; places as of rbuild diff
    #[arg(long, value_name = "IMAGE", help_heading = "What to do")]
    pub against: Option<String>,
    /// Prints the report as JSON
    #[arg(long, help_heading = "Display")]
    pub json: bool,
    #[command(flatten)]
    pub build: BuildArgs,
}

impl ReproArgs {
    /// The first flag that asks for a result of the build, of which there is none.
    pub fn asks_for_a_result(&self) -> Option<&'static str> {
        let BuildArgs {
            tag,
            output,
            push,
            load,
            annotation,
            iidfile,
            metadata_file,
            cache_to,
            check,
            call,
            ..
        } = &self.build;
        let asked = [
            ("--tag", !tag.is_empty()),
            ("--output", !output.is_empty()),
            ("--push", push.is_some()),
            ("--load", load.is_some()),
            ("--annotation", !annotation.is_empty()),
            ("--iidfile", iidfile.is_some()),
            ("--metadata-file", metadata_file.is_some()),
            ("--cache-to", !cache_to.is_empty()),
            ("--check", check.is_some()),
            ("--call", call.is_some()),
        ];
        asked.into_iter().find(|(_, asked)| *asked).map(|(flag, _)| flag)
    }
}

/// `rbuild diff`
#[derive(Args, Debug, Clone)]
#[command(after_help = PLACES)]
pub struct DiffArgs {
    /// An image
    #[arg(value_name = "A")]
    pub first: String,
    /// Another
    #[arg(value_name = "B")]
    pub second: String,
    /// Which platform of several [env: DOCKER_DEFAULT_PLATFORM] [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// Prints the report as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub insecure: Insecure,
    /// Shows no progress
    #[arg(short, long)]
    pub quiet: bool,
}
