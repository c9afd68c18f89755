//! `rbuild repro`

use std::sync::Arc;

use super::building::Building;
use super::carry::transfer;
use super::diff::{bring, stopped};
use super::open::{failed, open};
use crate::build::{
    Found, Interrupt, Options, Outcome, Purpose, RunTwice, Second, Traced, Verdict, kept, published,
};
use crate::cli::args::ReproArgs;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::report::{image_json, image_text, repetition_json, repetition_text};
use crate::cli::say::report;
use crate::cli::settings::options;
use crate::export::{Destination, Encode, Output};
use crate::layer::Compression;
use crate::oci::{Platform, descriptor_digest};
use crate::repro::{Error, Finding, Origin, compare_images, compare_layers};
use crate::sandbox::Privilege;
use crate::store::Store;

/// Builds, and says whether the same would come out again.
pub fn repro(
    args: &ReproArgs,
    environment: &Environment,
    privilege: Privilege,
    interrupt: &Arc<Interrupt>,
) -> Ending {
    let work = || -> Result<Ending, Ending> {
        if let Some(flag) = args.asks_for_a_result() {
            let message =
                format!("{flag}: rbuild repro compares and leaves nothing behind; leave the flag out");
            return Err(Ending::Failed(message));
        }
        let options = options(&args.build, environment).map_err(Ending::Failed)?;
        let (quiet, progress) = (args.build.quiet, args.build.progress.as_deref());
        let building = Building { quiet, progress, environment, privilege, interrupt };
        match &args.against {
            Some(image) => against(args, image, options, &building),
            None => twice(args, options, &building),
        }
    };
    work().unwrap_or_else(|ending| ending)
}

/// Each RUN twice.
fn twice(args: &ReproArgs, options: Options, building: &Building<'_>) -> Result<Ending, Ending> {
    let store = open(building.environment)?;
    // What the second time leaves has no name and no record: the lease keeps it until it was compared.
    let _lease = store.lease().map_err(failed)?;
    let traced = traced(building, Options { purpose: Purpose::Repetition, ..options }, &store)?;
    let twice = traced.trace.twice.as_ref().expect("it was asked for");
    let findings = findings(&store, twice).map_err(|error| stopped(building.interrupt, error))?;
    report(&match args.json {
        true => repetition_json(&traced, twice, &findings),
        false => repetition_text(&traced, twice, &findings),
    })?;
    Ok(Ending::Code(code(twice.verdict())))
}

fn code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Reproducible => 0,
        Verdict::NotReproducible => 1,
        Verdict::Inconclusive => 3,
    }
}

/// What differs of each RUN.
fn findings(store: &Store, twice: &RunTwice) -> Result<Vec<Vec<Finding>>, Error> {
    let of = twice.runs.iter().map(|run| match run.second {
        Second::Other { layer, .. } => {
            compare_layers(store, &run.chain(run.first), &run.chain(layer), Origin::OneRun)
        }
        Second::Same { .. } | Second::Failed { .. } => Ok(Vec::new()),
    });
    of.collect()
}

/// The build, beside an image that is there already.
fn against(
    args: &ReproArgs,
    image: &str,
    options: Options,
    building: &Building<'_>,
) -> Result<Ending, Ending> {
    let Building { quiet, environment, interrupt, .. } = *building;
    let platform = match &options.platforms[..] {
        [] => Platform::host(),
        [only] => only.clone(),
        _ => {
            let message = "--against compares one image: give one --platform at a time";
            return Err(Ending::Failed(message.to_string()));
        }
    };
    // First, so that a name that is wrong costs no build.
    let (store, _lease, published) =
        transfer(quiet, &args.build.insecure, environment, interrupt, |store, by| {
            let lease = store.lease()?;
            // What this machine calls so may be what it built a moment ago.
            let published = published(image)?;
            Ok((store.clone(), lease, bring(store, &published, &platform, environment, by)?))
        })?;
    // As it would be sent: what was published is compressed, and what a build keeps is not.
    let encode = Encode { compression: compression(&published), force: false };
    let outputs = vec![Output::OciArchive(Destination::Stdout, encode).into()];
    let traced = traced(building, Options { purpose: Purpose::Lines, outputs, ..options }, &store)?;
    let kept = kept(&store, &traced.built.kept.to_string()).map_err(failed)?;
    let built = kept.pick(image, None).map_err(failed)?;
    let stopped = |error| stopped(interrupt, error);
    let mut difference = compare_images(&store, &published, built, Origin::Unrelated).map_err(stopped)?;
    let sent = descriptor_digest(&traced.built.top).map_err(failed)?;
    difference.as_sent(&store, sent).map_err(stopped)?;
    report(&match args.json {
        true => image_json(&difference, Some(&traced)),
        false => image_text(&difference, Some(&traced)),
    })?;
    // Another builder compresses otherwise, and a container sees nothing of it.
    Ok(Ending::Code(u8::from(!difference.is_same_image())))
}

/// How the topmost layer of an image is compressed, which is most likely one of its own and not of its base.
fn compression(image: &Found) -> Compression {
    let layers = image.manifest.layers();
    let form = layers.last().map(|layer| layer.media_type().to_string()).unwrap_or_default();
    match form.rsplit(['+', '.']).next() {
        Some("zstd") => Compression::ZSTD,
        Some("tar") => Compression::Uncompressed,
        _ => Compression::default(),
    }
}

fn traced(building: &Building<'_>, options: Options, store: &Store) -> Result<Box<Traced>, Ending> {
    match building.build(options, store, &mut std::io::sink())? {
        Outcome::Traced(traced) => Ok(traced),
        _ => unreachable!("a trace was asked for"),
    }
}
