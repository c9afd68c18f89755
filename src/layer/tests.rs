//! A layer there and back: writer, reader, visitor, list and compressors together.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use proptest::prelude::*;

use super::*;
use crate::oci::Digest;
use crate::tree::{Entries, Entry, Kind, RootPath, Stack, Time};

fn path(text: &str) -> RootPath {
    RootPath::clean(text).unwrap()
}

fn entry(text: &str, kind: Kind) -> Entry {
    Entry { kind, mode: 0o644, ..Entry::directory(path(text), Time::from_seconds(315_532_801)) }
}

fn file(text: &str, content: &[u8]) -> (Entry, Vec<u8>) {
    let kind = Kind::File { size: content.len() as u64, digest: Digest::of(content) };
    (entry(text, kind), content.to_vec())
}

fn bare(text: &str, kind: Kind) -> (Entry, Vec<u8>) {
    (entry(text, kind), vec![])
}

fn write(entries: &[(Entry, Vec<u8>)]) -> Result<(Vec<u8>, Written), Error> {
    let mut writer = Writer::new(Vec::new());
    for (entry, content) in entries {
        let mut content = content.as_slice();
        let is_file = matches!(entry.kind, Kind::File { .. });
        writer.entry(entry, is_file.then_some(&mut content as &mut dyn Read))?;
    }
    writer.finish()
}

/// One of everything, with all that does not fit ustar.
pub fn everything() -> Vec<(Entry, Vec<u8>)> {
    let long = "long-name-".repeat(30);
    let mut all = vec![
        bare("", Kind::Directory),
        bare("dev", Kind::Directory),
        bare("dev/disk", Kind::BlockDevice { major: 259, minor: 1_048_575 }),
        bare("dev/null", Kind::CharDevice { major: 1, minor: 3 }),
        bare("dev/pipe", Kind::Fifo),
        bare("etc", Kind::Directory),
        file("etc/empty", b""),
        file("etc/hello", b"hello\n"),
        bare("etc/link", Kind::Hardlink(path("etc/hello"))),
        bare("etc/removed", Kind::Whiteout),
        bare(&long[..120], Kind::Symlink(long.clone().into())),
        file(&format!("{}/{}", &long[..120], "x").replace('/', "-"), &[7; 100_000]),
        file("zz-\u{fc}ml\u{e4}ut", b"x"),
    ];
    all[1].0.mode = 0o41755;
    all[6].0.uid = 3_000_000;
    all[6].0.mtime = Time::from_seconds(-5);
    all[7].0.gid = 2_097_152;
    all[8].0.gid = 2_097_152;
    let capability = vec![1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    all[12].0.xattrs = BTreeMap::from([
        (b"user.b".to_vec(), b"\xff=\n".to_vec()),
        (b"security.capability".to_vec(), capability),
    ]);
    all.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    all
}

#[test]
fn what_is_written_is_read_back_entry_for_entry() {
    let (tar, written) = write(&everything()).unwrap();
    assert_eq!((Digest::of(&tar), tar.len() as u64), (written.diff_id.0, written.size));
    let read = read(&mut tar.as_slice(), &Limits::default()).unwrap();
    assert_eq!(read, written);
    let entries: Vec<Entry> =
        everything().into_iter().map(|(e, _)| Entry { mode: e.mode & 0o7777, ..e }).collect();
    for (read, mut want) in read.list.entries.iter().zip(entries) {
        if matches!(want.kind, Kind::Symlink(_)) {
            want.mode = 0o777;
        }
        assert_eq!(*read, want);
    }
}

#[test]
fn chosen_files_are_visited_in_the_order_of_the_tar_and_need_not_be_read() {
    let all = everything();
    let (tar, written) = write(&all).unwrap();
    let mut wanted: Vec<usize> = (0..all.len()).rev().collect();
    wanted.push(wanted[0]);
    let mut seen = Vec::new();
    visit(&mut tar.as_slice(), &written.list, &wanted, &mut |at, content| {
        let mut bytes = Vec::new();
        content.take(if at % 2 == 0 { 3 } else { 1 << 20 }).read_to_end(&mut bytes)?;
        assert!(all[at].1.starts_with(&bytes));
        seen.push(at);
        Ok(())
    })
    .unwrap();
    let files: Vec<usize> =
        (0..all.len()).filter(|at| matches!(all[*at].0.kind, Kind::File { .. })).collect();
    assert_eq!(seen, files);
    let last = written.list.offsets.iter().max().copied().unwrap() as usize;
    let cut = visit(&mut &tar[..last], &written.list, &wanted, &mut |_, content| {
        std::io::copy(content, &mut std::io::sink()).map(|_| ())
    });
    assert!(cut.is_err());
}

#[test]
fn a_file_that_changed_since_it_was_recorded_is_an_error_that_names_it() {
    for content in [&b"hellO\n"[..], b"hello", b"hello\n\n", b""] {
        let (recorded, _) = file("etc/hello", b"hello\n");
        let error = write(&[(recorded, content.to_vec())]).unwrap_err().to_string();
        assert!(error.starts_with("/etc/hello: changed"), "{error}");
    }
}

#[test]
fn entries_that_make_no_layer_are_refused() {
    let wrong = [
        vec![bare("b", Kind::Directory), bare("a", Kind::Directory)],
        vec![bare("a", Kind::Directory), bare("a", Kind::Fifo)],
        vec![bare("a", Kind::Fifo), bare("a/b", Kind::Fifo)],
        vec![bare("a", Kind::Whiteout), bare("a/b", Kind::Fifo)],
        vec![file("d/.wh.x", b"")],
        vec![bare(".wh..wh..opq", Kind::Whiteout)],
        vec![bare("a", Kind::OpaqueDirectory)],
        vec![bare("a", Kind::Hardlink(path("b"))), file("b", b"")],
        vec![file("a", b""), bare("b", Kind::Hardlink(path("a"))), bare("c", Kind::Hardlink(path("b")))],
        vec![bare("", Kind::Fifo)],
        vec![bare("a", Kind::CharDevice { major: u32::MAX, minor: 0 })],
        vec![(
            Entry { xattrs: BTreeMap::from([(b"a=b".to_vec(), vec![])]), ..entry("a", Kind::Fifo) },
            vec![],
        )],
    ];
    for entries in wrong {
        let names: Vec<_> = entries.iter().map(|(e, _)| e.path.to_string()).collect();
        assert!(matches!(write(&entries), Err(Error::Entry { .. })), "{names:?}");
    }
    let mut writer = Writer::new(Vec::new());
    let (nonempty, _) = file("a", b"x");
    assert!(writer.entry(&nonempty, None).is_err());
    assert!(writer.entry(&entry("b", Kind::Fifo), Some(&mut &b""[..])).is_err());
}

#[test]
fn a_stored_list_is_read_back_and_every_flipped_byte_is_noticed() {
    let list = write(&everything()).unwrap().1.list;
    let bytes = list.encode();
    assert_eq!(LayerList::decode(bytes.clone()).unwrap(), list);
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        assert!(LayerList::decode(bytes.clone()).is_err(), "{at}");
        assert!(LayerList::decode(bytes[..at].to_vec()).is_err(), "{at}");
    }
}

