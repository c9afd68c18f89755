//! The bytes of a tar header: the one place where layer format 1 is written down.
//!
//! ustar where everything fits, else one extended (PAX) header before it. SPEC: POSIX.1-2017 pax, "ustar Interchange
//! Format" and "pax Extended Header"; image-spec layer.md.

use std::io::Write as _;

use crate::tree::{Entry, Kind, RootPath};

/// A tar's unit.
pub const BLOCK: usize = 512;

/// What a header says.
struct Fields<'a> {
    name: &'a [u8],
    mode: u64,
    uid: u64,
    gid: u64,
    size: u64,
    mtime: i64,
    flag: u8,
    link: &'a [u8],
    device: (u64, u64),
}

/// Appends the header, or headers, of `entry` to `out`. Fractions of seconds are not written.
pub fn append(out: &mut Vec<u8>, entry: &Entry) -> Result<(), &'static str> {
    let mut name = entry.path.as_bytes().to_vec();
    let (mut size, mut link, mut device) = (0, Vec::new(), (0, 0));
    let flag = match &entry.kind {
        Kind::File { size: bytes, .. } => {
            size = *bytes;
            b'0'
        }
        Kind::Directory => {
            if name.is_empty() {
                name.push(b'.');
            }
            name.push(b'/');
            b'5'
        }
        Kind::Symlink(target) => {
            link.clone_from(target);
            b'2'
        }
        Kind::Hardlink(target) => {
            link = target.as_bytes().to_vec();
            b'1'
        }
        Kind::CharDevice { major, minor } => {
            device = (u64::from(*major), u64::from(*minor));
            b'3'
        }
        Kind::BlockDevice { major, minor } => {
            device = (u64::from(*major), u64::from(*minor));
            b'4'
        }
        Kind::Fifo => b'6',
        Kind::Whiteout => {
            let at = name.len() - entry.path.name().len();
            name.splice(at..at, *b".wh.");
            b'0'
        }
        Kind::OpaqueDirectory => return Err("opaque directories are not written; whiteouts are"),
    };
    if device.0 > OCTAL_7 || device.1 > OCTAL_7 {
        return Err("the device number does not fit a tar header");
    }
    let fields = Fields {
        name: &name,
        mode: u64::from(mode(entry)),
        uid: u64::from(entry.uid),
        gid: u64::from(entry.gid),
        size,
        mtime: entry.mtime.seconds,
        flag,
        link: &link,
        device,
    };
    let records = records(entry, &fields)?;
    if !records.is_empty() {
        let name = [b"PaxHeaders.0/", ascii(entry.path.name()).as_slice()].concat();
        let header = Fields {
            name: &name,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: records.len() as u64,
            mtime: 0,
            flag: b'x',
            link: b"",
            device: (0, 0),
        };
        ustar(out, &header);
        out.extend(&records);
        pad(out, records.len() as u64);
    }
    ustar(out, &fields);
    Ok(())
}

/// The mode that is written: permission bits, and always the same for links.
pub fn mode(entry: &Entry) -> u32 {
    if matches!(entry.kind, Kind::Symlink(_)) { 0o777 } else { entry.mode & 0o7777 }
}

/// Appends the zeros that fill the last block of `size` bytes.
pub fn pad(out: &mut Vec<u8>, size: u64) {
    let rest = (size % BLOCK as u64) as usize;
    if rest > 0 {
        out.resize(out.len() + BLOCK - rest, 0);
    }
}

/// LIMIT: what seven and eleven octal digits hold.
const OCTAL_7: u64 = 0o7_777_777;
const OCTAL_11: u64 = 0o77_777_777_777;

/// The records of the extended header: what does not fit below it, sorted by key. Empty if all fits.
fn records(entry: &Entry, fields: &Fields<'_>) -> Result<Vec<u8>, &'static str> {
    let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut add = |key: &[u8], value: Vec<u8>| records.push((key.to_vec(), value));
    for (name, value) in &entry.xattrs {
        if name.is_empty() || name.contains(&b'=') || name.contains(&0) {
            return Err("the name of an extended attribute cannot stand in a tar");
        }
        add(&[b"SCHILY.xattr.", name.as_slice()].concat(), value.clone());
    }
    for (key, value, most) in
        [("gid", fields.gid, OCTAL_7), ("size", fields.size, OCTAL_11), ("uid", fields.uid, OCTAL_7)]
    {
        if value > most {
            add(key.as_bytes(), value.to_string().into_bytes());
        }
    }
    if !(0..=OCTAL_11 as i64).contains(&fields.mtime) {
        add(b"mtime", fields.mtime.to_string().into_bytes());
    }
    if fields.link.len() > 100 || !fields.link.is_ascii() {
        add(b"linkpath", fields.link.to_vec());
    }
    if split(fields.name).is_none() {
        add(b"path", fields.name.to_vec());
    }
    // ORDER: by key.
    records.sort();
    let mut out = Vec::new();
    for (key, value) in records {
        // The length counts its own digits.
        let rest = key.len() + value.len() + 3;
        let digits = |n: usize| n.to_string().len();
        let mut length = rest + digits(rest);
        length = rest + digits(length);
        out.extend(length.to_string().as_bytes());
        out.push(b' ');
        out.extend(key);
        out.push(b'=');
        out.extend(value);
        out.push(b'\n');
    }
    Ok(out)
}

/// A name as the two fields of a ustar header, if it fits: prefix and rest.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= 100 {
        return Some((b"", name));
    }
    // The longest prefix; the slash of a directory's name is no place to cut.
    let most = name.len().min(157) - 1;
    let at = name[..most].iter().rposition(|b| *b == b'/')?;
    (at > 0 && at <= 155 && name.len() - at - 1 <= 100).then(|| (&name[..at], &name[at + 1..]))
}

