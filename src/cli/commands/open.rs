//! Opening the store that the environment names.

use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::failure::causes;
use crate::cli::size::parse_bytes;
use crate::store::{Options, Store};

/// Opens the store.
pub fn open(environment: &Environment) -> Result<Store, Ending> {
    let root = environment.store().map_err(Ending::Failed)?;
    let size_limit = match environment.get("RBUILD_STORE_SIZE") {
        None => None,
        Some(text) => Some(parse_bytes(text).ok_or_else(|| {
            Ending::Failed(format!("RBUILD_STORE_SIZE={text}: expected a size such as 20GB"))
        })?),
    };
    Store::open(&root, Options { size_limit, ..Options::default() }).map_err(failed)
}

/// An error of any room as the end of a command.
pub fn failed(error: impl std::error::Error) -> Ending {
    Ending::Failed(causes(&error))
}
