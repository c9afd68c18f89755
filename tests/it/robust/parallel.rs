//! Independent stages at the same time, and one failure among them.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::{processes, unique};
use crate::e2e::Workshop;

fn six_stages() -> String {
    let mut text = String::new();
    for index in 0..6 {
        writeln!(text, "FROM busybox AS s{index}\nRUN echo {index} > /o; sleep 1").unwrap();
    }
    text.push_str("FROM busybox\n");
    for index in 0..6 {
        writeln!(text, "COPY --from=s{index} /o /o{index}").unwrap();
    }
    text
}

#[test]
fn six_stages_that_sleep_a_second_take_less_than_three() {
    let Some(shop) = Workshop::new() else { return };
    let start = Instant::now();
    shop.build(&six_stages(), &["--jobs", "6"]).ok();
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn with_one_job_one_stage_comes_after_the_other() {
    let Some(shop) = Workshop::new() else { return };
    let start = Instant::now();
    shop.build(&six_stages(), &["--jobs", "1"]).ok();
    assert!(start.elapsed() >= Duration::from_secs(6), "{:?}", start.elapsed());
}

#[test]
fn a_failing_run_ends_the_others_and_is_said_once() {
    let Some(shop) = Workshop::new() else { return };
    let mark = format!("5{}", unique().split_once('x').unwrap().0);
    let text = format!(
        "FROM busybox AS a\nRUN sleep {mark}\nFROM busybox AS b\nRUN sleep 0.3; echo nope; exit 9\n\
         FROM busybox\nCOPY --from=a /etc/passwd /a\nCOPY --from=b /etc/passwd /b\n"
    );
    let start = Instant::now();
    let said = shop.build(&text, &["--jobs", "4"]).fails(&["CANCELED", "exit code: 9", ">>> RUN sleep 0.3"]);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(said.stderr.matches("failed to solve").count(), 1, "{}", said.stderr);
    assert_eq!(processes(&format!("sleep {mark}")), Vec::<String>::new());
}
