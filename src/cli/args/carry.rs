//! The flags of the commands that move whole images.

use std::path::PathBuf;

use clap::Args;

use super::insecure::Insecure;

pub(super) const PLACES: &str = "\
Places:
  NAME                         an image of the store; if it has none, of the registry. As DST: one of the registry
                               that the name says, such as ghcr.io/me/app, else of the store
  store:NAME                   an image of the store, by name, digest or id
  docker://NAME                an image in a registry
  oci:DIR[:TAG][@DIGEST]       an OCI image layout; oci-layout://DIR[:TAG] is the same
  oci-archive:FILE[:TAG]       the same as a tar, also a compressed one; `-` is standard input or output
  docker-archive:FILE[:NAME]   what docker save writes and docker load reads

Bytes, and so digests, stay as they are. Layers of an image that was built here are compressed on their way to a
registry, as `rbuild push` does.";

/// `rbuild copy`
#[derive(Args, Debug, Clone)]
#[command(after_help = PLACES)]
pub struct CopyArgs {
    /// Where the image is
    #[arg(value_name = "SRC")]
    pub from: String,
    /// Where it goes
    #[arg(value_name = "DST")]
    pub to: String,
    /// Copies all platforms, the index with them
    #[arg(short, long, conflicts_with = "platform")]
    pub all: bool,
    /// Which platform of several [env: DOCKER_DEFAULT_PLATFORM] [default: this machine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// oci makes OCI's media types of Docker's; manifests get other digests [default: as they are]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    #[command(flatten)]
    pub insecure: Insecure,
    /// Shows no progress
    #[arg(short, long)]
    pub quiet: bool,
}

/// `rbuild save`
#[derive(Args, Debug, Clone)]
pub struct SaveArgs {
    /// Names, digests or ids of images in the store
    #[arg(value_name = "NAME", required = true)]
    pub images: Vec<String>,
    /// The file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// docker (an image layout with docker's list beside it) or oci (an image layout alone)
    #[arg(long, value_name = "FORMAT", default_value = "docker")]
    pub format: String,
    /// One platform of several [default: all, if the store has them]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    #[command(flatten)]
    pub insecure: Insecure,
    /// Shows no progress
    #[arg(short, long)]
    pub quiet: bool,
}

/// `rbuild load`
#[derive(Args, Debug, Clone)]
pub struct LoadArgs {
    /// An archive of docker save or podman save, an OCI archive, compressed or not, or a layout [default: standard input]
    #[arg(short, long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// One platform of several [default: all that are there]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,
    /// Shows no progress
    #[arg(short, long)]
    pub quiet: bool,
}
