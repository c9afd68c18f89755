//! From options to the plan's request.

use super::contexts;
use super::options::Options;
use crate::dockerfile::Dockerfile;
use crate::oci::{LAYER_EPOCH, Platform};
use crate::plan::{NoCache, Request};
use crate::worker::ContextFiles;

/// What planning is told.
pub fn request(dockerfile: Dockerfile, options: &Options, context: &ContextFiles) -> Request {
    let build_platform = Platform::host();
    let platform = options.platform.clone().unwrap_or_else(|| build_platform.clone());
    Request {
        dockerfile,
        target: options.target.clone(),
        build_args: options.build_args.clone(),
        labels: options.labels.clone(),
        platform,
        platform_requested: options.platform.is_some(),
        multi_platform: false,
        build_platform,
        contexts: contexts::named(options),
        has_context: !matches!(context, ContextFiles::Empty),
        image_epoch: options.image_epoch,
        fallback_epoch: LAYER_EPOCH,
        layer_epoch: options.layer_epoch,
        no_cache: match (options.no_cache, options.no_cache_stages.is_empty()) {
            (true, _) => NoCache::Always,
            (false, true) => NoCache::Never,
            (false, false) => NoCache::Stages(options.no_cache_stages.clone()),
        },
        proxies: options.proxies.clone(),
        network: options.network,
        allow_insecure: false,
        hosts: options.hosts.clone(),
        shm_size: options.shm_size,
        ulimits: options.ulimits.clone(),
    }
}
