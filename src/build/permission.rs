//! Before the first step: whether what is built may be pushed where it is to go.

use std::collections::BTreeSet;

use super::error::Error;
use super::finish::client;
use super::numbers::Numbers;
use super::options::Options;
use crate::oci::Reference;
use crate::progress::{Event, Sink};
use crate::sandbox::Cancel;

/// Asks each target once. Only a refusal ends the build: what else is wrong may be right by the time there is something
/// to push.
pub fn ask_whether_it_may_be_pushed(
    options: &Options,
    numbers: &Numbers,
    sink: &dyn Sink,
    cancel: &Cancel,
) -> Result<(), Error> {
    let names = options.pushes.iter().flat_map(|to| &to.names);
    let bare = |name: &Reference| Reference { tag: None, digest: None, ..name.clone() };
    let repositories: BTreeSet<Reference> = names.map(bare).collect();
    if repositories.is_empty() {
        return Ok(());
    }
    let client = client(options, cancel);
    for repository in repositories {
        let name = repository.name();
        numbers.shown(
            sink,
            &format!("[internal] ask whether {name} may be pushed to"),
            |step| match client.may_push(&repository) {
                Ok(()) => Ok(()),
                Err(error) if error.is_canceled() => Err(Error::Interrupted),
                Err(error) if error.is_denied() => Err(error.into()),
                Err(error) => {
                    sink.send(Event::Notice { step, message: format!("not known: {error}") });
                    Ok(())
                }
            },
        )?;
    }
    Ok(())
}
