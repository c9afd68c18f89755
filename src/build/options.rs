//! All that a build is told from outside, as values: nothing below reads the environment or the clock.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::cache_options::{CachePlace, CacheTo};
use super::policy::PullPolicy;
use crate::export::{Annotation, Order, PushTo};
use crate::graph::{HostEntry, Network, Remote, Ulimit, UrlSource};
use crate::oci::{Digest, Epoch, LAYER_EPOCH, Platform, Reference};
use crate::plan::LayerEpoch;
use crate::source::ContextModes;

/// One build.
#[derive(Clone)]
pub struct Options {
    /// Where files come from.
    pub context: Context,
    /// Where the Dockerfile comes from.
    pub dockerfile: DockerfileFrom,
    /// Named contexts, by name.
    pub contexts: BTreeMap<String, ContextValue>,
    /// Names for the result.
    pub tags: Vec<Reference>,
    /// The stage to build; the last one if none.
    pub target: Option<String>,
    /// `--build-arg`, values filled in.
    pub build_args: BTreeMap<String, String>,
    /// `--label`, in order.
    pub labels: Vec<(String, String)>,
    /// What is wanted of it.
    pub purpose: Purpose,
    /// Do every step, whatever is recorded.
    pub no_cache: bool,
    /// Stages whose steps are done whatever is recorded.
    pub no_cache_stages: Vec<String>,
    /// What images are wanted for, in this order; one for this machine if none was asked for.
    pub platforms: Vec<Platform>,
    /// When registries are asked for images.
    pub pull: PullPolicy,
    /// What registries said of tags already, to a process before this one.
    pub asked: BTreeMap<Reference, Digest>,
    /// Where the result goes besides the store.
    pub outputs: Vec<Order>,
    /// Which registries it is pushed to, after all else.
    pub pushes: Vec<PushTo>,
    /// `--cache-from`: caches to look into, the first that knows something counts.
    pub cache_from: Vec<CachePlace>,
    /// `--cache-to`: caches to write.
    pub cache_to: Vec<CacheTo>,
    /// `--annotation`: of the image in the store. Outputs and pushes have theirs.
    pub annotations: Vec<Annotation>,
    /// Name of the image in the store besides its tags: this one at its digest.
    pub dangling: Option<Reference>,
    /// `--secret`, by id.
    pub secrets: BTreeMap<String, SecretSource>,
    /// `--ssh`, by id.
    pub ssh: BTreeMap<String, SshSource>,
    /// `--allow security.insecure`
    pub allow_insecure: bool,
    /// `--allow network.host`
    pub allow_host_network: bool,
    /// Where programs of the machine are looked for: `PATH`.
    pub programs: OsString,
    /// The hosts that the user knows for SSH.
    pub known_hosts: Option<PathBuf>,
    /// Proxy variables for RUN.
    pub proxies: Vec<(String, String)>,
    /// `--add-host`
    pub hosts: Vec<HostEntry>,
    /// `--network`: what a RUN without `--network` gets.
    pub network: Network,
    /// `--shm-size` in bytes.
    pub shm_size: Option<u64>,
    /// `--ulimit`
    pub ulimits: Vec<Ulimit>,
    /// Date of config and history; the Dockerfile's default for `SOURCE_DATE_EPOCH`, else a constant, if none.
    pub image_epoch: Option<Epoch>,
    /// Whether the date is to be that of the context's commit.
    pub image_epoch_of_commit: bool,
    /// Time of entries in layers.
    pub layer_epoch: LayerEpoch,
    /// What becomes of the permissions of context files.
    pub modes: ContextModes,
    /// Steps done at once.
    pub jobs: usize,
    /// How registries are reached.
    pub registry: crate::registry::Options,
    /// Now, in seconds since 1970: for what is shown and kept about the store, never for an image.
    pub now: i64,
}

impl Options {
    /// A build of `context` with nothing else asked for.
    pub fn new(context: Context) -> Options {
        Options {
            context,
            dockerfile: DockerfileFrom::Default,
            contexts: BTreeMap::new(),
            tags: Vec::new(),
            target: None,
            build_args: BTreeMap::new(),
            labels: Vec::new(),
            purpose: Purpose::Image,
            no_cache: false,
            no_cache_stages: Vec::new(),
            platforms: Vec::new(),
            pull: PullPolicy::default(),
            asked: BTreeMap::new(),
            outputs: Vec::new(),
            pushes: Vec::new(),
            cache_from: Vec::new(),
            cache_to: Vec::new(),
            annotations: Vec::new(),
            dangling: None,
            secrets: BTreeMap::new(),
            ssh: BTreeMap::new(),
            allow_insecure: false,
            allow_host_network: false,
            programs: OsString::new(),
            known_hosts: None,
            proxies: Vec::new(),
            hosts: Vec::new(),
            network: Network::Default,
            shm_size: None,
            ulimits: Vec::new(),
            image_epoch: None,
            image_epoch_of_commit: false,
            layer_epoch: LayerEpoch::Constant(LAYER_EPOCH),
            modes: ContextModes::Normalise,
            jobs: 1,
            registry: crate::registry::Options::default(),
            now: 0,
        }
    }
}

/// What is wanted of a build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// An image.
    #[default]
    Image,
    /// What the build checks find, and nothing else.
    Findings,
    /// An image, and which line made which of its layers.
    Lines,
    /// The same, and what each RUN leaves when it is done once more.
    Repetition,
}

/// The build context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Context {
    /// A directory.
    Directory(PathBuf),
    /// A tar, or the text of a Dockerfile, on standard input.
    Stdin,
    /// A git repository, or a tar or the text of a Dockerfile behind a URL.
    Remote(Remote),
}

/// Where the Dockerfile comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DockerfileFrom {
    /// `Dockerfile`, `dockerfile` or `Containerfile` in the context.
    Default,
    /// A file.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// Behind a URL.
    Url(UrlSource),
}

/// What a named context stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextValue {
    /// A directory.
    Directory(PathBuf),
    /// A git repository, or a file behind a URL.
    Remote(Remote),
    /// `docker-image://`
    Image(Reference),
    /// `oci-layout://directory[:tag][@digest]`
    Layout {
        /// The layout.
        directory: PathBuf,
        /// Which image in it.
        tag: Option<String>,
        /// Which manifest in it.
        digest: Option<Digest>,
    },
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In a file.
    File(PathBuf),
    /// A value, read from the environment.
    Value(Secret),
}

/// Where `--ssh` gets an agent from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SshSource {
    /// The socket of an agent.
    Agent(PathBuf),
    /// Private keys, for an agent of their own.
    Keys(Vec<PathBuf>),
}

/// A value that prints as stars.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
