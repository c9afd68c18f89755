//! `rbuild tag` and `rbuild rmi`

use super::open::{failed, open};
use crate::cli::args::{RmiArgs, TagArgs};
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
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
        let names: Vec<Reference> =
            args.images.iter().map(|name| name.parse()).collect::<Result<_, _>>().map_err(failed)?;
        let store = open(environment)?;
        let mut missing = false;
        for name in &names {
            match crate::build::untag(&store, name).map_err(failed)? {
                true => println!("untagged {}", name.familiar()),
                false => {
                    eprintln!("rbuild: no image {:?} in the store", name.familiar());
                    missing = true;
                }
            }
        }
        store.sync().map_err(failed)?;
        Ok(Ending::Code(u8::from(missing)))
    };
    work().unwrap_or_else(|ending| ending)
}
