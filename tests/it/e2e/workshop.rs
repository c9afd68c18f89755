//! A directory with a context, a store of its own and the program, and what the program said.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::image::Image;
use crate::snapshot_fixture::skip;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_rbuild");

/// Applets of busybox that base images have.
const APPLETS: &[&str] = &[
    "awk",
    "basename",
    "cat",
    "chmod",
    "chown",
    "cmp",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "dirname",
    "echo",
    "env",
    "false",
    "find",
    "grep",
    "head",
    "hostname",
    "id",
    "install",
    "ip",
    "kill",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mknod",
    "mktemp",
    "mount",
    "mv",
    "nc",
    "od",
    "ping",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "tail",
    "tar",
    "tee",
    "test",
    "touch",
    "tr",
    "true",
    "tty",
    "umask",
    "umount",
    "uname",
    "uniq",
    "wc",
    "wget",
    "which",
    "whoami",
    "xargs",
];

/// A place to build in.
pub struct Workshop {
    home: tempfile::TempDir,
}

/// How a run of the program ended, and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Said {
    /// The same, after checking that it succeeded.
    #[track_caller]
    pub fn ok(self) -> Said {
        assert_eq!(self.code, Some(0), "the program failed:\n{}", self.stderr);
        self
    }

    /// Checks that it failed with code 1 and says each of `parts`.
    #[track_caller]
    pub fn fails(self, parts: &[&str]) -> Said {
        assert_eq!(self.code, Some(1), "expected exit code 1:\n{}\n{}", self.out(), self.stderr);
        let errors =
            self.stderr.lines().filter(|line| line.starts_with("ERROR") || line.starts_with("error"));
        assert!(errors.count() <= 1, "more than one error is said:\n{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.says(parts)
    }

    /// Checks that the arguments were refused, saying each of `parts`.
    #[track_caller]
    pub fn says_usage(self, parts: &[&str]) -> Said {
        assert!(matches!(self.code, Some(1 | 2)), "{}", self.stderr);
        self.says(parts)
    }

    /// Checks that standard error has each of `parts`.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Said {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not said:\n{}", self.stderr);
        }
        self
    }

    /// Checks that standard error has none of `parts`.
    #[track_caller]
    pub fn never_says(self, parts: &[&str]) -> Said {
        for part in parts {
            assert!(!self.stderr.contains(part), "{part:?} is said:\n{}", self.stderr);
        }
        self
    }

    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Whether RUN can work for this user; says loudly when not.
pub fn can_run() -> bool {
    let root = rustix::process::geteuid().is_root();
    if root || has(&["newuidmap", "newgidmap"]) {
        return true;
    }
    skip("RUN needs root or newuidmap");
    false
}

