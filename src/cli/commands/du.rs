//! `rbuild du`

use super::open::{failed, open};
use crate::cli::args::DuArgs;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::say::out;
use crate::cli::size::bytes;
use crate::sandbox::{Privilege, probe};

/// Shows what the store holds.
pub fn du(args: &DuArgs, environment: &Environment, privilege: Privilege) -> Ending {
    // Directories of subordinate ids can only be counted inside the namespace. Who cannot enter one has none.
    if privilege == Privilege::NeedsUserNamespace && probe().is_ok() {
        return Ending::Enter(Vec::new());
    }
    match try_du(args, environment) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn try_du(args: &DuArgs, environment: &Environment) -> Result<Ending, Ending> {
    let store = open(environment)?;
    let mut text = String::new();
    if args.verbose {
        for item in store.items().map_err(failed)? {
            text += &format!("{:<12} {:>9}  {}\n", item.kind.as_str(), bytes(item.bytes), item.id);
        }
        text.push('\n');
    }
    let usage = store.usage().map_err(failed)?;
    text += &format!("{:<12} {:>7}  {:>9}  {:>11}\n", "KIND", "COUNT", "SIZE", "RECLAIMABLE");
    for (kind, of) in
        usage.kinds.iter().map(|(kind, of)| (kind.as_str(), of)).chain([("total", &usage.total)])
    {
        text +=
            &format!("{kind:<12} {:>7}  {:>9}  {:>11}\n", of.count, bytes(of.bytes), bytes(of.reclaimable));
    }
    text += &format!("\n{} of at most {}\n", bytes(usage.total.bytes), bytes(usage.limit));
    out(&text)?;
    Ok(Ending::Code(0))
}
