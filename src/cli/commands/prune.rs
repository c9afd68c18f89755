//! `rbuild prune`

use super::open::{failed, open};
use crate::cli::args::PruneArgs;
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::say::{note, out};
use crate::cli::size::{bytes, parse_age, parse_bytes};
use crate::sandbox::{Privilege, probe};
use crate::store::{Filter, PruneOptions};

/// Frees space.
pub fn prune(args: &PruneArgs, environment: &Environment, privilege: Privilege) -> Ending {
    // What a RUN wrote belongs to subordinate ids: only inside the namespace can it be removed. Who cannot enter
    // one has none of it.
    if privilege == Privilege::NeedsUserNamespace && probe().is_ok() {
        return Ending::Enter(Vec::new());
    }
    match try_prune(args, environment) {
        Ok(ending) | Err(ending) => ending,
    }
}

fn try_prune(args: &PruneArgs, environment: &Environment) -> Result<Ending, Ending> {
    let unused_for =
        match &args.until {
            None => None,
            Some(text) => Some(parse_age(text).ok_or_else(|| {
                Ending::Failed(format!("--until {text}: expected an age such as 24h or 7d"))
            })?),
        };
    let max_used_space = match &args.keep_size {
        None => None,
        Some(text) => Some(
            parse_bytes(text)
                .ok_or_else(|| Ending::Failed(format!("--keep-size {text}: expected a size such as 10GB")))?,
        ),
    };
    let filters =
        args.filter.iter().map(|text| Filter::parse(text)).collect::<Result<_, _>>().map_err(failed)?;
    let options =
        PruneOptions { all: args.all, unused_for, filters, max_used_space, ..PruneOptions::default() };
    let report = open(environment)?.prune(&options).map_err(failed)?;
    for failure in &report.failed {
        note(&format!("rbuild: {failure}"));
    }
    let mut text = String::new();
    for item in &report.removed {
        text += &format!("{:<12} {:>9}  {}\n", item.kind.as_str(), bytes(item.bytes), item.id);
    }
    text += &format!("freed {}, {} left\n", bytes(report.freed), bytes(report.left));
    if report.in_use > 0 {
        text += &format!("{} objects stay because a build that is running may use them\n", report.in_use);
    }
    out(&text)?;
    Ok(Ending::Code(u8::from(!report.failed.is_empty())))
}
