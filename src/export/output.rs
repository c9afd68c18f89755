//! One output of a build, and its writing.

use std::io::Write;
use std::path::PathBuf;

use super::destination::Destination;
use super::error::Error;
use super::finished::{Exported, Finished};
use crate::layer::Compression;
use crate::store::Store;

/// How layers are compressed on their way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encode {
    /// For layers that are not compressed yet.
    pub compression: Compression,
    /// Also for those that came compressed.
    pub force: bool,
}

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

/// Writes one output. `stdout` takes what goes to [`Destination::Stdout`].
pub fn export(
    store: &Store,
    image: &Finished,
    output: &Output,
    stdout: &mut dyn Write,
) -> Result<Exported, Error> {
    let _ = (store, image, output, stdout);
    todo!()
}
