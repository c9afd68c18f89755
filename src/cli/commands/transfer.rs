//! `rbuild push` and `rbuild pull`

use std::sync::Arc;

use super::building::display;
use super::open::{failed, open};
use crate::build::{Error, Interrupt, Transfer};
use crate::cli::args::{Insecure, PullArgs, PushArgs};
use crate::cli::display::Watch;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::settings::{one_platform, platforms, registry};
use crate::http::Canceled;
use crate::oci::{Digest, Platform, Reference};
use crate::registry::Client;
use crate::store::Store;

/// Pushes an image of the store.
pub fn push(args: &PushArgs, environment: &Environment, interrupt: &Arc<Interrupt>) -> Ending {
    let to = args.destination.as_ref().unwrap_or(&args.image);
    let platform = match args.platform.as_deref().map(one_platform).transpose() {
        Ok(platform) => platform,
        Err(message) => return Ending::Failed(message),
    };
    moved(to, args.quiet, &args.insecure, environment, interrupt, |store, to, by| {
        if to.digest.is_some() {
            return Err(Error::Usage(format!(
                "{}: what is pushed gets the digest that it has",
                to.familiar()
            )));
        }
        crate::build::push_image(store, &args.image, to, platform.as_ref(), by)
    })
}

/// Brings an image into the store.
pub fn pull(args: &PullArgs, environment: &Environment, interrupt: &Arc<Interrupt>) -> Ending {
    let asked = match platforms(&args.platform, environment) {
        Ok(platforms) => platforms,
        Err(message) => return Ending::Failed(message),
    };
    let host = [Platform::host()];
    let (first, others) = asked.split_first().unwrap_or((&host[0], &[]));
    moved(&args.image, args.quiet, &args.insecure, environment, interrupt, |store, name, by| {
        let digest = crate::build::pull(store, name, first, by)?;
        // Whatever the tag means by then: all are of one index.
        let pinned = Reference { digest: Some(digest), ..name.clone() };
        others
            .iter()
            .try_for_each(|platform| crate::build::pull(store, &pinned, platform, by).map(|_| ()))?;
        Ok(digest)
    })
}

fn moved(
    name: &str,
    quiet: bool,
    insecure: &Insecure,
    environment: &Environment,
    interrupt: &Arc<Interrupt>,
    work: impl FnOnce(&Store, &Reference, &Transfer<'_>) -> Result<Digest, Error>,
) -> Ending {
    let prepare = || -> Result<_, Ending> {
        let name: Reference = name.parse().map_err(failed)?;
        let mut options = registry(environment, insecure).map_err(Ending::Failed)?;
        let stopped = Arc::clone(interrupt);
        options.http.canceled = Canceled::new(move || stopped.is_fired());
        let display = display(quiet, None, environment).map_err(Ending::Failed)?;
        Ok((name, Client::new(options), open(environment)?, display))
    };
    let (name, client, store, display) = match prepare() {
        Ok(prepared) => prepared,
        Err(ending) => return ending,
    };
    let watch = Watch::start(display);
    let canceled = || interrupt.is_fired();
    let by = Transfer { client: &client, sink: &watch, canceled: &canceled, now: environment.now };
    let result = work(&store, &name, &by);
    watch.finish();
    match result {
        Ok(digest) => {
            println!("{}@{digest}", name.name());
            Ending::Code(0)
        }
        Err(_) if interrupt.is_fired() => Ending::Interrupted,
        Err(error) => failed(error),
    }
}
