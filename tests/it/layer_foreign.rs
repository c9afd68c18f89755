//! What other programs make of our layers, and we of theirs.

#![allow(clippy::unwrap_used, reason = "what tests are built of may panic as tests do")]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use rbuild::layer::{Compression, Compressor, Limits, decompress, read};
use rbuild::tree::{Entry, Kind};

use crate::layer_fixture::{everything, numbers, tar};

/// Whether `program` can be run; says so loudly if not.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--help").stdin(Stdio::null()).output().is_ok();
    if !found {
        let why = format!("{program} is not installed");
        assert!(std::env::var_os("RBUILD_REQUIRE").is_none(), "{why}");
        eprintln!("SKIPPED: {why}");
    }
    found
}

/// What a program writes when it is given `input`.
fn piped(program: &str, arguments: &[&str], directory: &Path, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    output.stdout
}

fn plain(bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    decompress(Box::new(std::io::Cursor::new(bytes)), &Limits::default())?.read_to_end(&mut out)?;
    Ok(out)
}

fn compressed(bytes: &[u8], compression: Compression) -> Vec<u8> {
    let mut compressor = Compressor::new(Vec::new(), compression);
    compressor.write_all(bytes).unwrap();
    compressor.finish().unwrap()
}

/// The name of an entry in the tar.
fn member(entry: &Entry) -> String {
    let path = String::from_utf8(entry.path.as_bytes().to_vec()).unwrap();
    match entry.kind {
        Kind::Whiteout => path.replace("removed", ".wh.removed"),
        _ => path,
    }
}

#[test]
fn gnu_tar_lists_what_we_write() {
    if !has("tar") {
        return;
    }
    let (tar, _) = tar(&everything());
    let options = ["-tvf", "-", "--numeric-owner", "--full-time", "--quoting-style=literal"];
    let listing = String::from_utf8(piped("tar", &options, Path::new("/"), &tar)).unwrap();
    let lines: Vec<&str> = listing.lines().collect();
    let all = everything();
    assert_eq!(lines.len(), all.len(), "{listing}");
    for ((entry, content), line) in all.iter().zip(lines) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (kind, tail) = match &entry.kind {
            Kind::File { .. } | Kind::Whiteout => ('-', String::new()),
            Kind::Directory => ('d', "/".to_string()),
            Kind::Symlink(target) => ('l', format!(" -> {}", String::from_utf8_lossy(target))),
            Kind::Hardlink(target) => ('h', format!(" link to {}", &target.to_string()[1..])),
            Kind::CharDevice { .. } => ('c', String::new()),
            Kind::BlockDevice { .. } => ('b', String::new()),
            _ => ('p', String::new()),
        };
        assert!(line.starts_with(kind), "{line}");
        assert!(line.ends_with(&format!(" {}{tail}", member(entry))), "{line}");
        assert_eq!(words[1], format!("{}/{}", entry.uid, entry.gid), "{line}");
        if kind == '-' {
            assert_eq!(words[2], content.len().to_string(), "{line}");
        }
        let date = if entry.mtime.seconds < 0 { "1969-12-31 23:59:55" } else { "1980-01-01 00:00:01" };
        assert!(line.contains(date), "{line}");
    }
}

#[test]
fn python_reads_what_we_write_with_content_and_attributes() {
    if !has("python3") {
        return;
    }
    let program = r#"
import hashlib, sys, tarfile, io
tar = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))
for m in tar:
    data = hashlib.sha256(tar.extractfile(m).read()).hexdigest() if m.isreg() else "-"
    x = [v.encode("utf-8", "surrogateescape").hex() for k, v in sorted(m.pax_headers.items()) if k.startswith("SCHILY.xattr.")]
    print(m.name, m.type.decode(), oct(m.mode), m.uid, m.gid, int(m.mtime), m.devmajor, m.devminor, data, m.uname + m.gname, *x, sep="|")
"#;
    let (tar, written) = tar(&everything());
    let seen = String::from_utf8(piped("python3", &["-c", program], Path::new("/"), &tar)).unwrap();
    let want: Vec<String> = written.list.entries.iter().map(python_line).collect();
    assert_eq!(seen.lines().collect::<Vec<_>>(), want);
}

