//! A user namespace in which the kernel hands programs of another processor to an emulator (`binfmt_misc`).
//!
//! Since Linux 6.7 each user namespace can have a `binfmt_misc` of its own, which counts for the processes in it. So
//! neither the host's table nor an image has to change, and no privilege over the host is needed. The namespace maps
//! every id that this process has to itself: files belong to whom they belong.
//!
//! What holds it together is descriptors: the namespace and the mount live as long as the value does, and go with the
//! process.
//!
//! SPEC: the kernel's Documentation/admin-guide/binfmt-misc.rst.

use std::io::{IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use rustix::pipe::PipeFlags;

use super::clone::{Namespaces, spawn};
use super::{mount, process, subid};

/// A user namespace with handlers of its own.
#[derive(Debug)]
pub struct Instance {
    userns: OwnedFd,
    // Its handlers go with the mount.
    _mount: OwnedFd,
}

/// The call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// In words.
    pub call: &'static str,
    /// What the kernel said.
    pub errno: Errno,
    /// Whether it is the kernel that has no `binfmt_misc` for user namespaces.
    pub is_kernel: bool,
}

trait Call<T> {
    fn call(self, call: &'static str) -> Result<T, Failed>;
}

impl<T> Call<T> for Result<T, Errno> {
    fn call(self, call: &'static str) -> Result<T, Failed> {
        self.map_err(|errno| Failed { call, errno, is_kernel: false })
    }
}

impl<T> Call<T> for std::io::Result<T> {
    fn call(self, call: &'static str) -> Result<T, Failed> {
        self.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO)).call(call)
    }
}

const CLONE: &str = "clone(CLONE_NEWUSER|CLONE_NEWNS)";
const MAP: &str = "write to uid_map and gid_map";
const HAND_OVER: &str = "hand descriptors over";

impl Instance {
    /// Makes the namespace and registers one handler, in the form that the kernel's file `register` takes.
    ///
    /// Needs `CAP_SYS_ADMIN`, `CAP_SETUID` and `CAP_SETGID` in the calling process's user namespace.
    pub fn new(registration: &[u8]) -> Result<Instance, Failed> {
        let maps = [identity("uid")?, identity("gid")?];
        // The child tells its number on one pipe; on the other it hears that it has been mapped. End of file means no.
        let (number_out, number_in) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).call("pipe")?;
        let (go_out, go_in) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).call("pipe")?;
        let (ours, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .call("socketpair")?;
        let others_end = go_in.as_raw_fd();
        let child = move || {
            let mut outcome = Err(Failed { call: CLONE, errno: Errno::CHILD, is_kernel: false });
            let namespaces = Namespaces::USER.and(Namespaces::MOUNT);
            let child = spawn(namespaces, &mut || {
                outcome = steps(registration, &number_in, &go_out, others_end, &theirs);
            })
            .call(CLONE)?;
            drop(number_in);
            process::wait(&child.pidfd).call("wait")?;
            outcome
        };
        std::thread::scope(|scope| {
            // A thread of its own, since it stands still until the child has ended.
            let thread = std::thread::Builder::new()
                .name("binfmt_misc".to_owned())
                .spawn_scoped(scope, child)
                .call("start a thread")?;
            let mapped = map(number_out, &maps)
                .and_then(|()| rustix::io::write(&go_in, b"1").call("write to a pipe").map(|_| ()));
            drop(go_in);
            let stepped = thread.join().map_err(|_| Errno::CHILD).call("join a thread")?;
            match (mapped, stepped) {
                // Without a child there is no number; the clone's own refusal says more.
                (_, Err(failed)) if failed.call != MAP => Err(failed),
                (mapped, stepped) => mapped.and(stepped),
            }
        })?;
        let [userns, mount] = receive(&ours)?;
        Ok(Instance { userns, _mount: mount })
    }

    /// Enters the namespace: from here on its handlers count, and capabilities are those over it. In the child; one thread,
    /// whose file system view is shared with nobody.
    pub fn enter(&self) -> Result<(), Errno> {
        rustix::thread::move_into_link_name_space(
            self.userns.as_fd(),
            Some(rustix::thread::LinkNameSpaceType::User),
        )
    }
}

// Every id of ours to itself.
fn identity(kind: &str) -> Result<(String, String), Failed> {
    let map = std::fs::read_to_string(format!("/proc/self/{kind}_map")).call("read uid_map and gid_map")?;
    Ok((format!("{kind}_map"), subid::identity(&map)))
}

fn map(number: OwnedFd, maps: &[(String, String); 2]) -> Result<(), Failed> {
    let mut bytes = [0; 4];
    std::fs::File::from(number).read_exact(&mut bytes).call(MAP)?;
    let pid = i32::from_ne_bytes(bytes);
    for (file, lines) in maps {
        std::fs::write(format!("/proc/{pid}/{file}"), lines).call(MAP)?;
    }
    Ok(())
}

// In the child.
fn steps(
    registration: &[u8],
    number: &OwnedFd,
    go: &OwnedFd,
    others_end: i32,
    socket: &OwnedFd,
) -> Result<(), Failed> {
    let _ = process::die_with_parent();
    // The pid namespace is the parent's, so this is the number under which its maps are found.
    rustix::io::write(number, &process::id().as_raw_nonzero().get().to_ne_bytes()).call(MAP)?;
    // Or our copy of the parent's end would keep the end of file away.
    process::close_in_child(others_end);
    if !matches!(rustix::io::read(go, &mut [0]), Ok(1)) {
        return Err(Failed { call: MAP, errno: Errno::CHILD, is_kernel: false });
    }
    mount::make_all_private().call("make mounts private")?;
    let mount = mount::fresh(c"binfmt_misc", &[], mount::INERT).map_err(|errno| {
        // Before 6.7 it can be mounted outside user namespaces only; without the module it is unknown.
        let is_kernel = matches!(errno, Errno::PERM | Errno::NODEV);
        Failed { call: "mount binfmt_misc in a user namespace", errno, is_kernel }
    })?;
    let register = rustix::fs::openat(&mount, c"register", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .call("open binfmt_misc/register")?;
    // One write is one handler. The emulator is opened now, and not looked for when a program is executed.
    rustix::io::write(&register, registration).call("write to binfmt_misc/register")?;
    let userns = rustix::fs::open(c"/proc/self/ns/user", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .call("open /proc/self/ns/user")?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let both = [userns.as_fd(), mount.as_fd()];
    if !ancillary.push(SendAncillaryMessage::ScmRights(&both)) {
        return Err(Failed { call: HAND_OVER, errno: Errno::NOBUFS, is_kernel: false });
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(b"1")], &mut ancillary, SendFlags::NOSIGNAL)
        .call(HAND_OVER)?;
    Ok(())
}

fn receive(socket: &OwnedFd) -> Result<[OwnedFd; 2], Failed> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags).call(HAND_OVER)?;
    let mut received = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let mut descriptors = received.next().into_iter().flatten();
    match (descriptors.next(), descriptors.next()) {
        (Some(userns), Some(mount)) => Ok([userns, mount]),
        _ => Err(Failed { call: HAND_OVER, errno: Errno::BADF, is_kernel: false }),
    }
}
