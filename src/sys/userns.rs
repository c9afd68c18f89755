//! A user namespace for who may not mount: this program again, as root of a namespace of its own.
//!
//! An ordinary user gets his own and his subordinate ids in it, from newuidmap and newgidmap. Root of a container may map its
//! ids itself, and gets all of them as they are. A process with threads cannot enter a user namespace, so a child is made in
//! a new one, waits until it is mapped, and executes this binary with the same arguments. The parent forwards signals and passes
//! the exit code on. The child has `CAP_SYS_ADMIN`, so [`super::privilege()`] tells the two apart and no mark is needed.
//!
//! **Invariants**: the child dies with the parent; a child whose ids were not mapped never executes anything.

use std::ffi::CString;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

use super::clone::{Child, Namespaces, spawn};
use super::error::UsernsError;
use super::exec::{ExecFailure, Program};
use super::process::{self, Ended};
use super::signals::Signals;
use super::{capability, diagnose, mount, passwd, signals, subid};

/// What the program inside gets besides this process's arguments, environment, directory and standard descriptors.
#[derive(Debug, Default)]
pub struct Inherit<'fd> {
    /// Descriptors that keep their numbers.
    pub descriptors: Vec<BorrowedFd<'fd>>,
    /// Variables set over this process's own.
    pub environment: Vec<(String, String)>,
}

const CLONE: &str = "clone(CLONE_NEWUSER|CLONE_NEWNS)";
const MAP: &str = "writing /proc/PID/uid_map and gid_map";
const MAKE_PRIVATE: &str = "mount(MS_PRIVATE) in a new user namespace";

#[derive(Clone, Copy)]
enum Step {
    NotMapped,
    ParentGone,
    Private(Errno),
    KeepOpen(Errno),
    Execute(ExecFailure),
}

/// Runs this program again in a user namespace and returns the code to exit with.
///
/// `signals` is the reader made by [`Signals::block`]; what it reads is forwarded.
pub fn enter(inherit: &Inherit<'_>, signals: &Signals) -> Result<u8, UsernsError> {
    let mapping = mapping()?;
    let program = this_program(inherit)?;
    let parent = process::myself()?;
    // The child tells its number on one pipe; on the other it hears that it has been mapped. End of file means no.
    let (number_out, number_in) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let (go_out, go_in) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let others_end = go_in.as_raw_fd();

    std::thread::scope(|scope| {
        // A thread of its own, since it stands still until the child executes; and the child's life hangs on it.
        let thread =
            std::thread::Builder::new().name("user namespace".to_owned()).spawn_scoped(scope, move || {
                run_child(inherit, &program, parent, number_in, Go { pipe: go_out, others_end })
            })?;
        // Not to be held by the parent, or the child would never read an end of file; the thread's were moved.
        let mapped = map(number_out, &mapping).and_then(|child| {
            rustix::io::write(&go_in, b"1")?;
            Ok(child)
        });
        drop(go_in);
        match mapped {
            Ok(pidfd) => {
                let forwarding = forward(&pidfd, signals);
                let ended = thread.join().map_err(|_| Errno::CHILD)??;
                forwarding?;
                Ok(ended.shell_code())
            }
            Err(error) => {
                // The clone's own refusal says more than the pipe that it left unused.
                match thread.join().map_err(|_| Errno::CHILD)? {
                    Err(cause @ (UsernsError::AppArmor { .. } | UsernsError::Profile { .. })) => Err(cause),
                    Err(cause @ UsernsError::Seccomp { .. }) => Err(cause),
                    Err(cause @ (UsernsError::Setting { .. } | UsernsError::Refused { .. })) => Err(cause),
                    _ => Err(error),
                }
            }
        }
    })
}

// Who maps the ids of the new namespace.
enum Mapping {
    /// newuidmap and newgidmap, with these arguments.
    Helpers([Vec<String>; 2]),
    /// This process, with these texts for `uid_map` and `gid_map`.
    Direct([String; 2]),
}

fn mapping() -> Result<Mapping, UsernsError> {
    match rustix::process::geteuid().as_raw() {
        0 => direct_maps().map(Mapping::Direct),
        uid => map_arguments(uid).map(Mapping::Helpers),
    }
}

