//! USER, VOLUME, STOPSIGNAL and MAINTAINER: instructions that only change the config.

use super::error::ErrorKind;
use super::go_text;
use super::state::State;
use super::stop::Stop;
use crate::dockerfile::Word;
use crate::oci::Empty;

/// `USER`.
pub(super) fn user(state: &mut State<'_, '_>, word: &Word) -> Result<(), Stop> {
    let user = state.expand(word)?;
    state.config.config.user = user.clone();
    state.commit(format!("USER {user}"), false);
    Ok(())
}

/// `VOLUME`.
pub(super) fn volume(state: &mut State<'_, '_>, words: &[Word]) -> Result<(), Stop> {
    let mut volumes = Vec::new();
    for word in words {
        let volume = state.expand(word)?;
        if volume.is_empty() {
            return Err(state.error(ErrorKind::EmptyVolume).into());
        }
        state.config.config.volumes.insert(volume.clone(), Empty {});
        volumes.push(volume);
    }
    state.commit(format!("VOLUME {}", go_text::list(&volumes)), false);
    Ok(())
}

/// `STOPSIGNAL`.
pub(super) fn stop_signal(state: &mut State<'_, '_>, word: &Word) -> Result<(), Stop> {
    let signal = state.expand(word)?;
    if !is_signal(&signal) {
        let error = state.error(ErrorKind::BadSignal(signal));
        return Err(error.hint("a name such as SIGTERM or TERM, or a number").into());
    }
    state.config.config.stop_signal = Some(signal.clone());
    state.commit(format!("STOPSIGNAL {signal}"), false);
    Ok(())
}

/// `MAINTAINER`.
pub(super) fn maintainer(state: &mut State<'_, '_>, name: &str) {
    state.config.author = Some(name.to_string());
    state.commit(format!("MAINTAINER {name}"), false);
}

/// Docker's names of signals, without SIG.
const SIGNALS: [&str; 36] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE",
    "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU",
    "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
];

/// COMPAT: any number but 0 is taken, as in BuildKit.
fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<i64>() {
        return number != 0;
    }
    let upper = text.to_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let offset = |prefix: &str, most: u32| {
        let digits = name.strip_prefix(prefix).unwrap_or_default();
        let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain && digits.parse::<u32>().is_ok_and(|number| number <= most)
    };
    SIGNALS.contains(&name) || offset("RTMIN+", 15) || offset("RTMAX-", 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_known_by_name_and_number() {
        for text in ["9", "SIGTERM", "term", "sigrtmin+3", "RTMAX-14", "64", "SIGRTMAX"] {
            assert!(is_signal(text), "{text}");
        }
        for text in ["0", "", "SIG", "TERMINATE", "RTMIN+16", "RTMIN+", "RTMIN+03", "SIGSIGTERM", "1.5"] {
            assert!(!is_signal(text), "{text}");
        }
    }
}
