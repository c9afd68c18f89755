//! The flags of `rbuild build`, named as users of `docker build` know them.

// What clap shows is written for people who read usage lines, not for rustdoc.
#![allow(rustdoc::broken_intra_doc_links, reason = "brackets mean optional parts in a usage line")]

use std::path::PathBuf;

use clap::Args;

use super::insecure::Insecure;

/// Flags of a build, as typed.
#[derive(Args, Debug, Clone)]
pub struct BuildArgs {
    /// Directory or git URL with the files to build from; `-` or a URL for a tar (or a Dockerfile)
    #[arg(value_name = "CONTEXT")]
    pub context: PathBuf,

    /// Dockerfile; `-` for standard input, or a URL [default: Dockerfile, dockerfile or Containerfile in CONTEXT]
    #[arg(short, long, value_name = "PATH", help_heading = "What to build")]
    pub file: Option<PathBuf>,
    /// Stage to build, by name or number [default: the last]
    #[arg(long, value_name = "STAGE", help_heading = "What to build")]
    pub target: Option<String>,
    /// Value for an ARG; NAME alone takes it from the environment
    #[arg(long, value_name = "NAME[=VALUE]", help_heading = "What to build")]
    pub build_arg: Vec<String>,
    /// Replaces an image or stage: NAME=directory, docker-image://REF, oci-layout://DIR[:TAG][@DIGEST] or a URL
    #[arg(long, value_name = "NAME=VALUE", help_heading = "What to build")]
    pub build_context: Vec<String>,
    /// Platform of the image, such as linux/arm64; of several an index is made [env: DOCKER_DEFAULT_PLATFORM]
    #[arg(long, value_name = "OS/ARCH[,…]", help_heading = "What to build")]
    pub platform: Vec<String>,
    /// Adds a label
    #[arg(long, value_name = "NAME=VALUE", help_heading = "What to build")]
    pub label: Vec<String>,

    /// Only checks: says what the build checks find, does no step; exits with 1 if they found something
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "What to do")]
    pub check: Option<bool>,
    /// What to do: build, or check as --check does [default: build]
    #[arg(long, value_name = "METHOD", help_heading = "What to do")]
    pub call: Option<String>,

    /// Name for the image; may be repeated
    #[arg(short, long, value_name = "NAME[:TAG]", help_heading = "Where it goes")]
    pub tag: Vec<String>,
    /// type=oci|docker|local|tar,dest=PATH, type=docker, type=registry or type=image[,push=true], with name=, compression=,
    /// annotation.KEY= and more (docs/outputs.md); a PATH alone is type=local, `-` a tar on standard output; may be
    /// repeated [default: rbuild's own store]
    #[arg(short, long, value_name = "SPEC", help_heading = "Where it goes")]
    pub output: Vec<String>,
    /// Pushes the image to the registries of its names
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Where it goes")]
    pub push: Option<bool>,
    /// Loads the image into the docker or podman of this machine, as -o type=docker does
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", help_heading = "Where it goes")]
    pub load: Option<bool>,
    /// An annotation; LEVEL is manifest, index, manifest-descriptor or index-descriptor, also several with commas,
    /// each with [PLATFORM] if it is for one
    #[arg(long, value_name = "[LEVEL:]KEY=VALUE", help_heading = "Where it goes")]
    pub annotation: Vec<String>,
    /// Writes the image's id to a file
    #[arg(long, value_name = "FILE", help_heading = "Where it goes")]
    pub iidfile: Option<PathBuf>,
    /// Writes what is known of the result, as JSON, to a file
    #[arg(long, value_name = "FILE", help_heading = "Where it goes")]
    pub metadata_file: Option<PathBuf>,

    /// Does every step, whatever is recorded
    #[arg(long, help_heading = "Cache")]
    pub no_cache: bool,
    /// Does every step of these stages, whatever is recorded
    #[arg(long, value_name = "STAGE", value_delimiter = ',', help_heading = "Cache")]
    pub no_cache_filter: Vec<String>,
    /// A cache to look into: an IMAGE or CACHE, type=registry,ref=NAME or type=local,src=DIR; may be repeated
    #[arg(long, value_name = "SPEC", help_heading = "Cache")]
    pub cache_from: Vec<String>,
    /// A cache to write: type=registry,ref=NAME or type=local,dest=DIR, with [,mode=min|max][,compression=gzip|zstd|uncompressed]
    /// [,ignore-error=false]; or type=inline, in the image itself; may be repeated
    #[arg(long, value_name = "SPEC", help_heading = "Cache")]
    pub cache_to: Vec<String>,
    /// When registries are asked for images: always, missing, newer or never; alone: always [default: missing]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "always", value_name = "WHEN", help_heading = "Cache")]
    pub pull: Option<String>,
    #[command(flatten, next_help_heading = "Cache")]
    pub insecure: Insecure,

    /// A secret for RUN --mount=type=secret: id=ID,src=FILE or id=ID,env=NAME
    #[arg(long, value_name = "SPEC", help_heading = "RUN")]
    pub secret: Vec<String>,
    /// An SSH agent for RUN --mount=type=ssh and for git: default, or ID[=SOCKET|=KEY[,KEY…]]
    #[arg(long, value_name = "SPEC", help_heading = "RUN")]
    pub ssh: Vec<String>,
    /// Lets the Dockerfile ask for more: security.insecure, network.host
    #[arg(long, value_name = "ENTITLEMENT", value_delimiter = ',', help_heading = "RUN")]
    pub allow: Vec<String>,
    /// Network of RUN: default, host or none
    #[arg(long, value_name = "MODE", help_heading = "RUN")]
    pub network: Option<String>,
    /// A line for /etc/hosts: NAME:ADDRESS
    #[arg(long, value_name = "NAME:ADDRESS", help_heading = "RUN")]
    pub add_host: Vec<String>,
    /// Size of /dev/shm, such as 64m
    #[arg(long, value_name = "SIZE", help_heading = "RUN")]
    pub shm_size: Option<String>,
    /// A resource limit: NAME=SOFT[:HARD]
    #[arg(long, value_name = "NAME=SOFT[:HARD]", help_heading = "RUN")]
    pub ulimit: Vec<String>,
    /// Steps done at once [default: 4 for each processor]
    #[arg(long, value_name = "N", help_heading = "RUN")]
    pub jobs: Option<usize>,

    /// Date of config and history: seconds since 1970, `now` or `git` [env: SOURCE_DATE_EPOCH]
    #[arg(long, value_name = "TIME", help_heading = "Bytes")]
    pub source_date_epoch: Option<String>,
    /// Time of files in layers: seconds, `source` or `preserve` [env: RBUILD_LAYER_EPOCH] [default: 1980-01-01]
    #[arg(long, value_name = "TIME", help_heading = "Bytes")]
    pub layer_epoch: Option<String>,
    /// Permissions of context files: normalise, git (0644 and 0755) or preserve [env: RBUILD_CONTEXT_MODES]
    #[arg(long, value_name = "MODE", help_heading = "Bytes")]
    pub context_modes: Option<String>,

    /// Shows no progress; a build prints the image's id then
    #[arg(short, long, help_heading = "Display")]
    pub quiet: bool,
    /// auto, tty, plain or quiet [env: BUILDKIT_PROGRESS]
    #[arg(long, value_name = "KIND", help_heading = "Display")]
    pub progress: Option<String>,
}
