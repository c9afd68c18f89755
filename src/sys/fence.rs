//! A user namespace of its own for one process: a fence between processes that have the same ids.
//!
//! Every id in it is itself, so files belong to whom they belong. Who has entered has no power over any other user
//! namespace, and so reaches nobody's memory or files through a `/proc` that shows them.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};
use rustix::pipe::PipeFlags;

use super::clone::{Namespaces, spawn};
use super::{process, subid};

/// A user namespace that nobody is in yet.
#[derive(Debug)]
pub struct Fence(OwnedFd);

impl Fence {
    /// Makes one inside this process's. Needs `CAP_SETUID` and `CAP_SETGID` there.
    pub fn new() -> Result<Fence> {
        let errno = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
        let map = |kind: &str| std::fs::read_to_string(format!("/proc/self/{kind}")).map_err(errno);
        let maps =
            [("uid_map", subid::identity(&map("uid_map")?)), ("gid_map", subid::identity(&map("gid_map")?))];
        // A namespace lives as long as a process that is in it, or a descriptor. The child tells its number, and waits for the end
        // of the other pipe.
        let (number_out, number_in) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let (end_out, end_in) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        std::thread::scope(|scope| {
            // A thread of its own, since it stands still until the child has ended.
            let thread = std::thread::Builder::new()
                .name("fence".to_owned())
                .spawn_scoped(scope, move || -> Result<()> {
                    let child = spawn(Namespaces::USER, &mut || stand(&number_in, &end_out))?;
                    // Without a child nobody else ends the wait for its number.
                    drop(number_in);
                    process::wait(&child.pidfd).map(|_| ())
                })
                .map_err(errno)?;
            let opened = || -> Result<OwnedFd> {
                let mut number = [0; 4];
                std::fs::File::from(number_out).read_exact(&mut number).map_err(errno)?;
                let entry = format!("/proc/{}", i32::from_ne_bytes(number));
                for (file, map) in &maps {
                    std::fs::write(format!("{entry}/{file}"), map).map_err(errno)?;
                }
                rustix::fs::open(format!("{entry}/ns/user"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            };
            let opened = opened();
            drop(end_in);
            // The clone's own refusal says more than a pipe that was left unused.
            thread.join().map_err(|_| Errno::CHILD)??;
            opened.map(Fence)
        })
    }

    /// Enters it: from here on capabilities are those over it, all of them. In the child; one thread, whose file system view is
    /// shared with nobody.
    pub fn enter(&self) -> Result<()> {
        rustix::thread::move_into_link_name_space(
            self.0.as_fd(),
            Some(rustix::thread::LinkNameSpaceType::User),
        )
    }
}

// In the child.
fn stand(number: &OwnedFd, end: &OwnedFd) {
    let _ = process::die_with_parent();
    let _ = rustix::io::write(number, &process::id().as_raw_nonzero().get().to_ne_bytes());
    // Or our copies of the parent's ends would keep the end of file away: our own, and that of whoever stands beside us.
    process::close_in_child_all_but(end.as_fd());
    let _ = rustix::io::read(end, &mut [0]);
}