/// More than one run of them, in directories that share long prefixes, with marks and links between the files.
fn many(count: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = (0..count)
        .map(|number| {
            let path = format!("usr/lib/package-{:03}/file-{number:06}", number / 7);
            let (size, digest) = (number as u64, Digest::of(&number.to_be_bytes()));
            let kind = match number % 29 {
                3 => Kind::Symlink(b"../elsewhere".to_vec()),
                5 => Kind::OpaqueDirectory,
                7 => Kind::Whiteout,
                11 => Kind::Fifo,
                _ => Kind::File { size, digest },
            };
            let mut entry = Entry { uid: (number / 50) as u32, ..entry(&path, kind) };
            if number % 13 == 0 {
                entry.xattrs.insert(b"user.note".to_vec(), vec![number as u8; number % 5]);
            }
            entry
        })
        .collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries
}

fn stored(entries: &[Entry]) -> Vec<u8> {
    let offsets = (0..entries.len() as u64).map(|at| at * 512).collect::<Vec<_>>();
    LayerList { entries: entries.to_vec().into(), offsets: offsets.into() }.encode()
}

#[test]
fn a_stored_list_whose_runs_are_made_when_asked_for_is_the_list_that_was_stored() {
    for count in [0, 1, 63, 64, 65, 127, 128, 129, 1000] {
        let entries = many(count);
        let held = Entries::from(entries.clone());
        let bytes = stored(&entries);
        // Each read anew, so that a look-up meets runs that nobody has made yet.
        let read = || LayerList::decode(bytes.clone()).unwrap().entries;
        assert_eq!(read().len(), count);
        assert_eq!(read(), held);
        assert_eq!(read().get(count), None);
        let stack = |entries: &Entries| Stack::new(vec![entries.clone()]);
        for (at, entry) in entries.iter().enumerate() {
            assert_eq!(read().search(&entry.path), Ok(at));
            assert_eq!(&read()[at], entry);
            assert_eq!(read().search(&entry.path.join("below")), Err(at + 1));
        }
        let tops = ["", "usr", "usr/lib", "usr/lib/package-008", "usr/lib/package-009", "usr/lib/zz", "a"];
        for top in tops.map(|top| RootPath::clean(top).unwrap()) {
            let walk = |entries: &Entries| stack(entries).walk(&top).collect::<Vec<_>>();
            assert_eq!(walk(&read()), walk(&held), "{count} {top}");
            assert_eq!(stack(&read()).children(&top), stack(&held).children(&top), "{count} {top}");
        }
    }
}

