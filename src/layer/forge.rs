//! Archives as others, or attackers, write them: members with any field set, for tests.

use super::header::BLOCK;

/// One member to be written as it is told.
#[derive(Clone)]
pub struct Forged {
    pub name: Vec<u8>,
    pub link: Vec<u8>,
    pub flag: u8,
    pub mode: Vec<u8>,
    pub uid: Vec<u8>,
    pub size: Option<Vec<u8>>,
    pub mtime: Vec<u8>,
    pub magic: Vec<u8>,
    pub content: Vec<u8>,
}

/// A member of a kind.
pub fn forged(flag: u8, name: &str) -> Forged {
    Forged {
        name: name.as_bytes().to_vec(),
        link: vec![],
        flag,
        mode: b"0000644".to_vec(),
        uid: b"0000000".to_vec(),
        size: None,
        mtime: b"00000000001".to_vec(),
        magic: b"ustar\x0000".to_vec(),
        content: vec![],
    }
}

pub fn file(name: &str, content: &str) -> Forged {
    Forged { content: content.into(), ..forged(b'0', name) }
}

pub fn directory(name: &str) -> Forged {
    Forged { mode: b"0000755".to_vec(), ..forged(b'5', name) }
}

pub fn link(flag: u8, name: &str, target: &str) -> Forged {
    Forged { link: target.into(), ..forged(flag, name) }
}

/// An extended header of these records.
pub fn pax(records: &[(&str, &str)]) -> Forged {
    let mut content = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length = rest + (rest + rest.to_string().len()).to_string().len();
        content.extend(format!("{length} {key}={value}\n").into_bytes());
    }
    Forged { content, ..forged(b'x', "PaxHeader") }
}

impl Forged {
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut block = [0u8; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name[..self.name.len().min(100)]);
        put(100, &self.mode);
        put(108, &self.uid);
        put(116, b"0000000");
        match &self.size {
            Some(size) => put(124, size),
            None => put(124, format!("{:011o}", self.content.len()).as_bytes()),
        }
        put(136, &self.mtime);
        put(148, b"        ");
        put(156, &[self.flag]);
        put(157, &self.link);
        put(257, &self.magic);
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(block);
        out.extend(&self.content);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
}

/// The archive of these members, with its end.
pub fn archive(members: &[Forged]) -> Vec<u8> {
    let mut out = Vec::new();
    members.iter().for_each(|member| member.write(&mut out));
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}
