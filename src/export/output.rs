//! One output of a build, and its writing.

use std::io::Write;
use std::path::PathBuf;

use super::archive::{Dialect, archive};
use super::blob::Encode;
use super::destination::Destination;
use super::dress::Dress;
use super::engine::Engine;
use super::engine_load::into_engine;
use super::error::Error;
use super::finished::{Exported, ImageSet};
use super::layout::layout;
use super::local::local;
use super::rootfs::rootfs;
use super::trees::Split;
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
    /// `type=docker` without a destination: into a container engine of this machine.
    Engine(Engine, Encode),
    /// `type=local`: the root file system as a directory.
    Local(PathBuf, Split),
    /// `type=tar`: the root file system in a tar.
    Tar(Destination, Split),
}

impl Output {
    /// How layers are compressed; none where no layer goes out as such.
    pub fn encode(&self) -> Option<Encode> {
        match self {
            Output::OciArchive(_, encode)
            | Output::OciDirectory(_, encode)
            | Output::DockerArchive(_, encode)
            | Output::DockerDirectory(_, encode)
            | Output::Engine(_, encode) => Some(*encode),
            Output::Local(..) | Output::Tar(..) => None,
        }
    }

    /// Whether this can hold an index. COMPAT: `docker load` and its archives know of none.
    pub fn takes_index(&self) -> bool {
        !matches!(self, Output::DockerArchive(..) | Output::DockerDirectory(..) | Output::Engine(..))
    }

    /// Whether this is written to standard output.
    pub fn is_stdout(&self) -> bool {
        match self {
            Output::OciArchive(destination, _)
            | Output::DockerArchive(destination, _)
            | Output::Tar(destination, _) => *destination == Destination::Stdout,
            Output::OciDirectory(..)
            | Output::DockerDirectory(..)
            | Output::Engine(..)
            | Output::Local(..) => false,
        }
    }
}

/// One output, with what it has of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is written.
    pub output: Output,
    /// Its names, annotations and media types.
    pub dress: Dress,
}

impl From<Output> for Order {
    fn from(output: Output) -> Order {
        Order { output, dress: Dress::default() }
    }
}

/// Writes one output. `stdout` takes what goes to [`Destination::Stdout`].
pub fn export(
    store: &Store,
    set: &ImageSet,
    output: &Output,
    stdout: &mut dyn Write,
) -> Result<Exported, Error> {
    if set.indexed && !output.takes_index() {
        return Err(Error::OneImage(set.platforms()));
    }
    match output {
        Output::OciArchive(to, encode) => archive(store, set, to, *encode, Dialect::Oci, stdout),
        Output::DockerArchive(to, encode) => archive(store, set, to, *encode, Dialect::Docker, stdout),
        Output::OciDirectory(to, encode) => layout(store, set, to, *encode, Dialect::Oci),
        Output::DockerDirectory(to, encode) => layout(store, set, to, *encode, Dialect::Docker),
        Output::Engine(engine, encode) => {
            let mut exported = None;
            into_engine(engine, |out| {
                let archive = archive(store, set, &Destination::Stdout, *encode, Dialect::Docker, out)?;
                exported = Some(archive);
                Ok(())
            })?;
            Ok(exported.expect("an engine took what was written"))
        }
        Output::Local(to, split) => local(store, set, to, *split).map(|()| without_manifest(set)),
        Output::Tar(to, split) => rootfs(store, set, to, *split, stdout).map(|()| without_manifest(set)),
    }
}

fn without_manifest(set: &ImageSet) -> Exported {
    let configs = set.images.iter().map(|image| Digest::of(&canonical(&image.config))).collect();
    Exported { top: None, configs }
}
