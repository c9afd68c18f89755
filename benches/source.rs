//! What a build with nothing changed costs where its context is concerned: the scan, and the choice of what is copied.
//!
//! `bare walk` is the floor: the same directories listed and the same files looked at by two threads, and nothing kept.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use rbuild::oci::LAYER_EPOCH;
use rbuild::source::{ContextModes, Local, Scan, ScanOptions, Wanted};
use rbuild::tree::{Patterns, Stack, entries_digest};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, StatxFlags, openat, statx};

const FILES: usize = 50_000;

/// A context of the size of a large web project.
fn make(root: &Path) {
    for number in 0..FILES {
        let directory = root.join(format!("package{:03}/lib{}", number / 200, number / 20 % 10));
        if number % 20 == 0 {
            fs::create_dir_all(&directory).expect("room for a context");
        }
        fs::write(directory.join(format!("module-{number}.js")), format!("{number}\n").repeat(40))
            .expect("room");
    }
}

fn scan(local: &Local, cache: Option<&[u8]>) -> Scan {
    let (wanted, ignore) = ([Wanted::all()], Patterns::default());
    let (modes, epoch) = (ContextModes::Normalise, Some(LAYER_EPOCH));
    local
        .scan(&ScanOptions { wanted: &wanted, ignore: &ignore, modes, epoch, cache })
        .expect("it can be read")
}

fn bare<'a>(scope: &rayon::Scope<'a>, path: std::path::PathBuf, count: &'a AtomicU64) {
    let directory =
        openat(CWD, &path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).expect("it is a directory");
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 32 << 10];
    let mut reader = RawDir::new(&directory, &mut buffer);
    while let Some(entry) = reader.next() {
        let entry = entry.expect("it can be read");
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat =
            statx(&directory, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS).expect("it is there");
        count.fetch_add(stat.stx_size, Ordering::Relaxed);
        if entry.file_type() == rustix::fs::FileType::Directory {
            let below = path.join(name.to_str().expect("made above"));
            scope.spawn(move |scope| bare(scope, below, count));
        }
    }
}

fn benches(c: &mut Criterion) {
    let directory = tempfile::tempdir().expect("room for a context");
    make(directory.path());
    std::thread::sleep(std::time::Duration::from_millis(100));
    let local = Local::open(directory.path()).expect("it was just made");
    let first = scan(&local, None);
    let entries = first.entries();
    let cache = first.cache.clone().expect("there was none");
    let mut group = c.benchmark_group("context of 50,000 files");
    group.sample_size(20);
    group.bench_function("bare walk", |b| {
        b.iter(|| {
            let count = AtomicU64::new(0);
            rayon::scope(|scope| bare(scope, directory.path().to_path_buf(), &count));
            black_box(count)
        });
    });
    group.bench_function("scan, nothing changed", |b| {
        b.iter(|| {
            let scan = scan(&local, Some(&cache));
            assert_eq!(scan.read, 0);
            scan
        });
    });
    group.bench_function("scan, nothing known", |b| b.iter(|| scan(&local, None)));
    let stack = Stack::new(vec![entries.clone()]);
    group.bench_function("digest of all entries", |b| b.iter(|| entries_digest(entries.iter())));
    group.bench_function("walk of the stack", |b| {
        b.iter(|| stack.walk(&rbuild::tree::RootPath::root()).count())
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
