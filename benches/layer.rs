//! Writing, reading and compressing layers: 50,000 small files, and a few large ones.

use std::io::{self, Read, Write};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rbuild::layer::{Compression, Compressor, LayerList, Limits, Writer, Written, decompress, read};
use rbuild::oci::{Digest, LAYER_EPOCH};
use rbuild::tree::{Entry, Kind, RootPath, Time};

fn text(seed: usize, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 16);
    let mut state = seed as u64 + 1;
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = ["return ", "self.", "import ", "value", " = ", "None\n", "    ", "def "]
            [(state >> 60) as usize % 8];
        bytes.extend(word.as_bytes());
        bytes.extend(((state >> 40) % 97).to_string().as_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn files(count: usize, size: usize) -> Vec<(Entry, Vec<u8>)> {
    let mtime = Time::from_seconds(LAYER_EPOCH.0);
    let mut all = vec![];
    for n in 0..count {
        if n % 100 == 0 {
            let path = RootPath::clean(format!("app/d{:04}", n / 100)).expect("valid");
            all.push((Entry::directory(path, mtime), vec![]));
        }
        let path = RootPath::clean(format!("app/d{:04}/file-{n:06}.py", n / 100)).expect("valid");
        let content = text(n, size);
        let kind = Kind::File { size: content.len() as u64, digest: Digest::of(&content) };
        all.push((Entry { kind, mode: 0o644, ..Entry::directory(path, mtime) }, content));
    }
    all
}

fn write<W: Write>(out: W, entries: &[(Entry, Vec<u8>)]) -> (W, Written) {
    let mut writer = Writer::new(out);
    for (entry, content) in entries {
        let mut content = content.as_slice();
        let is_file = matches!(entry.kind, Kind::File { .. });
        writer.entry(entry, is_file.then_some(&mut content as &mut dyn Read)).expect("in order");
    }
    writer.finish().expect("complete")
}

fn layer(c: &mut Criterion) {
    let (small, large) = (files(50_000, 1000), files(4, 32 << 20));
    for (name, entries) in [("50,000 files of 1 kB", &small), ("4 files of 32 MiB", &large)] {
        let (tar, _) = write(Vec::new(), entries);
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(tar.len() as u64));
        group.bench_function("write", |b| b.iter(|| write(io::sink(), entries).1.size));
        group.bench_function("read", |b| {
            b.iter(|| read(&mut tar.as_slice(), &Limits::default()).expect("ours").size)
        });
    }
    let list = write(io::sink(), &small).1.list;
    let bytes = list.encode();
    c.bench_function("encode a list of 50,000", |b| b.iter(|| list.encode().len()));
    c.bench_function("decode a list of 50,000", |b| {
        b.iter(|| LayerList::decode(bytes.clone()).expect("ours").entries.len())
    });
    let (tar, _) = write(Vec::new(), &files(1000, 64_000));
    let mut group = c.benchmark_group("blobs of 64 MB");
    group.throughput(Throughput::Bytes(tar.len() as u64));
    for (name, compression) in [
        ("gzip 1", Compression::Gzip { level: 1 }),
        ("gzip 6", Compression::Gzip { level: 6 }),
        ("zstd 3", Compression::Zstd { level: 3 }),
    ] {
        let compress = || {
            let mut compressor = Compressor::new(Vec::new(), compression);
            compressor.write_all(&tar).expect("memory");
            compressor.finish().expect("memory")
        };
        let blob = compress();
        group.bench_function(format!("{name}, compress"), |b| b.iter(|| compress().len()));
        group.bench_function(format!("{name}, decompress"), |b| {
            b.iter(|| {
                let mut plain = decompress(Box::new(blob.as_slice()), &Limits::default()).expect("ours");
                io::copy(&mut plain, &mut io::sink()).expect("ours")
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(std::time::Duration::from_secs(2)).warm_up_time(std::time::Duration::from_millis(300));
    targets = layer
}
criterion_main!(benches);
