//! Fuzzing on a stable compiler: `cargo run --example fuzz -- parser|expansion|patterns [SECONDS [SEED]]`.
//!
//! Inputs are mutated from the Dockerfiles of `testdata` and from what was found on the way: an input whose result has a
//! shape that was not there before is kept. A panic, a result that breaks a rule, or one that takes far too long is
//! made smaller, printed as a string literal, and ends the run with code 1. Findings become unit tests.

mod mutate;
#[path = "../tests/it/slow_patterns.rs"]
mod slow_patterns;
mod targets;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use mutate::Mutator;

/// What one input may take; a thousandth would be usual.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Runs one input: its shape, or what is wrong.
type Target = fn(&str) -> Result<u64, String>;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: u64| args.get(at).map_or(default, |text| text.parse().expect("a number"));
    let (name, seconds, seed) = (args.first().map_or("", String::as_str), number(1, 60), number(2, 1));
    let target: Target = match name {
        "parser" => targets::parser,
        "expansion" => targets::expansion,
        "patterns" => targets::patterns,
        _ => {
            eprintln!("usage: fuzz parser|expansion|patterns [SECONDS [SEED]]");
            std::process::exit(2);
        }
    };
    std::panic::set_hook(Box::new(|_| {}));
    let mut corpus = targets::seeds(name);
    let tokens = targets::tokens(name);
    let mut mutator = Mutator::new(seed);
    let mut shapes = BTreeSet::new();
    let start = Instant::now();
    let mut runs = 0_u64;
    let mut slowest = (Duration::ZERO, String::new());
    while start.elapsed() < Duration::from_secs(seconds) {
        let input = mutator.next(&corpus, tokens);
        let begin = spent();
        match run(target, &input) {
            Err(problem) => {
                let small = shrink(target, input);
                println!("{problem}\n{small:?}");
                std::process::exit(1);
            }
            Ok(shape) => {
                if shapes.insert(shape) && corpus.len() < 20_000 {
                    corpus.push(input.clone());
                }
            }
        }
        if spent() - begin > slowest.0 {
            slowest = (spent() - begin, input);
        }
        runs += 1;
    }
    let head: String = slowest.1.chars().take(120).collect();
    println!(
        "{name}: {runs} inputs, {} shapes, nothing found; slowest {:?} ({} bytes): {head:?}",
        shapes.len(),
        slowest.0,
        slowest.1.len()
    );
}

fn run(target: Target, input: &str) -> Result<u64, String> {
    let begin = spent();
    let result = catch_unwind(AssertUnwindSafe(|| target(input))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("panic: {}", text.unwrap_or_default()))
    });
    match result {
        Ok(_) if spent() - begin > PATIENCE => Err(format!("took {:?}", spent() - begin)),
        other => other,
    }
}

/// The processor's time of this thread: other work on the machine is no finding.
fn spent() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// Leaves out pieces for as long as something is still wrong.
fn shrink(target: Target, input: String) -> String {
    let mut chars: Vec<char> = input.chars().collect();
    let mut size = chars.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < chars.len() {
            let shorter: Vec<char> =
                chars.iter().take(at).chain(chars.iter().skip(at + size)).copied().collect();
            match run(target, &shorter.iter().collect::<String>()) {
                Err(_) => chars = shorter,
                Ok(_) => at += size,
            }
        }
        size /= 2;
    }
    chars.into_iter().collect()
}
