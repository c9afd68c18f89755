//! `rbuild run`

use std::sync::Arc;

use super::open::{failed, open};
use crate::build::{Interrupt, RunOptions};
use crate::cli::args::RunArgs;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::settings::{one_platform, registry};
use crate::sandbox::Privilege;

/// Runs an image's process and passes its exit code on.
pub fn run(
    args: &RunArgs,
    environment: &Environment,
    privilege: Privilege,
    interrupt: &Arc<Interrupt>,
) -> Ending {
    if privilege == Privilege::NeedsUserNamespace {
        return Ending::Enter(Vec::new());
    }
    let store = match open(environment) {
        Ok(store) => store,
        Err(ending) => return ending,
    };
    let (registry, platform) =
        match (registry(environment, &args.insecure), args.platform.as_deref().map(one_platform).transpose())
        {
            (Ok(registry), Ok(platform)) => (registry, platform),
            (Err(message), _) | (_, Err(message)) => return Ending::Failed(message),
        };
    let options = RunOptions { image: args.image.clone(), platform, command: args.command.clone(), registry };
    match crate::build::run(&store, &options, interrupt) {
        Ok(ended) => Ending::Code(ended.shell_code()),
        Err(_) if interrupt.is_fired() => Ending::Interrupted,
        Err(e) => failed(e),
    }
}
