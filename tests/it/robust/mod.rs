//! What must hold when things go wrong: the cache, the store, interruption, full disks, ordinary users, attacks.

mod attacks;
mod cache;
mod damage;
mod death;
mod deep;
mod flights;
pub mod foreign;
mod full;
mod interrupt;
mod limits;
mod mtimes;
mod parallel;
mod power;
mod signals;
mod times;
mod user;

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The manifest's digest, which is said last.
#[track_caller]
pub fn digest(stderr: &str) -> String {
    let line = stderr.lines().rev().find(|line| line.starts_with("sha256:"));
    let line = line.unwrap_or_else(|| panic!("no digest is said:\n{stderr}"));
    line.split_whitespace().next().expect("found by its start").to_string()
}

/// The warnings at the end.
pub fn warnings(stderr: &str) -> Vec<&str> {
    stderr.lines().filter_map(|line| line.strip_prefix(" - ")).collect()
}

/// Waits until `done` holds, at most ten seconds.
#[track_caller]
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(120), "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A program at work, whose standard error goes to a file.
pub struct Running {
    pub child: Child,
    log: std::path::PathBuf,
}

impl Running {
    pub fn start(mut command: Command, log: &Path) -> Running {
        let file = std::fs::File::create(log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Running { child, log: log.to_path_buf() }
    }

    pub fn said(&self) -> String {
        let mut text = Vec::new();
        std::fs::File::open(&self.log).unwrap().read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        wait_until(text, || self.said().contains(text));
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Its exit code (none if a signal ended it), and how long that took.
    pub fn end(&mut self) -> (Option<i32>, Duration) {
        let start = Instant::now();
        let status = self.child.wait().unwrap();
        (status.code(), start.elapsed())
    }
}

/// Processes whose command line has `marker`.
pub fn processes(marker: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if entry.file_name().to_string_lossy().parse::<u32>().is_ok() && line.contains(marker) {
            found.push(line);
        }
    }
    found
}

/// What a dead or ended build has left in the store that belongs to nobody, after the next opening.
pub fn leftovers(store: &Path) -> Vec<std::path::PathBuf> {
    let mut left = Vec::new();
    for directory in ["tmp", "leases", "flights"] {
        let entries = std::fs::read_dir(store.join(directory)).unwrap().filter_map(Result::ok);
        left.extend(entries.map(|e| e.path()).filter(|p| p.extension().is_none_or(|e| e != "unsynced")));
    }
    left
}

/// Mounts below a path, in this mount namespace.
pub fn mounts_below(path: &Path) -> usize {
    let path = path.to_str().unwrap();
    std::fs::read_to_string("/proc/self/mountinfo")
        .unwrap()
        .lines()
        .filter(|line| line.contains(path))
        .count()
}

/// A word that no other build has, so that nothing comes from a cache.
pub fn unique() -> String {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{}x{nanos}", std::process::id())
}