fn python_line(entry: &Entry) -> String {
    let (kind, device, digest) = match &entry.kind {
        Kind::File { digest, .. } => (0, (0, 0), digest.hex()),
        Kind::Whiteout => (0, (0, 0), rbuild::oci::Digest::of(b"").hex()),
        Kind::Hardlink(_) => (1, (0, 0), "-".to_string()),
        Kind::Symlink(_) => (2, (0, 0), "-".to_string()),
        Kind::CharDevice { major, minor } => (3, (*major, *minor), "-".to_string()),
        Kind::BlockDevice { major, minor } => (4, (*major, *minor), "-".to_string()),
        Kind::Directory => (5, (0, 0), "-".to_string()),
        _ => (6, (0, 0), "-".to_string()),
    };
    let hex = |bytes: &Vec<u8>| format!("|{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>());
    let xattrs: String = entry.xattrs.values().map(hex).collect();
    let (uid, gid, time) = (entry.uid, entry.gid, entry.mtime.seconds);
    format!(
        "{}|{kind}|0o{:o}|{uid}|{gid}|{time}|{}|{}|{digest}|{xattrs}",
        member(entry),
        entry.mode,
        device.0,
        device.1
    )
}

#[test]
fn every_decompressor_reads_our_blobs_whole() {
    let bytes = numbers(5_000_000);
    let gzip = compressed(&bytes, Compression::default());
    let zstd = compressed(&bytes, Compression::Zstd { level: 3 });
    let python = "import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
    let readers: [(&str, &[&str], &[u8]); 4] = [
        ("gzip", &["-dc"], &gzip),
        ("busybox", &["gzip", "-dc"], &gzip),
        ("python3", &["-c", python], &gzip),
        ("zstd", &["-dc"], &zstd),
    ];
    for (program, arguments, blob) in readers {
        if has(program) {
            assert!(piped(program, arguments, Path::new("/"), blob) == bytes, "{program}");
        }
    }
}

#[test]
fn we_read_what_every_compressor_writes_in_one_stream_or_two() {
    let (bytes, more) = (numbers(300_000), numbers(1000));
    for program in ["gzip", "bzip2", "xz", "zstd"] {
        if has(program) {
            let compress = |bytes| piped(program, &["-c"], Path::new("/"), bytes);
            assert!(plain(compress(&bytes)).unwrap() == bytes, "{program}");
            let both = [compress(&bytes), compress(&more)].concat();
            assert!(
                plain(both.clone()).unwrap() == [bytes.clone(), more.clone()].concat(),
                "two of {program}"
            );
            assert!(plain(both[..both.len() - 3].to_vec()).is_err(), "{program}, cut off");
        }
    }
}

/// Each format that GNU tar and Python write, of one directory with long names, links and odd owners.
#[test]
fn we_read_alike_what_others_write_in_any_format() {
    if !has("tar") || !has("python3") {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path();
    let deep = root.join("d").join("n".repeat(120)).join("o".repeat(120));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("file"), numbers(70_000)).unwrap();
    std::fs::write(root.join("d/a"), "a").unwrap();
    std::fs::hard_link(root.join("d/a"), root.join("d/b")).unwrap();
    std::os::unix::fs::symlink("t".repeat(150), root.join("d/link")).unwrap();
    let gnu = |format: &str| {
        let format = format!("--format={format}");
        let options =
            ["-c", &format, "--sort=name", "--mtime=@1000000000", "--owner=:12345", "--group=:54321", "d"];
        piped("tar", &options, root, b"")
    };
    let python = |format: &str| {
        let program = format!(
            "import tarfile, sys\n\
             def f(m):\n m.uid, m.gid, m.mtime, m.uname, m.gname = 12345, 54321, 1000000000, '', ''\n return m\n\
             t = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.{format})\n\
             t.add('d', filter=f)\n\
             t.close()\n"
        );
        piped("python3", &["-c", &program], root, b"")
    };
    let archives = [gnu("gnu"), gnu("oldgnu"), gnu("posix"), python("GNU_FORMAT"), python("PAX_FORMAT")];
    let lists: Vec<Vec<Entry>> = archives
        .iter()
        .map(|tar| {
            let written = read(&mut tar.as_slice(), &Limits::default()).unwrap();
            let mut entries = written.list.entries.iter().cloned().collect::<Vec<_>>();
            // Which name of a file comes first is the writer's affair.
            entries.retain(|entry| {
                !entry.path.to_string().ends_with("/d/a") && !entry.path.to_string().ends_with("/d/b")
            });
            assert_eq!(entries.len() + 2, written.list.entries.len());
            entries
        })
        .collect();
    assert_eq!(lists[0].len(), 5);
    for list in &lists {
        assert_eq!(list, &lists[0]);
        assert!(list.iter().all(|entry| (entry.uid, entry.gid) == (12345, 54321)));
    }
}

#[test]
fn a_sparse_archive_is_refused_by_name() {
    if !has("tar") {
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let holes = std::fs::File::create(temp.path().join("holes")).unwrap();
    holes.set_len(10 << 20).unwrap();
    for format in ["--format=gnu", "--format=posix", "--sparse-version=0.1", "--sparse-version=0.0"] {
        let tar = piped("tar", &["-cS", format, "holes"], temp.path(), b"");
        assert!(tar.len() < 1 << 20, "GNU tar has found no holes");
        let error = read(&mut tar.as_slice(), &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("holes") && error.contains("sparse"), "{error}");
    }
}
