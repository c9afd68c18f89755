//! `rbuild du`

use super::open::{failed, open};
use crate::cli::args::DuArgs;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::size::bytes;
use crate::sandbox::Privilege;

/// Shows what the store holds.
pub fn du(args: &DuArgs, environment: &Environment, privilege: Privilege) -> Ending {
    // Directories of subordinate ids can only be counted inside the namespace.
    if privilege == Privilege::NeedsUserNamespace {
        return Ending::Enter;
    }
    match try_du(args, environment) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn try_du(args: &DuArgs, environment: &Environment) -> Result<Ending, Ending> {
    let store = open(environment)?;
    if args.verbose {
        for item in store.items().map_err(failed)? {
            println!("{:<12} {:>9}  {}", item.kind.as_str(), bytes(item.bytes), item.id);
        }
        println!();
    }
    let usage = store.usage().map_err(failed)?;
    println!("{:<12} {:>7}  {:>9}  {:>11}", "KIND", "COUNT", "SIZE", "RECLAIMABLE");
    for (kind, of) in
        usage.kinds.iter().map(|(kind, of)| (kind.as_str(), of)).chain([("total", &usage.total)])
    {
        println!("{kind:<12} {:>7}  {:>9}  {:>11}", of.count, bytes(of.bytes), bytes(of.reclaimable));
    }
    println!("\n{} of at most {}", bytes(usage.total.bytes), bytes(usage.limit));
    Ok(Ending::Code(0))
}
