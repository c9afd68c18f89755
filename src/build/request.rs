//! From options to the plan's request.

use super::contexts;
use super::options::Options;
use crate::dockerfile::Dockerfile;
use crate::oci::{Epoch, LAYER_EPOCH, Platform};
use crate::plan::{NoCache, Request};
use crate::worker::ContextFiles;

/// What planning is told, for no platform but this machine's.
pub fn request(
    dockerfile: Dockerfile,
    options: &Options,
    context: &ContextFiles,
    commit_time: Option<Epoch>,
) -> Request {
    let build_platform = Platform::host();
    let mut build_args = options.build_args.clone();
    if let Some(epoch) = commit_time.filter(|_| options.image_epoch_of_commit) {
        build_args.insert("SOURCE_DATE_EPOCH".to_string(), epoch.to_string());
    }
    Request {
        dockerfile,
        target: options.target.clone(),
        build_args,
        labels: options.labels.clone(),
        platform: build_platform.clone(),
        platform_requested: false,
        multi_platform: false,
        build_platform,
        contexts: contexts::named(options),
        has_context: !matches!(context, ContextFiles::Empty),
        image_epoch: options.image_epoch.or(commit_time.filter(|_| options.image_epoch_of_commit)),
        fallback_epoch: commit_time.unwrap_or(LAYER_EPOCH),
        layer_epoch: options.layer_epoch,
        no_cache: match (options.no_cache, options.no_cache_stages.is_empty()) {
            (true, _) => NoCache::Always,
            (false, true) => NoCache::Never,
            (false, false) => NoCache::Stages(options.no_cache_stages.clone()),
        },
        proxies: options.proxies.clone(),
        network: options.network,
        allow_insecure: options.allow_insecure,
        allow_host_network: options.allow_host_network,
        hosts: options.hosts.clone(),
        shm_size: options.shm_size,
        ulimits: options.ulimits.clone(),
    }
}
