//! What is asked for: a Dockerfile and everything on the command line that changes what it means.

use std::collections::BTreeMap;

use crate::dockerfile::Dockerfile;
use crate::graph::{HostEntry, ImageName, Network, Ulimit};
use crate::oci::{Epoch, LAYER_EPOCH, Platform};

/// One build of one target for one platform.
#[derive(Clone, Debug)]
pub struct Request {
    /// The text, parsed.
    pub dockerfile: Dockerfile,
    /// `--target`: a stage's name or number; none for the last.
    pub target: Option<String>,
    /// `--build-arg`.
    pub build_args: BTreeMap<String, String>,
    /// `--label`, in order; they come after all that the Dockerfile sets.
    pub labels: Vec<(String, String)>,
    /// The platform to build for.
    pub platform: Platform,
    /// Whether `platform` was asked for by name: then the image says so even where its base says otherwise.
    pub platform_requested: bool,
    /// Whether this is one of several platforms, so that labels must name it.
    pub multi_platform: bool,
    /// The platform that builds.
    pub build_platform: Platform,
    /// `--build-context`, by name as it was typed.
    pub contexts: BTreeMap<String, NamedContext>,
    /// Whether there is a build context to copy from.
    pub has_context: bool,
    /// The image epoch, where the command line or the environment gives one.
    pub image_epoch: Option<Epoch>,
    /// The image epoch where nothing gives one: a git context's commit time, or the constant.
    pub fallback_epoch: Epoch,
    /// `--layer-epoch`.
    pub layer_epoch: LayerEpoch,
    /// `--no-cache` and `--no-cache-filter`.
    pub no_cache: NoCache,
    /// Proxy variables of the user's Docker configuration; a build argument of the same name comes before.
    pub proxies: Vec<(String, String)>,
    /// `--network`: of each RUN that does not say otherwise.
    pub network: Network,
    /// Whether the entitlement `security.insecure` was given.
    pub allow_insecure: bool,
    /// Whether the entitlement `network.host` was given.
    pub allow_host_network: bool,
    /// `--add-host`.
    pub hosts: Vec<HostEntry>,
    /// `--shm-size`, in bytes.
    pub shm_size: Option<u64>,
    /// `--ulimit`.
    pub ulimits: Vec<Ulimit>,
}

/// What a named context stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedContext {
    /// A directory or an archive of files.
    Files,
    /// An image.
    Image(ImageName),
}

/// The time that layers bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerEpoch {
    /// The same in every build.
    Constant(Epoch),
    /// The image epoch.
    Source,
    /// Times are kept as they are.
    Preserve,
}

/// Which recorded results are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NoCache {
    /// None.
    #[default]
    Never,
    /// All.
    Always,
    /// Those of the stages with these names.
    Stages(Vec<String>),
}

impl Request {
    /// A build of `dockerfile` for `platform` with a build context and nothing else asked for.
    pub fn new(dockerfile: Dockerfile, platform: Platform) -> Request {
        Request {
            dockerfile,
            target: None,
            build_args: BTreeMap::new(),
            labels: Vec::new(),
            build_platform: platform.clone(),
            platform,
            platform_requested: false,
            multi_platform: false,
            contexts: BTreeMap::new(),
            has_context: true,
            image_epoch: None,
            fallback_epoch: LAYER_EPOCH,
            layer_epoch: LayerEpoch::Constant(LAYER_EPOCH),
            no_cache: NoCache::Never,
            proxies: Vec::new(),
            network: Network::Default,
            allow_insecure: false,
            allow_host_network: false,
            hosts: Vec::new(),
            shm_size: None,
            ulimits: Vec::new(),
        }
    }
}

impl NoCache {
    /// Whether the results of the stage called `name` are passed over.
    pub(super) fn covers(&self, name: Option<&str>) -> bool {
        match self {
            NoCache::Never => false,
            NoCache::Always => true,
            NoCache::Stages(names) => {
                name.is_some_and(|name| names.iter().any(|other| other.eq_ignore_ascii_case(name)))
            }
        }
    }
}
