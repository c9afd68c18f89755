//! `rbuild diff`

use std::sync::Arc;

use super::carry::transfer;
use super::open::failed;
use crate::build::{Found, Interrupt, Transfer, bring_image};
use crate::cli::args::DiffArgs;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::report::{image_json, image_text};
use crate::cli::say::report;
use crate::cli::settings::one_platform;
use crate::oci::Platform;
use crate::repro::{Error, Origin, compare_images};
use crate::store::Store;
use crate::transport::Streams;

/// Says where two images differ.
pub fn diff(args: &DiffArgs, environment: &Environment, interrupt: &Arc<Interrupt>) -> Ending {
    let work = || -> Result<Ending, Ending> {
        let platform = args.platform.as_deref().or(environment.get("DOCKER_DEFAULT_PLATFORM"));
        let platform = platform.map(one_platform).transpose().map_err(Ending::Failed)?;
        let platform = platform.unwrap_or_else(Platform::host);
        // What is brought here has no name: the lease keeps it until it was compared.
        let (store, _lease, first, second) =
            transfer(args.quiet, &args.insecure, environment, interrupt, |store, by| {
                let lease = store.lease()?;
                let bring = |text: &str| bring(store, text, &platform, environment, by);
                Ok((store.clone(), lease, bring(&args.first)?, bring(&args.second)?))
            })?;
        let difference = compare_images(&store, &first, &second, Origin::Unrelated)
            .map_err(|error| stopped(interrupt, error))?;
        report(&if args.json { image_json(&difference, None) } else { image_text(&difference, None) })?;
        Ok(Ending::Code(u8::from(!difference.is_none())))
    };
    work().unwrap_or_else(|ending| ending)
}

/// The end of a comparison that did not come to its end.
pub(super) fn stopped(interrupt: &Interrupt, error: Error) -> Ending {
    if interrupt.is_fired() { Ending::Interrupted } else { failed(error) }
}

/// The image that a place means.
pub(super) fn bring(
    store: &Store,
    text: &str,
    platform: &Platform,
    environment: &Environment,
    by: &Transfer<'_>,
) -> Result<Found, crate::build::Error> {
    let (mut stdin, mut stdout) = (std::io::stdin(), std::io::sink());
    let streams = Streams { stdin: &mut stdin, stdout: &mut stdout, now: environment.now };
    bring_image(store, text, platform, streams, by)
}