fn ascii(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(u8::is_ascii).collect()
}

/// Appends one ustar block. What does not fit is cut, or zero: the extended header has it.
fn ustar(out: &mut Vec<u8>, fields: &Fields<'_>) {
    let start = out.len();
    let short = ascii(fields.name);
    let (prefix, name) = split(fields.name).unwrap_or((b"", &short));
    let link = ascii(fields.link);
    let fit = |value: u64, most: u64| if value > most { 0 } else { value };
    let mtime = u64::try_from(fields.mtime).map_or(0, |mtime| fit(mtime, OCTAL_11));
    // ORDER: POSIX's, and every byte of it is in the digest of every layer.
    text(out, name, 100);
    octal(out, fields.mode, 7);
    octal(out, fit(fields.uid, OCTAL_7), 7);
    octal(out, fit(fields.gid, OCTAL_7), 7);
    octal(out, fit(fields.size, OCTAL_11), 11);
    octal(out, mtime, 11);
    let checksum = out.len();
    out.extend(b"        ");
    out.push(fields.flag);
    text(out, &link, 100);
    out.extend(b"ustar\x0000");
    text(out, b"", 32); // user name
    text(out, b"", 32); // group name
    octal(out, fields.device.0, 7);
    octal(out, fields.device.1, 7);
    text(out, prefix, 155);
    text(out, b"", 12);
    debug_assert_eq!(out.len(), start + BLOCK);
    let sum: u32 = out[start..].iter().map(|b| u32::from(*b)).sum();
    out[checksum..checksum + 8].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn text(out: &mut Vec<u8>, text: &[u8], width: usize) {
    let text = &text[..text.len().min(width)];
    out.extend(text);
    out.resize(out.len() + width - text.len(), 0);
}

fn octal(out: &mut Vec<u8>, value: u64, digits: usize) {
    write!(out, "{value:0digits$o}\0").expect("a vector takes everything");
}

/// Whether the name means a removal, so that no file can have it. SPEC: image-spec layer.md, "Whiteouts".
pub fn is_whiteout_name(path: &RootPath) -> bool {
    path.name().starts_with(b".wh.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;
    use crate::tree::Time;

    fn header(path: &str, kind: Kind) -> Vec<u8> {
        let entry = Entry { kind, ..Entry::directory(RootPath::clean(path).unwrap(), Time::from_seconds(1)) };
        let mut out = Vec::new();
        append(&mut out, &entry).unwrap();
        out
    }

    fn file(size: u64) -> Kind {
        Kind::File { size, digest: Digest::of(b"") }
    }

    #[test]
    fn what_fits_is_one_ustar_block() {
        let out = header("etc/passwd", file(5));
        assert_eq!(out.len(), BLOCK);
        assert_eq!(&out[..11], b"etc/passwd\0");
        assert_eq!(
            &out[100..156],
            b"0000755\x000000000\x000000000\x0000000000005\x0000000000001\x00011203\x00 "
        );
        assert_eq!(&out[156..157], b"0");
        assert_eq!(&out[257..265], b"ustar\x0000");
    }

    #[test]
    fn a_long_name_is_split_at_a_slash_and_a_longer_one_extended() {
        let (a, b) = ("a".repeat(100), "b".repeat(99));
        let out = header(&format!("{a}/{b}"), file(0));
        assert_eq!(out.len(), BLOCK);
        assert_eq!(&out[345..445], a.as_bytes());
        let out = header(&"c".repeat(101), file(0));
        assert_eq!(out.len(), 3 * BLOCK);
        assert!(out.starts_with(b"PaxHeaders.0/ccc"));
        assert!(out[BLOCK..].starts_with(format!("111 path={}\n", "c".repeat(101)).as_bytes()));
        // 100 and a slash, for a directory.
        assert_eq!(header(&"d".repeat(100), Kind::Directory).len(), 3 * BLOCK);
        assert_eq!(header(&format!("{a}/{a}"), Kind::Directory).len(), 3 * BLOCK);
        assert_eq!(header(&format!("{a}/{b}"), Kind::Directory).len(), BLOCK);
    }

    #[test]
    fn the_split_never_leaves_an_empty_or_overlong_part() {
        for length in 90..300 {
            for every in [1, 7, 50, 99, 100, 101, 154, 155, 156] {
                let name: Vec<u8> =
                    (0..length).map(|n| if n % (every + 1) == every { b'/' } else { b'x' }).collect();
                if let Some((prefix, rest)) = split(&name) {
                    assert!(prefix.len() <= 155 && rest.len() <= 100 && !rest.is_empty());
                    let joined = if prefix.is_empty() { rest.to_vec() } else { [prefix, rest].join(&b'/') };
                    assert_eq!(joined, name);
                }
            }
        }
    }

    #[test]
    fn a_record_counts_the_digits_of_its_own_length() {
        for length in 80..120 {
            let out = header(&"é".repeat(length), file(0));
            let records = &out[BLOCK..];
            let digits = records.iter().position(|b| *b == b' ').unwrap();
            let said: usize = std::str::from_utf8(&records[..digits]).unwrap().parse().unwrap();
            assert_eq!(records[said - 1], b'\n');
            assert_eq!(records[said], 0);
        }
    }
}
