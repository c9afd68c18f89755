//! The flags of the commands beside the build.

use std::path::PathBuf;

use clap::Args;

use super::insecure::Insecure;

/// `rbuild import`
#[derive(Args, Debug, Clone)]
pub struct ImportArgs {
    /// A tar of a root file system, plain or compressed, as debootstrap or mmdebstrap make it; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Name for the image
    #[arg(value_name = "NAME[:TAG]")]
    pub name: String,
    /// Platform that the files are for
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
}

/// `rbuild inspect`
#[derive(Args, Debug, Clone)]
pub struct InspectArgs {
    /// Name, digest or id of an image in the store
    #[arg(value_name = "REF")]
    pub image: String,
    /// Which image of an index [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// Prints JSON: name, digest, config, layers
    #[arg(long)]
    pub json: bool,
}

/// `rbuild run`
#[derive(Args, Debug, Clone)]
pub struct RunArgs {
    /// Name, digest or id of an image in the store
    #[arg(value_name = "REF")]
    pub image: String,
    /// Which image of an index [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    #[command(flatten)]
    pub insecure: Insecure,
    /// Instead of the image's CMD
    #[arg(value_name = "CMD", last = true)]
    pub command: Vec<String>,
}

/// `rbuild prune`
#[derive(Args, Debug, Clone)]
pub struct PruneArgs {
    /// Takes everything that no name holds, however young
    #[arg(short, long)]
    pub all: bool,
    /// Takes only what was not used for this long, such as 24h or 7d
    #[arg(long, value_name = "AGE")]
    pub until: Option<String>,
    /// Takes the oldest until the store is no larger than this, such as 10GB
    #[arg(long, value_name = "SIZE")]
    pub keep_size: Option<String>,
    /// Takes only what fits: type=layer|record|snapshot|cache-mount|blob|log, until=AGE, ref=GLOB
    #[arg(long, value_name = "KEY=VALUE")]
    pub filter: Vec<String>,
}

/// `rbuild du`
#[derive(Args, Debug, Clone)]
pub struct DuArgs {
    /// Lists every object
    #[arg(short, long)]
    pub verbose: bool,
}
