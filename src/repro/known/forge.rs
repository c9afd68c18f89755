//! Small files of each format, made by hand: what tests compare and spoil.

use std::io::Write as _;

pub use super::number::First;

/// A gzip file with this time and name in its header.
pub fn gzip(time: u32, name: &str, content: &[u8]) -> Vec<u8> {
    let builder = flate2::GzBuilder::new().mtime(time).operating_system(3);
    let builder = if name.is_empty() { builder } else { builder.filename(name) };
    let mut encoder = builder.write(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A gzip file without time and name, at a level.
pub fn gzip_at(level: u32, content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A compiled file of Python 3.11; with flag 1 the value is a hash, else a time.
pub fn pyc(flags: u32, value: u32, code: &[u8]) -> Vec<u8> {
    let numbers = [flags, value, 17];
    let header: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    [&[0xa7, 0x0d, b'\r', b'\n'][..], &header, code].concat()
}

/// A tar of files: name, time, content.
pub fn tar(files: &[(&str, u64, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, time, content) in files {
        tar_member(&mut out, b'0', name, *time, content);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// A tar of one file with an extended header that names a process, as GNU tar writes it.
pub fn tar_extended(process: u32, records: &str, name: &str, content: &str) -> Vec<u8> {
    let mut out = Vec::new();
    tar_member(&mut out, b'x', &format!("./PaxHeaders.{process}/{name}"), 1, records);
    tar_member(&mut out, b'0', name, 1, content);
    out.resize(out.len() + 1024, 0);
    out
}

fn tar_member(out: &mut Vec<u8>, flag: u8, name: &str, time: u64, content: &str) {
    let mut header = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\x000000000\x000000000\0");
    put(124, format!("{:011o}\0{time:011o}\0", content.len()).as_bytes());
    put(156, &[flag]);
    put(257, b"ustar\x0000");
    tar_checksum(&mut header);
    out.extend(header);
    out.extend(content.as_bytes());
    out.resize(out.len().next_multiple_of(512), 0);
}

/// Gives the first member of a tar another owner.
pub fn tar_owner(archive: &mut [u8], uid: u32, user: &str) {
    archive[108..116].copy_from_slice(format!("{uid:07o}\0").as_bytes());
    archive[265..265 + user.len()].copy_from_slice(user.as_bytes());
    tar_checksum(archive);
}

/// Makes the checksum of the first header right.
pub fn tar_checksum(archive: &mut [u8]) {
    archive[148..156].fill(b' ');
    let sum: u32 = archive[..512].iter().map(|byte| u32::from(*byte)).sum();
    archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// An archive of ar: name as it stands there, time, content.
pub fn ar(members: &[(&str, u64, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, time, content) in members {
        writeln!(out, "{name:<16}{time:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 100_644, content.len()).unwrap();
        out.extend(*content);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    out
}

/// A member of a zip archive.
#[derive(Clone, Copy)]
pub struct Zipped {
    /// Its name.
    pub name: &'static str,
    /// Date and time of DOS, the date in the upper half.
    pub time: u32,
    /// The extra field before the content.
    pub extra: &'static [u8],
    /// Whether it is compressed.
    pub deflate: bool,
    /// What it holds.
    pub content: &'static [u8],
}

impl Zipped {
    /// One that is stored as it is.
    pub fn new(name: &'static str, time: u32, content: &'static [u8]) -> Zipped {
        Zipped { name, time, extra: b"", deflate: false, content }
    }
}

/// A zip archive. Checksums are left out: nobody looks at them.
pub fn zip(members: &[Zipped]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(member.content).unwrap();
        let content = if member.deflate { encoder.finish().unwrap() } else { member.content.to_vec() };
        let start = out.len() as u32;
        let half = |number: usize| (number as u16).to_le_bytes();
        let word = |number: usize| (number as u32).to_le_bytes();
        // What both headers have: version, flags, method, time, checksum, sizes, length of the name.
        let shared = [
            &half(20)[..],
            &half(0),
            &half(if member.deflate { 8 } else { 0 }),
            &member.time.to_le_bytes(),
            &word(0),
            &word(content.len()),
            &word(member.content.len()),
            &half(member.name.len()),
        ]
        .concat();
        out.extend([b"PK\x03\x04", &shared[..], &half(member.extra.len())].concat());
        out.extend([member.name.as_bytes(), member.extra, &content].concat());
        directory.extend(
            [b"PK\x01\x02", &half(20)[..], &shared, &[0; 2 + 2 + 2 + 2 + 4], &start.to_le_bytes()].concat(),
        );
        directory.extend(member.name.as_bytes());
    }
    let (start, length, count) = (out.len() as u32, directory.len() as u32, members.len() as u16);
    out.extend(directory);
    out.extend([b"PK\x05\x06", &[0; 4][..], &count.to_le_bytes(), &count.to_le_bytes()].concat());
    out.extend([&length.to_le_bytes()[..], &start.to_le_bytes(), &[0; 2]].concat());
    out
}

/// An ELF file of these sections, and the one that names them.
pub fn elf(wide: bool, order: First, sections: &[(&str, &[u8])]) -> Vec<u8> {
    let number = |value: usize, width: usize| {
        let bytes = (value as u64).to_le_bytes();
        let low = &bytes[..width];
        if order == First::Low { low.to_vec() } else { low.iter().rev().copied().collect() }
    };
    let width = if wide { 8 } else { 4 };
    let names: String = sections.iter().map(|(name, _)| format!("{name}\0")).collect();
    let all = sections.iter().copied().chain([("", names.as_bytes())]);
    let (mut body, mut table, mut name) = (Vec::<u8>::new(), Vec::<u8>::new(), 0);
    let start = if wide { 0x40 } else { 0x34 };
    for (title, content) in all {
        let (offset, flags_and_address) = (start + body.len(), vec![0; 2 * width]);
        table.extend([number(name, 4), number(1, 4), flags_and_address].concat());
        table.extend([number(offset, width), number(content.len(), width)].concat());
        table.resize(table.len().next_multiple_of(if wide { 64 } else { 40 }), 0);
        body.extend(content);
        name += title.len() + 1;
    }
    let class = [if wide { 2 } else { 1 }, if order == First::Low { 1 } else { 2 }, 1];
    let mut out = [&b"\x7fELF"[..], &class, &[0; 9]].concat();
    out.extend([vec![0; 8 + 2 * width], number(start + body.len(), width), vec![0; 10]].concat());
    let count = sections.len() + 1;
    out.extend([number(if wide { 64 } else { 40 }, 2), number(count, 2), number(count - 1, 2)].concat());
    debug_assert_eq!(out.len(), start);
    out.extend(body);
    out.extend(table);
    out
}

/// A PNG file of these parts.
pub fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in chunks {
        out.extend((content.len() as u32).to_be_bytes());
        out.extend(*kind);
        out.extend(*content);
        out.extend([0; 4]);
    }
    out
}

/// An SQLite database of two pages, or what is looked at of one.
pub fn sqlite(changes: u32, row: &[u8]) -> Vec<u8> {
    let mut out = b"SQLite format 3\0\x10\0".to_vec();
    out.resize(8192, 0);
    out[24..28].copy_from_slice(&changes.to_be_bytes());
    out[92..96].copy_from_slice(&changes.to_be_bytes());
    out[8192 - row.len()..].copy_from_slice(row);
    out
}
