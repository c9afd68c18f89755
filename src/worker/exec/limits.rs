//! `--ulimit` in the sandbox's words.

use crate::graph::Ulimit;
use crate::sandbox::{Resource, Rlimit};

/// The limits; names that Linux does not have were refused when they were read.
pub fn rlimits(ulimits: &[Ulimit]) -> Vec<Rlimit> {
    let value = |number: i64| u64::try_from(number).ok();
    let limit = |ulimit: &Ulimit| {
        let Ulimit { name, soft, hard } = ulimit;
        resource(name).map(|resource| Rlimit { resource, soft: value(*soft), hard: value(*hard) })
    };
    ulimits.iter().filter_map(limit).collect()
}

fn resource(name: &str) -> Option<Resource> {
    Some(match name {
        "as" => Resource::As,
        "core" => Resource::Core,
        "cpu" => Resource::Cpu,
        "data" => Resource::Data,
        "fsize" => Resource::Fsize,
        "locks" => Resource::Locks,
        "memlock" => Resource::Memlock,
        "msgqueue" => Resource::Msgqueue,
        "nice" => Resource::Nice,
        "nofile" => Resource::Nofile,
        "nproc" => Resource::Nproc,
        "rss" => Resource::Rss,
        "rtprio" => Resource::Rtprio,
        "rttime" => Resource::Rttime,
        "sigpending" => Resource::Sigpending,
        "stack" => Resource::Stack,
        _ => return None,
    })
}
