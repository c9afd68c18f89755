//! `rbuild login` and `rbuild logout`

use std::io::{IsTerminal, Read};
use std::path::Path;

use super::open::failed;
use crate::cli::args::{LoginArgs, LogoutArgs};
use crate::cli::ending::Ending;
use crate::cli::environment::Environment;
use crate::cli::settings::registry;
use crate::http::Secret;
use crate::oci::Reference;
use crate::registry::{Client, Credentials, Kept, forget_login, keep_login};

/// LIMIT: far beyond any token.
const LONGEST: u64 = 1 << 16;

/// Checks a password with its registry and keeps it.
pub fn login(args: &LoginArgs, environment: &Environment) -> Ending {
    let work = || -> Result<Ending, Ending> {
        let host = host(&args.registry)?;
        let any: Reference = format!("{host}/login").parse().map_err(failed)?;
        let password = password(args)?;
        let mut options = registry(environment, &args.insecure).map_err(Ending::Failed)?;
        let only = serde_json::json!({
            "auths": { host.clone(): { "username": args.username, "password": password.reveal() } }
        });
        options.credentials =
            Credentials::parse(Path::new("standard input"), &only.to_string()).map_err(failed)?;
        Client::new(options).check_login(&any).map_err(failed)?;
        match keep_login(&environment.places(), &host, &args.username, &password).map_err(failed)? {
            Kept::File(path) => eprintln!("logged in to {host}; the password stands in {}", path.display()),
            Kept::Helper(name) => eprintln!("logged in to {host}; docker-credential-{name} has the password"),
        }
        Ok(Ending::Code(0))
    };
    work().unwrap_or_else(|ending| ending)
}

/// Forgets what is kept for a registry.
pub fn logout(args: &LogoutArgs, environment: &Environment) -> Ending {
    let work = || -> Result<Ending, Ending> {
        let host = host(&args.registry)?;
        match forget_login(&environment.places(), &host).map_err(failed)? {
            true => eprintln!("logged out of {host}"),
            false => eprintln!("there was no login for {host}"),
        }
        Ok(Ending::Code(0))
    };
    work().unwrap_or_else(|ending| ending)
}

/// The registry's name as credentials have it.
fn host(text: &str) -> Result<String, Ending> {
    let host = text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/');
    let host = host.strip_suffix("/v1").or_else(|| host.strip_suffix("/v2")).unwrap_or(host);
    let host = if matches!(host, "index.docker.io" | "registry-1.docker.io") { "docker.io" } else { host };
    let parsed: Result<Reference, _> = format!("{host}/login").parse();
    match parsed {
        Ok(reference) if reference.registry == host => Ok(host.to_string()),
        _ => Err(Ending::Failed(format!("{text:?} is no registry: expected HOST or HOST:PORT"))),
    }
}

fn password(args: &LoginArgs) -> Result<Secret, Ending> {
    let refused = |reason: &str| Err(Ending::Failed(format!("login: {reason}")));
    if !args.password_stdin || std::io::stdin().is_terminal() {
        return refused(
            "the password comes on standard input: rbuild login -u USER --password-stdin HOST < FILE",
        );
    }
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut text);
    read.map_err(|e| Ending::Failed(format!("standard input: {e}")))?;
    let password = text.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return refused("the password is empty");
    }
    Ok(Secret::new(password.to_string()))
}
