//! One output of a build, and its writing.

use std::io::Write;
use std::path::PathBuf;

use super::archive::{Dialect, archive};
use super::blob::Encode;
use super::destination::Destination;
use super::error::Error;
use super::finished::{Exported, Finished};
use super::layout::layout;
use super::local::local;
use super::rootfs::rootfs;
use crate::oci::{Digest, canonical};
use crate::store::Store;

/// One output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// `type=oci`: an image layout in a tar.
    OciArchive(Destination, Encode),
    /// `type=oci,tar=false`: an image layout as a directory; one that is there already keeps its other images.
    OciDirectory(PathBuf, Encode),
    /// `type=docker`: for `docker load` and `podman load`.
    DockerArchive(Destination, Encode),
    /// `type=docker,tar=false`: the same as a directory.
    DockerDirectory(PathBuf, Encode),
    /// `type=local`: the root file system as a directory.
    Local(PathBuf),
    /// `type=tar`: the root file system in a tar.
    Tar(Destination),
}

impl Output {
    /// How layers are compressed; none where no layer goes out as such.
    pub fn encode(&self) -> Option<Encode> {
        match self {
            Output::OciArchive(_, encode)
            | Output::OciDirectory(_, encode)
            | Output::DockerArchive(_, encode)
            | Output::DockerDirectory(_, encode) => Some(*encode),
            Output::Local(_) | Output::Tar(_) => None,
        }
    }

    /// Whether this is written to standard output.
    pub fn is_stdout(&self) -> bool {
        match self {
            Output::OciArchive(destination, _)
            | Output::DockerArchive(destination, _)
            | Output::Tar(destination) => *destination == Destination::Stdout,
            Output::OciDirectory(..) | Output::DockerDirectory(..) | Output::Local(_) => false,
        }
    }
}

/// Writes one output. `stdout` takes what goes to [`Destination::Stdout`].
pub fn export(
    store: &Store,
    image: &Finished,
    output: &Output,
    stdout: &mut dyn Write,
) -> Result<Exported, Error> {
    match output {
        Output::OciArchive(to, encode) => archive(store, image, to, *encode, Dialect::Oci, stdout),
        Output::DockerArchive(to, encode) => archive(store, image, to, *encode, Dialect::Docker, stdout),
        Output::OciDirectory(to, encode) => layout(store, image, to, *encode, Dialect::Oci),
        Output::DockerDirectory(to, encode) => layout(store, image, to, *encode, Dialect::Docker),
        Output::Local(to) => local(store, image, to).map(|()| without_manifest(image)),
        Output::Tar(to) => rootfs(store, image, to, stdout).map(|()| without_manifest(image)),
    }
}

fn without_manifest(image: &Finished) -> Exported {
    Exported { manifest: None, config: Digest::of(&canonical(&image.config)) }
}