// Both maps of root in a container, or what it lacks. Root inside is root outside: of the same files, without its power.
fn direct_maps() -> Result<[String; 2], UsernsError> {
    // SETFCAP since Linux 5.12, for a map that has the id 0.
    let wanted =
        [("SETUID", capability::SETUID), ("SETGID", capability::SETGID), ("SETFCAP", capability::SETFCAP)];
    let missing = wanted.into_iter().filter(|(_, number)| !capability::is_effective(*number));
    let missing: Vec<&str> = missing.map(|(name, _)| name).collect();
    if !missing.is_empty() {
        return Err(UsernsError::ContainerRoot { missing: missing.join(", CAP_") });
    }
    let own =
        |map: &str| -> Result<String, UsernsError> { Ok(subid::identity(&std::fs::read_to_string(map)?)) };
    Ok([own("/proc/self/uid_map")?, own("/proc/self/gid_map")?])
}

// Both lists of arguments, or the reason why there are none.
fn map_arguments(uid: u32) -> Result<[Vec<String>; 2], UsernsError> {
    let gid = rustix::process::getegid().as_raw();
    let name = passwd::name_of(uid);
    let mut files = [String::new(), String::new()];
    for (file, text) in ["/etc/subuid", "/etc/subgid"].iter().zip(&mut files) {
        *text = String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned();
    }
    let own = [uid, gid];
    let mut arguments = [Vec::new(), Vec::new()];
    for (index, file) in ["/etc/subuid", "/etc/subgid"].into_iter().enumerate() {
        let ranges = subid::ranges(&files[index], uid, name.as_deref());
        if ranges.is_empty() {
            let start = subid::free_start(&files);
            let user = name.unwrap_or_else(|| uid.to_string());
            return Err(UsernsError::NoSubordinateIds { file, user, uid, start });
        }
        arguments[index] = subid::map_arguments(own[index], &ranges);
    }
    for program in ["newuidmap", "newgidmap"] {
        if !diagnose::is_in_path(program) {
            return Err(UsernsError::HelperMissing { program });
        }
    }
    if diagnose::status_has("NoNewPrivs:\t1") {
        return Err(UsernsError::NoNewPrivileges);
    }
    Ok(arguments)
}

/// Whether [`enter`] has what it needs, without entering.
pub fn check() -> Result<(), UsernsError> {
    mapping()?;
    let mut private = Ok(());
    // The real calls, since no version or setting tells for sure; the child is gone before its ids could be mapped.
    let child = spawn(Namespaces::USER.and(Namespaces::MOUNT), &mut || private = mount::make_all_private())
        .map_err(|errno| diagnose::refusal(CLONE, errno))?;
    process::wait(&child.pidfd)?;
    private.map_err(|errno| diagnose::refusal(MAKE_PRIVATE, errno))
}

fn this_program(inherit: &Inherit<'_>) -> Result<Program, UsernsError> {
    let string = |bytes: Vec<u8>| CString::new(bytes).map_err(|_| UsernsError::from(Errno::INVAL));
    let argv = std::env::args_os().map(|argument| string(argument.into_vec())).collect::<Result<_, _>>()?;
    let mut env = Vec::new();
    for (name, value) in std::env::vars_os() {
        if inherit.environment.iter().any(|(new, _)| name == new.as_str()) {
            continue;
        }
        let mut pair = name.into_vec();
        pair.push(b'=');
        pair.extend(value.into_vec());
        env.push(string(pair)?);
    }
    for (name, value) in &inherit.environment {
        env.push(string(format!("{name}={value}").into_bytes())?);
    }
    Ok(Program::new(vec![c"/proc/self/exe".to_owned()], argv, env))
}

// The pipe on which the child hears that it has been mapped, and the number of the end that the parent writes to.
struct Go {
    pipe: OwnedFd,
    others_end: i32,
}

