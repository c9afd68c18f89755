//! `rbuild tag` and `rbuild rmi`

use super::open::{failed, open};
use crate::build::{Error, Removed};
use crate::cli::args::{RmiArgs, TagArgs};
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::say::{note, out};
use crate::oci::Reference;

/// Gives an image one more name.
pub fn tag(args: &TagArgs, environment: &Environment) -> Ending {
    let work = || -> Result<Ending, Ending> {
        let name: Reference = args.name.parse().map_err(failed)?;
        if name.digest.is_some() {
            return Err(Ending::Failed(format!("{}: a new name has no digest", args.name)));
        }
        crate::build::tag(&open(environment)?, &args.image, &name, environment.now).map_err(failed)?;
        Ok(Ending::Code(0))
    };
    work().unwrap_or_else(|ending| ending)
}

/// Takes names away. All that can be taken away are, also if some cannot.
pub fn rmi(args: &RmiArgs, environment: &Environment) -> Ending {
    let work = || -> Result<Ending, Ending> {
        let store = open(environment)?;
        let mut failures = false;
        for image in &args.images {
            match crate::build::remove(&store, image, args.force) {
                Ok(removed) => {
                    for one in removed {
                        out(&match one {
                            Removed::Untagged(name) => format!("untagged {}\n", name.familiar()),
                            Removed::Deleted(id) => format!("deleted {id}\n"),
                        })?;
                    }
                }
                Err(error @ (Error::NoImage(_) | Error::Usage(_))) => {
                    note(&format!("rbuild: {error}"));
                    failures = true;
                }
                Err(error) => return Err(failed(error)),
            }
        }
        store.sync().map_err(failed)?;
        Ok(Ending::Code(u8::from(failures)))
    };
    work().unwrap_or_else(|ending| ending)
}
