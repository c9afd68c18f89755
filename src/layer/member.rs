//! One member after the other of an untrusted tar: headers, long names and extended headers put together.
//!
//! A reading of its own and not a library's: where two readers could disagree (sizes on members without content, two
//! extended headers in a row) the archive is refused by name, so that nobody can hide a member from one of them.

use std::collections::BTreeMap;

use super::error::Error;
use super::header::BLOCK;
use super::input::Input;
use super::limits::Limits;
use super::pax::Pax;
use crate::tree::Time;

/// A member as it is in the archive. Its content comes next in the input.
#[derive(Debug)]
pub struct Member {
    pub name: Vec<u8>,
    pub link: Vec<u8>,
    /// ORDER: after this the input stands at the first byte of the content.
    pub size: u64,
    pub flag: u8,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Time,
    pub device: (u32, u32),
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Reads up to the content of the next member; none at the end of the archive.
pub fn next(input: &mut Input<'_>, limits: &Limits) -> Result<Option<Member>, Error> {
    let mut pax: Option<Pax> = None;
    let (mut long_name, mut long_link) = (None, None);
    loop {
        let Some(block) = input.block()?.filter(|block| block.iter().any(|b| *b != 0)) else {
            if pax.is_some() || long_name.is_some() || long_link.is_some() {
                return Err(input.damaged("an extended header has no member"));
            }
            // SPEC: two blocks of zeros end it. COMPAT: Go's reader takes an end of file for one or both.
            return match input.block()? {
                Some(block) if block.iter().any(|b| *b != 0) => {
                    Err(input.damaged("a block of zeros stands inside"))
                }
                _ => Ok(None),
            };
        };
        let header = Header::parse(&block).map_err(|reason| input.damaged(reason))?;
        let name = || String::from_utf8_lossy(&header.name).into_owned();
        let refuse = |reason| Error::Refused { path: name(), reason };
        match header.flag {
            b'x' | b'g' | b'X' => {
                let records = special(input, &header, limits)?;
                let parsed = Pax::parse(&records).map_err(refuse)?;
                match header.flag {
                    // `git archive` writes one, with a comment.
                    b'g' if parsed.is_empty() => {}
                    b'g' => return Err(refuse("an extended header for the whole archive is not supported")),
                    _ if pax.is_some() => return Err(refuse("two extended headers stand before one member")),
                    _ => pax = Some(parsed),
                }
            }
            b'L' if long_name.is_none() => long_name = Some(text(special(input, &header, limits)?)),
            b'K' if long_link.is_none() => long_link = Some(text(special(input, &header, limits)?)),
            b'L' | b'K' => return Err(refuse("two long names stand before one member")),
            b'S' => {
                return Err(refuse("sparse files are not supported; write the archive without sparse files"));
            }
            b'0'..=b'7' | 0 => {
                return member(header, pax.unwrap_or_default(), long_name, long_link, limits).map(Some);
            }
            _ => return Err(refuse("a member of a kind that is not supported")),
        }
    }
}

fn member(
    header: Header,
    pax: Pax,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    limits: &Limits,
) -> Result<Member, Error> {
    let name = pax.path.or(long_name).unwrap_or(header.name);
    let link = pax.link.or(long_link).unwrap_or(header.link);
    let size = pax.size.unwrap_or(header.size);
    let shown: String = String::from_utf8_lossy(&name).chars().take(200).collect();
    let refuse = |reason| Error::Refused { path: shown.clone(), reason };
    if name.len() > limits.path || link.len() > limits.path {
        return Err(refuse("the name or the link in it is too long"));
    }
    // Before POSIX a slash at the end made a directory. Some readers still say so of `0`.
    let slash = name.ends_with(b"/");
    let flag = match header.flag {
        0 if slash => b'5',
        0 | b'7' => b'0',
        flag => flag,
    };
    if flag != b'0' && size != 0 {
        return Err(refuse("a member that can have no content says that it has some"));
    }
    let id = |value: u64| u32::try_from(value).ok().filter(|id| *id != u32::MAX);
    let owners = id(pax.uid.unwrap_or(header.uid)).zip(id(pax.gid.unwrap_or(header.gid)));
    let (uid, gid) = owners.ok_or_else(|| refuse("an owner that no file can have"))?;
    Ok(Member {
        name,
        link,
        size,
        flag,
        mode: header.mode,
        uid,
        gid,
        mtime: pax.mtime.unwrap_or(Time::from_seconds(header.mtime)),
        device: header.device,
        xattrs: pax.xattrs,
    })
}

/// The content of a header that belongs to the next one. Its size is its own: an extended header before it does not
/// count for it.
fn special(input: &mut Input<'_>, header: &Header, limits: &Limits) -> Result<Vec<u8>, Error> {
    if header.size > limits.pax as u64 {
        return Err(Error::Limit { what: "bytes in one extended header", limit: limits.pax as u64 });
    }
    let mut content = Vec::with_capacity(header.size as usize);
    input.content(header.size, &mut |bytes| content.extend_from_slice(bytes))?;
    Ok(content)
}

/// Up to the first NUL.
fn text(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

struct Header {
    name: Vec<u8>,
    link: Vec<u8>,
    size: u64,
    flag: u8,
    mode: u32,
    uid: u64,
    gid: u64,
    mtime: i64,
    device: (u32, u32),
}

impl Header {
    fn parse(block: &[u8; BLOCK]) -> Result<Header, &'static str> {
        check_sum(block)?;
        let field = |start: usize, length: usize| &block[start..start + length];
        let unsigned = |start, length, reason| {
            number(field(start, length)).and_then(|n| n.try_into().ok()).ok_or(reason)
        };
        let posix = field(257, 8) == b"ustar\x0000";
        let mut name = text(field(0, 100).to_vec());
        // GNU's magic has other fields where the prefix is, and Schily's a shorter prefix.
        let prefix = match (posix, field(508, 4) == b"tar\0") {
            (true, false) => text(field(345, 155).to_vec()),
            (true, true) => text(field(345, 131).to_vec()),
            (false, _) => Vec::new(),
        };
        if !prefix.is_empty() {
            name = [prefix, name].join(&b'/');
        }
        let flag = block[156];
        let device = if matches!(flag, b'3' | b'4') {
            let number = |start| {
                u32::try_from(unsigned(start, 8, "a device number is wrong")?)
                    .map_err(|_| "a device number is wrong")
            };
            (number(329)?, number(337)?)
        } else {
            (0, 0)
        };
        Ok(Header {
            name,
            link: text(field(157, 100).to_vec()),
            size: unsigned(124, 12, "a size is wrong")?,
            flag,
            mode: number(field(100, 8)).ok_or("a mode is wrong")? as u32 & 0o7777,
            uid: unsigned(108, 8, "an owner is wrong")?,
            gid: unsigned(116, 8, "a group is wrong")?,
            mtime: number(field(136, 12)).ok_or("a time is wrong")?,
            device,
        })
    }
}

/// COMPAT: old writers summed signed bytes.
fn check_sum(block: &[u8; BLOCK]) -> Result<(), &'static str> {
    let said = number(&block[148..156]).ok_or("a header has no checksum")?;
    let bytes = || block.iter().enumerate().map(|(at, b)| if (148..156).contains(&at) { b' ' } else { *b });
    let unsigned: i64 = bytes().map(i64::from).sum();
    let signed: i64 = bytes().map(|b| i64::from(b as i8)).sum();
    if said == unsigned || said == signed { Ok(()) } else { Err("a header's checksum is wrong") }
}

/// Octal digits among spaces and NULs, or GNU's base-256. Nothing is zero.
fn number(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // Two's complement, of which the first bit is the mark and the second the sign.
        let start = if first & 0x40 != 0 { i128::from(*first as i8) } else { i128::from(first & 0x3f) };
        let value = rest
            .iter()
            .try_fold(start, |value, byte| value.checked_mul(256).map(|value| value + i128::from(*byte)))?;
        return value.try_into().ok();
    }
    let blank = |b: &u8| matches!(b, b' ' | 0);
    let start = field.iter().position(|b| !blank(b)).unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits.iter().position(blank).unwrap_or(digits.len());
    if !digits[end..].iter().all(blank) {
        return None;
    }
    digits[..end].iter().try_fold(0i64, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8).map(|value| value + i64::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        for (field, want) in [
            (&b"0000755\0"[..], Some(0o755)),
            (b"   755 \0", Some(0o755)),
            (b"755\0\0\0\0\0", Some(0o755)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"\x80\0\0\0\0\x2d\xc6\xc0", Some(3_000_000)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
            (b"-000001\0", None),
            (b"00008\0\0\0", None),
            (b"1 2\0\0\0\0\0", None),
            (b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(number(field), want, "{field:?}");
        }
    }
}