fn run_child(
    inherit: &Inherit<'_>,
    program: &Program,
    parent: OwnedFd,
    number: OwnedFd,
    go: Go,
) -> Result<Ended, UsernsError> {
    let mut failed = None;
    let namespaces = Namespaces::USER.and(Namespaces::MOUNT);
    let child =
        spawn(namespaces, &mut || failed = Some(child_steps(inherit, program, &parent, &number, &go)));
    let child: Child = child.map_err(|errno| diagnose::refusal(CLONE, errno))?;
    drop(number);
    let ended = process::wait(&child.pidfd)?;
    match failed {
        None => Ok(ended),
        Some(Step::NotMapped | Step::ParentGone) => Err(Errno::CHILD.into()),
        Some(Step::Private(errno)) => Err(diagnose::refusal(MAKE_PRIVATE, errno)),
        Some(Step::KeepOpen(errno)) => Err(errno.into()),
        Some(Step::Execute(ExecFailure::Refused(errno))) => {
            Err(diagnose::refusal("execve(/proc/self/exe)", errno))
        }
        Some(Step::Execute(_)) => Err(Errno::NOENT.into()),
    }
}

// In the child. Returns only if it failed.
fn child_steps(
    inherit: &Inherit<'_>,
    program: &Program,
    parent: &OwnedFd,
    number: &OwnedFd,
    go: &Go,
) -> Step {
    let _ = process::die_with_parent();
    // The pid namespace is the parent's, so this is the number that newuidmap wants.
    let _ = rustix::io::write(number, &process::id().as_raw_nonzero().get().to_ne_bytes());
    // Or our copy of the parent's end would keep the end of file away.
    process::close_in_child(go.others_end);
    let mut byte = [0];
    if !matches!(rustix::io::read(&go.pipe, &mut byte), Ok(1)) {
        return Step::NotMapped;
    }
    // ORDER: after the mapping; having become root of the namespace by it changes no ids, so the death signal holds.
    if process::has_died(parent.as_fd()) {
        return Step::ParentGone;
    }
    // The first call that needs the namespace's capabilities, where AppArmor would have taken them.
    if let Err(errno) = mount::make_all_private() {
        return Step::Private(errno);
    }
    for descriptor in &inherit.descriptors {
        if let Err(errno) = process::keep_on_exec(*descriptor) {
            return Step::KeepOpen(errno);
        }
    }
    signals::reset_in_child();
    Step::Execute(program.execute())
}

// Reads the child's number and has its ids mapped; the answer is a descriptor for the child.
fn map(number: OwnedFd, mapping: &Mapping) -> Result<OwnedFd, UsernsError> {
    let mut bytes = [0; 4];
    std::fs::File::from(number).read_exact(&mut bytes)?;
    let pid = i32::from_ne_bytes(bytes);
    let pid_number = rustix::process::Pid::from_raw(pid).ok_or(Errno::SRCH)?;
    let pidfd = rustix::process::pidfd_open(pid_number, rustix::process::PidfdFlags::empty())?;
    let arguments = match mapping {
        Mapping::Helpers(arguments) => arguments,
        Mapping::Direct(maps) => {
            for (file, text) in ["uid_map", "gid_map"].into_iter().zip(maps) {
                // LIMIT: the kernel takes a map in one write.
                let written = std::fs::write(format!("/proc/{pid}/{file}"), text);
                let errno = |e: std::io::Error| Errno::from_io_error(&e).unwrap_or(Errno::IO);
                written.map_err(|e| diagnose::refusal(MAP, errno(e)))?;
            }
            return Ok(pidfd);
        }
    };
    let helpers = [("newuidmap", "/etc/subuid"), ("newgidmap", "/etc/subgid")];
    let mut running = Vec::new();
    // Both at once: each spends its time in being started.
    for ((program, file), arguments) in helpers.into_iter().zip(arguments) {
        let mut command = Command::new(program);
        command.arg(pid.to_string()).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        running.push((program, file, command.stderr(Stdio::piped()).spawn()?));
    }
    let mut answer = Ok(pidfd);
    for (program, file, helper) in running {
        let output = helper.wait_with_output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            answer = Err(UsernsError::HelperRefused { program, file, said });
        }
    }
    answer
}

// Until the child ends. What the terminal sends, it has sent to the child too: forwarding that would double it.
fn forward(child: &OwnedFd, signals: &Signals) -> Result<(), UsernsError> {
    loop {
        let mut fds = [PollFd::new(child, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
        match rustix::event::poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if !fds[0].revents().is_empty() {
            return Ok(());
        }
        while let Some(arrived) = signals.take()? {
            if !arrived.from_terminal {
                let _ = rustix::process::pidfd_send_signal(child, arrived.signal);
            }
        }
    }
}