#[test]
fn nonsense_in_a_stored_list_is_met_when_it_is_read_and_not_when_a_run_is_made() {
    let bytes = stored(&many(80));
    let list = LayerList::decode(bytes.clone()).unwrap();
    for at in 0..bytes.len() - 32 {
        for byte in [bytes[at] ^ 1, bytes[at] ^ 0x80, b'/', 0] {
            let mut wrong = bytes.clone();
            wrong[at] = byte;
            // Some of it makes sense; then all of it can be made.
            if let Ok(read) = LayerList::of_whole(wrong) {
                assert!(read.entries.iter().is_sorted_by(|a, b| a.path < b.path), "{at} {byte}");
                assert!(read.entries.iter().all(|e| RootPath::is_clean(e.path.as_bytes())), "{at} {byte}");
                assert_eq!(read == list, byte == bytes[at], "{at} {byte}");
            }
        }
    }
}

/// Not random and not dull: both kinds of blocks are in it.
fn sample(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..length)
        .map(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if at / 65_536 % 3 == 0 { (state >> 24) as u8 } else { (state >> 30) as u8 + b'a' }
        })
        .collect()
}

fn compress(bytes: &[u8], compression: Compression, threads: usize, piece: usize) -> Vec<u8> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut compressor = Compressor::new(Vec::new(), compression);
        for piece in bytes.chunks(piece) {
            compressor.write_all(piece).unwrap();
            compressor.flush().unwrap();
        }
        compressor.finish().unwrap()
    })
}

fn plain(bytes: &[u8], limits: &Limits) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    decompress(Box::new(bytes), limits)?.read_to_end(&mut out)?;
    Ok(out)
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_on_how_writes_are_cut() {
    let bytes = sample(9 << 20);
    for compression in
        [Compression::Gzip { level: 1 }, Compression::default(), Compression::Zstd { level: 3 }]
    {
        let one = compress(&bytes, compression, 1, 1 << 20);
        for (threads, piece) in [(1, 300_001), (2, 1 << 16), (4, 9 << 20)] {
            assert!(
                compress(&bytes, compression, threads, piece) == one,
                "{compression:?} {threads} {piece}"
            );
        }
        assert!(one.len() < bytes.len());
        assert!(plain(&one, &Limits::default()).unwrap() == bytes);
    }
}

#[test]
fn a_compressor_off_the_pool_gives_the_same_bytes() {
    let bytes = sample(5 << 20);
    let mut compressor = Compressor::new(Vec::new(), Compression::default());
    compressor.write_all(&bytes).unwrap();
    assert!(compressor.finish().unwrap() == compress(&bytes, Compression::default(), 1, 1 << 20));
}

