//! How long a Dockerfile of 3,000 instructions in 300 stages takes from text to plan: it must stay under 50 ms.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use criterion::{Criterion, criterion_group, criterion_main};
use rbuild::dockerfile::parse;
use rbuild::oci::{DiffId, Digest, ImageConfig, Platform};
use rbuild::plan::{Base, BaseKey, Outcome, Plan, Request, plan};

/// 300 stages of ten instructions; each copies from the one before, every third stands on it.
fn text() -> String {
    let mut text = String::from("ARG TAG=1\n");
    for stage in 0..300 {
        let base = match stage % 3 {
            0 => "busybox:$TAG".to_string(),
            _ => format!("stage{}", stage - 1),
        };
        let from = format!("stage{}", if stage == 0 { 0 } else { stage - 1 });
        let copy = if stage == 0 { "COPY".to_string() } else { format!("COPY --from={from}") };
        write!(
            text,
            "FROM {base} AS stage{stage}\nARG V{stage}=${{TAG:-x}}\nENV A{stage}=\"a b\" B=$A{stage} \\\n  C=${{B%b}}\n\
             WORKDIR /job/{stage}\n{copy} a b ./\nRUN --mount=type=cache,target=/cache/$B make $B && \\\n  echo done\n\
             LABEL l{stage}=$C\nUSER u{stage}\nEXPOSE 80-83 443/udp\nCMD [\"run\", \"{stage}\"]\n"
        )
        .expect("memory");
    }
    text
}

fn planned(text: &str, bases: &BTreeMap<BaseKey, Base>) -> Plan {
    let request = Request::new(parse(text).expect("it parses"), Platform::new("linux", "amd64", None));
    match plan(&request, bases).expect("it can be planned") {
        Outcome::Ready(plan) => *plan,
        Outcome::Needs(questions) => panic!("{questions:?}"),
    }
}

fn bases() -> BTreeMap<BaseKey, Base> {
    let platform = Platform::new("linux", "amd64", None);
    let mut config = ImageConfig::empty(&platform);
    config.rootfs.diff_ids.push(DiffId(Digest::of(b"layer")));
    let name = rbuild::graph::ImageName::Reference("busybox:1".parse().expect("a reference"));
    let base = Base { manifest: Digest::of(b"manifest"), config, platform: platform.clone() };
    BTreeMap::from([(BaseKey { name, platform }, base)])
}

fn bench(criterion: &mut Criterion) {
    let text = text();
    let instructions = parse(&text).expect("it parses").instructions.len();
    assert!(instructions >= 3000, "{instructions}");
    let bases = bases();
    assert_eq!(planned(&text, &bases).graph.steps.len(), 900);
    let mut group = criterion.benchmark_group("3000 instructions");
    group.sample_size(20);
    group.bench_function("parse", |bencher| bencher.iter(|| parse(&text)));
    group.bench_function("parse and plan", |bencher| bencher.iter(|| planned(&text, &bases)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
