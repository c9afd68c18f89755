//! Times that are part of an image: whole seconds, never the clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::Error;

/// A time in whole seconds since 1970, as `SOURCE_DATE_EPOCH` gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// The time that entries of layers get: 1980-01-01T00:00:01Z, since zip and Python refuse earlier ones.
pub const LAYER_EPOCH: Epoch = Epoch(315_532_801);

impl Epoch {
    /// The time as RFC 3339 in UTC, as configs and history carry it.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
    }

    /// Reads an RFC 3339 time, dropping fractions of a second.
    pub fn from_rfc3339(text: &str) -> Result<Epoch, Error> {
        let time: jiff::Timestamp = text.parse().map_err(|_| Error::Time(text.to_string()))?;
        Ok(Epoch(time.as_second()))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Epoch {
    type Err = Error;

    fn from_str(text: &str) -> Result<Epoch, Error> {
        let seconds: i64 = text.trim().parse().map_err(|_| Error::Time(text.to_string()))?;
        // LIMIT: what RFC 3339 can write, years 0 to 9999.
        if !(-62_167_219_200..=253_402_300_799).contains(&seconds) {
            return Err(Error::Time(text.to_string()));
        }
        Ok(Epoch(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_epoch_is_one_second_into_1980() {
        assert_eq!(LAYER_EPOCH.rfc3339(), "1980-01-01T00:00:01Z");
        assert_eq!(Epoch::from_rfc3339("1980-01-01T00:00:01.5Z"), Ok(LAYER_EPOCH));
    }

    #[test]
    fn words_and_overlong_years_are_refused() {
        assert!("now".parse::<Epoch>().is_err());
        assert!("999999999999999".parse::<Epoch>().is_err());
        assert_eq!(" 12\n".parse(), Ok(Epoch(12)));
    }
}