#[test]
fn nothing_and_a_whole_block_are_valid_streams() {
    for length in [0, 1, 1 << 20, (1 << 20) + 1] {
        let bytes = sample(length);
        for level in 0..=9 {
            let gzip = compress(&bytes, Compression::Gzip { level }, 2, 1 << 20);
            assert_eq!(gzip[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
            assert!(plain(&gzip, &Limits::default()).unwrap() == bytes);
        }
        let zstd = compress(&bytes, Compression::Zstd { level: 1 }, 2, 1 << 20);
        assert!(plain(&zstd, &Limits::default()).unwrap() == bytes);
        assert!(compress(&bytes, Compression::Uncompressed, 1, 100) == bytes || length == 0);
    }
}

#[test]
fn a_writer_that_fails_fails_the_compressor() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("full"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for compression in [Compression::default(), Compression::Zstd { level: 3 }, Compression::Uncompressed] {
        let mut compressor = Compressor::new(Full, compression);
        let written = compressor.write_all(&sample(20 << 20));
        assert!(written.and_then(|()| compressor.finish().map(|_| ())).is_err(), "{compression:?}");
    }
}

#[test]
fn bombs_and_broken_streams_are_read_errors() {
    let zeros = vec![0; 8 << 20];
    let gzip = compress(&zeros, Compression::Gzip { level: 9 }, 1, 1 << 20);
    let tight = Limits { ratio: 100, ratio_from: 1 << 20, ..Limits::default() };
    assert!(plain(&gzip, &tight).unwrap_err().to_string().contains("bomb"));
    assert!(plain(&gzip, &Limits { size: 1 << 20, ..Limits::default() }).is_err());
    assert!(plain(&gzip[..gzip.len() - 1], &Limits::default()).is_err());
    let zstd = compress(&sample(4 << 20), Compression::Zstd { level: 19 }, 1, 1 << 20);
    assert!(plain(&zstd, &Limits { window: 1 << 16, ..Limits::default() }).is_err());
    assert!(plain(&zstd[..zstd.len() - 1], &Limits::default()).is_err());
    let mut wrong = zstd;
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    assert!(plain(&wrong, &Limits::default()).is_err(), "the checksum is there and is looked at");
}

#[test]
fn first_bytes_tell_the_encoding() {
    assert_eq!(sniff(b"\x1f\x8b\x08\0"), Encoding::Gzip);
    assert_eq!(sniff(b"\x28\xb5\x2f\xfd"), Encoding::Zstd);
    assert_eq!(sniff(b"BZh91AY&SY"), Encoding::Bzip2);
    assert_eq!(sniff(b"\xfd7zXZ\0"), Encoding::Xz);
    for plain in [&b""[..], b"B", b"BZh9 is no bzip2", b"\x1f\x8b", b"\x1f\x8b\x07", b"plain text"] {
        assert_eq!(sniff(plain), Encoding::Plain);
    }
    assert_eq!(plain(b"short", &Limits::default()).unwrap(), b"short");
}

#[test]
fn bzip2_streams_one_after_the_other_are_one() {
    let part = |bytes: &[u8]| {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let both = [part(b"first "), part(b"second")].concat();
    assert_eq!(plain(&both, &Limits::default()).unwrap(), b"first second");
    assert_eq!(plain(&part(b""), &Limits::default()).unwrap(), b"");
    assert!(plain(&both[..both.len() - 1], &Limits::default()).is_err());
}

prop_compose! {
    fn any_entry()(
        names in prop::collection::vec("[a-z\u{e0}-\u{ff}]{1,60}", 1..4),
        kind in 0..6,
        content in prop::collection::vec(any::<u8>(), 0..1500),
        link in "[ -~]{1,300}",
        (mode, uid, gid) in (0u32..0o10000, any::<u32>(), any::<u32>()),
        seconds in -10_000_000_000i64..10_000_000_000,
        xattrs in prop::collection::btree_map(b"user.a".prop_map_into(), prop::collection::vec(any::<u8>(), 0..20), 0..2),
    ) -> (Entry, Vec<u8>) {
        let kind = match kind {
            0 | 1 => Kind::File { size: content.len() as u64, digest: Digest::of(&content) },
            2 => Kind::Symlink(link.into_bytes()),
            3 => Kind::Whiteout,
            4 => Kind::CharDevice { major: uid & 0xfff, minor: gid & 0xf_ffff },
            _ => Kind::Directory,
        };
        let mode = if matches!(kind, Kind::Symlink(_)) { 0o777 } else { mode };
        let xattrs = if kind == Kind::Whiteout { BTreeMap::new() } else { xattrs };
        let owner = |id: u32| id.min(u32::MAX - 1);
        let path = RootPath::clean(names.join("/")).unwrap();
        let entry = Entry { path, kind, mode, uid: owner(uid), gid: owner(gid), mtime: Time::from_seconds(seconds), xattrs };
        (entry, content)
    }
}

trait MapInto {
    fn prop_map_into(self) -> BoxedStrategy<Vec<u8>>;
}

impl MapInto for &[u8; 6] {
    fn prop_map_into(self) -> BoxedStrategy<Vec<u8>> {
        Just(self.to_vec()).boxed()
    }
}

proptest! {
    #[test]
    fn any_layer_goes_there_and_back(mut entries in prop::collection::vec(any_entry(), 0..12)) {
        entries.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        entries.dedup_by(|a, b| b.0.path == a.0.path || (!b.0.is_directory() && a.0.path.is_below(&b.0.path)));
        let (tar, written) = write(&entries).unwrap();
        prop_assert_eq!(tar.len() % 512, 0);
        let back = read(&mut tar.as_slice(), &Limits::default()).unwrap();
        prop_assert_eq!(&back, &written);
        prop_assert_eq!(back.list.entries.iter().cloned().collect::<Vec<_>>(), entries.iter().map(|e| e.0.clone()).collect::<Vec<_>>());
        prop_assert_eq!(LayerList::decode(written.list.encode()).unwrap(), back.list);
    }

    #[test]
    fn no_bytes_at_all_make_the_readers_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..2000), at in any::<usize>()) {
        let limits = Limits { size: 1 << 20, ..Limits::default() };
        let _ = read(&mut bytes.as_slice(), &limits);
        let _ = LayerList::decode(bytes.clone());
        let (mut tar, _) = write(&everything()).unwrap();
        let at = at % tar.len();
        bytes.truncate(tar.len() - at);
        tar[at..at + bytes.len()].copy_from_slice(&bytes);
        let _ = read(&mut tar.as_slice(), &limits);
        let _ = read_for(Purpose::Unpack, &mut tar.as_slice(), &limits);
    }
}