/// Whether these programs are installed, without saying anything.
pub fn has(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    programs.iter().all(|program| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Whether these programs are installed; says loudly when not.
pub fn tools(programs: &[&str]) -> bool {
    let there = has(programs);
    if !there {
        skip(&format!("{programs:?} must be installed"));
    }
    there
}

impl Workshop {
    /// An empty context and an empty store.
    pub fn bare() -> Workshop {
        let home = crate::snapshot_fixture::scratch();
        std::fs::create_dir(home.path().join("context")).expect("made");
        Workshop { home }
    }

    /// The same with Debian's busybox imported as `busybox`; none, loudly, where a RUN cannot work.
    pub fn new() -> Option<Workshop> {
        if !can_run() || !tools(&["busybox"]) {
            return None;
        }
        let workshop = Workshop::bare();
        let tar = workshop.at("busybox.tar");
        std::fs::write(&tar, busybox()).expect("written");
        workshop.rbuild(&["import", tar.to_str().expect("text"), "busybox"]).ok();
        Some(workshop)
    }

    /// A path in this workshop, outside the context.
    pub fn at(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// The same as text, for arguments.
    pub fn arg(&self, path: &str) -> String {
        self.at(path).display().to_string()
    }

    /// The build context.
    pub fn context(&self) -> PathBuf {
        self.at("context")
    }

    /// The store.
    pub fn store(&self) -> PathBuf {
        self.at("store")
    }

    /// Puts a file into the context, with the directories above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        self.write_at(&format!("context/{path}"), content)
    }

    /// Puts a file into the workshop, with the directories above it.
    pub fn write_at(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().expect("in the workshop")).expect("made");
        std::fs::write(&path, content).expect("written");
        path
    }

    /// The program in a clean environment, in the workshop's directory.
    pub fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().current_dir(self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home.path()).env("RBUILD_ROOT", self.store());
        command
    }

    /// Runs the program.
    pub fn rbuild(&self, args: &[&str]) -> Said {
        self.rbuild_with(args, b"", &[])
    }

    /// Runs the program with standard input and variables.
    pub fn rbuild_with(&self, args: &[&str], input: &[u8], variables: &[(&str, &str)]) -> Said {
        let mut command = self.command();
        command.args(args).envs(variables.iter().copied());
        finish(command, input)
    }

    /// Writes the Dockerfile and builds the context, tagged `it`.
    pub fn build(&self, dockerfile: &str, args: &[&str]) -> Said {
        self.write("Dockerfile", dockerfile);
        self.again(args)
    }

    /// Builds the context as it is, tagged `it`.
    pub fn again(&self, args: &[&str]) -> Said {
        let context = self.context();
        let mut all = vec!["build", "-t", "it"];
        all.extend_from_slice(args);
        all.push(context.to_str().expect("text"));
        self.rbuild(&all)
    }

    /// Builds and reads the result.
    #[track_caller]
    pub fn image(&self, dockerfile: &str, args: &[&str]) -> Image {
        self.image_and_said(dockerfile, args).0
    }

    /// Builds, reads the result, and gives what was said.
    #[track_caller]
    pub fn image_and_said(&self, dockerfile: &str, args: &[&str]) -> (Image, Said) {
        let out = self.at("image-out");
        let _ = std::fs::remove_dir_all(&out);
        let output = format!("type=oci,tar=false,dest={}", out.display());
        let mut all = vec!["-o", &output];
        all.extend_from_slice(args);
        let said = self.build(dockerfile, &all).ok();
        (Image::read(&out), said)
    }

    /// Every file of the store and the workshop's other directories that holds these bytes.
    pub fn holding(&self, below: &Path, needle: &[u8]) -> Vec<PathBuf> {
        let files = walkdir::WalkDir::new(below).into_iter().filter_map(Result::ok);
        let files = files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
        let holds = |path: &PathBuf| {
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes.windows(needle.len()).any(|window| window == needle)
                || super::image::unpacked(&bytes).windows(needle.len()).any(|window| window == needle)
        };
        files.filter(holds).collect()
    }
}

/// Bytes that no compressor makes smaller, the same for the same seed.
pub fn noise(seed: u32, size: u32) -> Vec<u8> {
    let mut state = seed | 1 << 16;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    (0..size).map(|_| next()).collect()
}

/// Runs a command with this standard input.
pub fn finish(mut command: Command, input: &[u8]) -> Said {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    feeder.join().expect("fed");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Said { code: output.status.code(), stdout: output.stdout, stderr }
}

/// A tar of a root file system around Debian's busybox.
pub fn busybox() -> Vec<u8> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).map(|dir| dir.join("busybox"));
    let program =
        places.filter(|p| p.is_file()).find_map(|p| std::fs::read(p).ok()).expect("busybox is there");
    root_around(&program)
}

/// A tar of a root file system around a busybox.
pub fn root_around(program: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, mode) in [("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777), ("usr", 0o755)] {
        entry(&mut tar, &format!("{name}/"), tar::EntryType::Directory, mode, b"", "");
    }
    entry(&mut tar, "bin/busybox", tar::EntryType::Regular, 0o755, program, "");
    for applet in APPLETS {
        entry(&mut tar, &format!("bin/{applet}"), tar::EntryType::Symlink, 0o777, b"", "busybox");
    }
    let passwd = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n";
    entry(&mut tar, "etc/passwd", tar::EntryType::Regular, 0o644, passwd, "");
    let group = b"root:x:0:\napp:x:1001:\nextra:x:1002:app\n";
    entry(&mut tar, "etc/group", tar::EntryType::Regular, 0o644, group, "");
    tar.into_inner().expect("in memory")
}

/// Adds one entry to a tar: root's, at time 0.
pub fn entry(
    tar: &mut tar::Builder<Vec<u8>>,
    name: &str,
    kind: tar::EntryType,
    mode: u32,
    content: &[u8],
    link: &str,
) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    match link {
        "" => tar.append_data(&mut header, name, content).expect("in memory"),
        link => tar.append_link(&mut header, name, link).expect("in memory"),
    }
}
