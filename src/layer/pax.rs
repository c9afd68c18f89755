//! The records of an extended header that somebody else wrote.
//!
//! Read strictly: two programs that disagree on where a record ends see two different archives.
//! SPEC: POSIX.1-2017 pax, "pax Extended Header".

use std::collections::BTreeMap;

use crate::tree::Time;

/// What an extended header says of the member after it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pax {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
    pub mtime: Option<Time>,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

const SPARSE: &str = "sparse files are not supported; write the archive without sparse files";

impl Pax {
    /// Reads the records of one header. Of equal keys the last counts; an empty value takes what came before back.
    pub fn parse(records: &[u8]) -> Result<Pax, &'static str> {
        let mut pax = Pax::default();
        let mut rest = records;
        while !rest.is_empty() {
            let space = rest.iter().take(20).position(|b| *b == b' ').ok_or("a record has no length")?;
            let length = number(&rest[..space])
                .and_then(|n| usize::try_from(n).ok())
                .ok_or("a record has no length")?;
            let (record, after) =
                rest.split_at_checked(length).ok_or("a record is longer than its header")?;
            rest = after;
            let record =
                record.get(space + 1..).and_then(|r| r.strip_suffix(b"\n")).ok_or("a record has no end")?;
            let equals =
                record.iter().position(|b| *b == b'=').filter(|at| *at > 0).ok_or("a record has no key")?;
            pax.record(&record[..equals], &record[equals + 1..])?;
        }
        Ok(pax)
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let set = !value.is_empty();
        let text =
            || if value.contains(&0) { Err("a name has a NUL byte in it") } else { Ok(value.to_vec()) };
        let number = |reason| number(value).ok_or(reason);
        match key {
            b"path" => self.path = if set { Some(text()?) } else { None },
            b"linkpath" => self.link = if set { Some(text()?) } else { None },
            b"size" => self.size = if set { Some(number("a record's size is no number")?) } else { None },
            b"uid" => self.uid = if set { Some(number("a record's owner is no number")?) } else { None },
            b"gid" => self.gid = if set { Some(number("a record's group is no number")?) } else { None },
            b"mtime" => {
                self.mtime = if set { Some(time(value).ok_or("a record's time is no number")?) } else { None }
            }
            // GNU's formats 0.0, 0.1 and 1.0: the content would be a map and not the file.
            key if key.starts_with(b"GNU.sparse.") || key == b"SUN.holesdata" => return Err(SPARSE),
            key if key.contains(&0) => return Err("a record's key has a NUL byte in it"),
            key => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.").filter(|name| !name.is_empty()) {
                    // Empty attributes exist: this is no taking back.
                    self.xattrs.insert(name.to_vec(), value.to_vec());
                }
            }
        }
        Ok(())
    }

    /// Whether it says anything that a reader could apply.
    pub fn is_empty(&self) -> bool {
        *self == Pax::default()
    }
}

/// Decimal digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds with a sign and a fraction, which counts on from the whole second below.
fn time(text: &[u8]) -> Option<Time> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let dot = text.iter().position(|b| *b == b'.').unwrap_or(text.len());
    let whole = i64::try_from(number(&text[..dot])?).ok()?;
    let fraction = text.get(dot + 1..).unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = fraction.iter().chain(&[b'0'; 9]).take(9);
    let nanoseconds = digits.fold(0u32, |n, digit| n * 10 + u32::from(digit - b'0'));
    Some(match (negative, nanoseconds) {
        (false, _) => Time { seconds: whole, nanoseconds },
        (true, 0) => Time::from_seconds(-whole),
        (true, _) => Time { seconds: -whole - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Vec<u8> {
        let rest = text.len() + 2;
        let mut length = rest + rest.to_string().len();
        length = rest + length.to_string().len();
        format!("{length} {text}\n").into_bytes()
    }

    fn parse(records: &[&str]) -> Result<Pax, &'static str> {
        Pax::parse(&records.iter().flat_map(|r| record(r)).collect::<Vec<_>>())
    }

    #[test]
    fn times_before_1970_and_between_seconds_are_read() {
        for (text, seconds, nanoseconds) in [
            ("0", 0, 0),
            ("12.5", 12, 500_000_000),
            ("12.", 12, 0),
            ("-1", -1, 0),
            ("-1.25", -2, 750_000_000),
            ("-0.000000001", -1, 999_999_999),
            ("1.1234567899", 1, 123_456_789),
        ] {
            assert_eq!(time(text.as_bytes()), Some(Time { seconds, nanoseconds }), "{text}");
        }
        for text in ["", "-", ".5", "1.x", "1e3", "99999999999999999999", "--1", "+1"] {
            assert_eq!(time(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn of_equal_keys_the_last_counts_and_an_empty_value_takes_back() {
        assert_eq!(parse(&["path=a", "path=b"]).unwrap().path, Some(b"b".to_vec()));
        assert!(parse(&["path=a", "path=", "comment=x"]).unwrap().is_empty());
        assert_eq!(parse(&["SCHILY.xattr.user.a=\0="]).unwrap().xattrs[b"user.a".as_slice()], b"\0=");
    }

    #[test]
    fn records_that_two_readers_could_read_differently_are_refused() {
        for records in [
            &b"5 a=b"[..],
            b"6 a=b\n\0",
            b"7 a=b\n",
            b"99 a=b\n",
            b"x a=b\n",
            b"5 =b\n",
            b" 6 a=b\n",
            b"-6 a=b\n",
        ] {
            assert!(Pax::parse(records).is_err(), "{:?}", String::from_utf8_lossy(records));
        }
        for record in
            ["size=-1", "size=0x10", "size=99999999999999999999", "uid=root", "path=a\0b", "mtime=now"]
        {
            assert!(parse(&[record]).is_err(), "{record}");
        }
        assert_eq!(parse(&["GNU.sparse.major=1"]), Err(SPARSE));
    }
}
