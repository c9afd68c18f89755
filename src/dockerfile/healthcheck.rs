//! The HEALTHCHECK instruction.

use super::command::Command;
use super::duration;
use super::error::Error;
use super::error_kind::ErrorKind;
use super::flag_set::{FlagSet, Takes};
use super::request::Request;

/// `HEALTHCHECK NONE` or `HEALTHCHECK [flags] CMD command`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// Switches an inherited check off.
    None,
    /// Sets one.
    Cmd(Check),
}

/// How and how often to check. Times are nanoseconds, 0 where not given; retries 0 where not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `--interval=`.
    pub interval: u64,
    /// `--timeout=`.
    pub timeout: u64,
    /// `--start-period=`.
    pub start_period: u64,
    /// `--start-interval=`.
    pub start_interval: u64,
    /// `--retries=`.
    pub retries: u32,
    /// What to run.
    pub command: Command,
}

impl Healthcheck {
    /// Reads a HEALTHCHECK.
    pub(super) fn read(request: &mut Request<'_>) -> Result<Healthcheck, Error> {
        let rest = request.rest();
        let text = rest.str();
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (kind, arguments) = (rest.cut(0, end), rest.cut(end, text.len()).trim());
        if kind.str().is_empty() {
            return request.fail(ErrorKind::AtLeastOneArgument("HEALTHCHECK"));
        }
        let known = ["interval", "timeout", "start-period", "start-interval", "retries"]
            .map(|name| (name, Takes::One));
        request.flags(&known)?;
        match kind.str().to_uppercase().as_str() {
            "NONE" if arguments.str().is_empty() => return Ok(Healthcheck::None),
            "NONE" => return Err(Error::new(ErrorKind::HealthcheckNoneArguments).at(arguments.span())),
            "CMD" => {}
            other => return Err(Error::new(ErrorKind::HealthcheckType(other.to_owned())).at(kind.span())),
        }
        let command = request.command_in(arguments)?;
        if arguments.str().is_empty() || matches!(&command, Command::Exec(words) if words.is_empty()) {
            return request.fail(ErrorKind::HealthcheckNoCommand);
        }
        let flags = request.flags(&known)?;
        Ok(Healthcheck::Cmd(Check {
            interval: time(&flags, "interval")?,
            timeout: time(&flags, "timeout")?,
            start_period: time(&flags, "start-period")?,
            start_interval: time(&flags, "start-interval")?,
            retries: retries(&flags)?,
            command,
        }))
    }
}

/// A time in nanoseconds: nothing, or at least a millisecond.
fn time(flags: &FlagSet<'_>, name: &str) -> Result<u64, Error> {
    let Some(word) = flags.word(name) else { return Ok(0) };
    let wrong = |kind: ErrorKind| Error::new(kind).at(word.span);
    let nanoseconds = duration::parse(&word.raw).map_err(|problem| {
        wrong(ErrorKind::BadDuration { flag: name.to_owned(), value: word.raw.clone(), problem })
    })?;
    match u64::try_from(nanoseconds) {
        Ok(time) if time == 0 || time >= 1_000_000 => Ok(time),
        _ => Err(wrong(ErrorKind::ShortDuration(name.to_owned()))),
    }
}

fn retries(flags: &FlagSet<'_>) -> Result<u32, Error> {
    let Some(word) = flags.word("retries") else { return Ok(0) };
    let kind = match word.raw.parse::<i32>() {
        Ok(number) => match u32::try_from(number) {
            Ok(retries) => return Ok(retries),
            Err(_) => ErrorKind::NegativeRetries(word.raw),
        },
        Err(_) => ErrorKind::BadRetries(word.raw),
    };
    Err(Error::new(kind).at(word.span))
}
