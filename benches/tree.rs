//! Looking at a large root file system: a base of 60,000 paths under 500 small layers.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rbuild::oci::{Digest, LAYER_EPOCH};
use rbuild::tree::{Entries, Entry, Kind, Last, Patterns, RootPath, Stack, Time, diff, entries_digest};

fn path(text: &str) -> RootPath {
    RootPath::clean(text).expect("valid")
}

fn file(text: &str) -> Entry {
    let kind = Kind::File { size: text.len() as u64, digest: Digest::of(text.as_bytes()) };
    Entry { kind, mode: 0o644, ..Entry::directory(path(text), Time::from_seconds(LAYER_EPOCH.0)) }
}

fn directory(text: &str) -> Entry {
    Entry::directory(path(text), Time::from_seconds(LAYER_EPOCH.0))
}

fn base() -> Entries {
    let mut entries = vec![directory("usr"), directory("usr/lib")];
    for package in 0..600 {
        entries.push(directory(&format!("usr/lib/package-{package:03}")));
        entries.extend((0..99).map(|n| file(&format!("usr/lib/package-{package:03}/module-{n:02}.py"))));
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries.into()
}

fn stack(layers: usize) -> Stack {
    let small = (1..layers).map(|n| {
        [directory("srv"), directory("srv/app"), file(&format!("srv/app/file-{n}"))].to_vec().into()
    });
    Stack::new([base()].into_iter().chain(small).collect())
}

fn tree(c: &mut Criterion) {
    let (one, many) = (stack(1), stack(500));
    let paths: Vec<RootPath> = one.walk(&RootPath::root()).map(|node| node.entry.path).collect();
    for (name, stack) in [("1 layer", &one), ("500 layers", &many)] {
        let mut next = paths.iter().cycle().step_by(7919);
        c.bench_function(&format!("get, {name}"), |b| b.iter(|| stack.get(next.next().expect("a circle"))));
        let deep = path("usr/lib/package-300/module-50.py");
        c.bench_function(&format!("resolve four components, {name}"), |b| {
            b.iter(|| stack.resolve(&deep, Last::Follow))
        });
        let under = path("usr/lib/package-300");
        c.bench_function(&format!("walk 100 of 60,000, {name}"), |b| b.iter(|| stack.walk(&under).count()));
        c.bench_function(&format!("children of 600, {name}"), |b| {
            b.iter(|| stack.children(&path("usr/lib")).len())
        });
        c.bench_function(&format!("walk all 60,000, {name}"), |b| {
            b.iter(|| stack.walk(&RootPath::root()).count())
        });
    }
    c.bench_function("digest of 60,000 entries", |b| b.iter(|| entries_digest(one.layers()[0].iter())));
    c.bench_function("difference of 60,000 and 60,501", |b| b.iter(|| diff(&one, &many).len()));
    let patterns =
        Patterns::new(["**/*.pyc", "**/node_modules", "usr/lib/package-0*", "!usr/lib/package-01*", ".git"]);
    let patterns = patterns.expect("valid");
    c.bench_function("five patterns, 60,000 paths, parents known", |b| {
        b.iter(|| {
            let mut above: Vec<(RootPath, _)> = Vec::new();
            let mut left = 0;
            for path in paths.iter().skip(1) {
                while above.last().is_some_and(|(directory, _)| !path.is_below(directory)) {
                    above.pop();
                }
                let matched = patterns.step(path, above.last().map(|(_, matched)| matched));
                left += usize::from(!matched.is_excluded());
                if !path.as_bytes().ends_with(b".py") {
                    above.push((path.clone(), matched));
                }
            }
            black_box(left)
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(std::time::Duration::from_secs(1)).warm_up_time(std::time::Duration::from_millis(300));
    targets = tree
}
criterion_main!(benches);
