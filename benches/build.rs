//! A whole build with nothing changed, in this process: contexts walked, keys found, config and manifest made.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use rbuild::build::{Context, Interrupt, Namespace, Options, Outcome, build};
use rbuild::progress::{Event, Sink};
use rbuild::store::{self, Store};

struct Nobody;

impl Sink for Nobody {
    fn send(&self, _event: Event) {}
}

fn context(root: &Path, files: usize) {
    let mut dockerfile = "FROM scratch\nWORKDIR /app\n".to_string();
    for number in 0..10 {
        dockerfile += &format!("COPY part{number} /app/part{number}/\n");
    }
    for number in 0..files {
        let directory = root.join(format!("part{}/lib{}", number % 10, number / 100));
        fs::create_dir_all(&directory).expect("room for a context");
        fs::write(directory.join(format!("{number}.js")), format!("{number}\n").repeat(40)).expect("room");
    }
    fs::write(root.join("Dockerfile"), dockerfile).expect("room");
}

fn options(context: &Path) -> Options {
    Options {
        tags: vec!["bench:1".parse().expect("a name")],
        jobs: 2,
        ..Options::new(Context::Directory(context.to_path_buf()))
    }
}

fn once(options: &Options, store: &Store) {
    let interrupt = Arc::new(Interrupt::default());
    let nothing = Box::new(std::io::empty());
    let result = build(options, store, &Nobody, &interrupt, Namespace::Ready, nothing, &mut std::io::sink());
    assert!(matches!(result, Ok(Outcome::Built(_))), "the build failed");
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nothing changed, 11 steps");
    group.sample_size(20);
    for files in [100, 2000] {
        let directory = tempfile::tempdir().expect("room");
        let root = directory.path().join("context");
        context(&root, files);
        let store = Store::open(&directory.path().join("store"), store::Options::default()).expect("a store");
        let options = options(&root);
        once(&options, &store);
        // Young files are read again until the clock has moved on.
        std::thread::sleep(std::time::Duration::from_millis(100));
        once(&options, &store);
        group.bench_function(format!("{files} files"), |bencher| bencher.iter(|| once(&options, &store)));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
