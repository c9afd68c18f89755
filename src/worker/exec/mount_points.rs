//! Where something is mounted in every RUN, as a directory below all layers.
//!
//! Images mostly lack the two files. The sandbox makes what is missing in the upper directory, where the parent is copied to,
//! and takes it away when the process has ended; what is here already it finds.

use std::path::PathBuf;

use crate::oci::{Digest, LAYER_EPOCH};
use crate::snapshot::{Error, Item};
use crate::tree::{Entry, Kind, RootPath, Stack, Time};
use crate::worker::perform::Worker;

/// The directory of the two files.
const ETC: &str = "/etc";

const POINTS: [(&str, bool); 7] = [
    ("/", true),
    ("/dev", true),
    (ETC, true),
    (super::hosts::HOSTS, false),
    (super::hosts::RESOLV_CONF, false),
    ("/proc", true),
    ("/sys", true),
];

impl Worker<'_> {
    /// The directory that is to be the lowest.
    pub(super) fn mount_points(&self) -> Result<PathBuf, Error> {
        self.ground.aside(&|| entries().map(|entry| Item { entry, source: None }).collect())
    }
}

/// What of an upper directory is not the process's, unless it put something there: what the sandbox `made`, and the directory
/// above our files, which is copied up with a change in it. What something is mounted on is never copied up, so that a file at
/// such a path is the process's: the tree may lead elsewhere from there.
pub(super) fn not_written(mut made: Vec<RootPath>, below: &Stack) -> Vec<RootPath> {
    let etc = RootPath::clean(ETC).expect("valid");
    if below.get(&etc).is_none() {
        made.push(etc);
    }
    made
}

fn entries() -> impl Iterator<Item = Entry> {
    let time = Time::from_seconds(LAYER_EPOCH.0);
    POINTS.into_iter().map(move |(path, is_directory)| {
        let path = RootPath::clean(path).expect("valid");
        let directory = Entry::directory(path, time);
        if is_directory {
            return directory;
        }
        Entry { kind: Kind::File { size: 0, digest: Digest::of(b"") }, mode: 0o644, ..directory }
    })
}
