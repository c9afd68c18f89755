//! A RUN's changes: read back, kept in place, and equal to what the layer's bytes give.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rbuild::export::{Encode, Output};
use rbuild::layer::LayerList;
use rbuild::oci::{ChainId, DiffId, Digest, LAYER_EPOCH};
use rbuild::snapshot::{ChainLayer, Snapshots};
use rbuild::tree::{Changed, Content, Kind, RootPath};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, makedev, mknodat, setxattr};

use crate::export_fixture::{World, tool};
use crate::snapshot_chain::foreign;
use crate::snapshot_fixture::{
    Hand, Hands, Mounted, assert_same, can_mount, entries_of, entries_of_stack, path, scratch, skip,
};

/// The tree that the RUNs below start from.
fn base() -> Hands {
    let mut hands = foreign();
    let hand = std::mem::take(&mut hands.0[0])
        .put("d", Kind::Directory, 0o755)
        .file("d/one", "1", 0o644)
        .file("d/two", "2", 0o644)
        .put("d/sub", Kind::Directory, 0o755)
        .file("d/sub/three", "3", 0o644)
        .file("was-file", "f", 0o644)
        .put("was-dir", Kind::Directory, 0o755)
        .file("was-dir/in", "i", 0o644)
        .file("touched", "same", 0o644)
        .file("linked", "links", 0o644)
        .file("moved", "m", 0o644)
        .put("gone", Kind::Directory, 0o755)
        .file("gone/file", "g", 0o644);
    hands.0[0] = hand;
    hands
}

/// Everything that test R3 of docs/reproducibility.md names.
fn act(root: &Path, privileged: bool) {
    let at = |name: &str| root.join(name);
    // A directory removed and made again hides what it had; one file comes back as it was.
    fs::remove_dir_all(at("d")).expect("removed");
    fs::create_dir(at("d")).expect("made");
    fs::set_permissions(at("d"), fs::Permissions::from_mode(0o755)).expect("mode");
    fs::write(at("d/one"), "1").expect("written");
    fs::write(at("d/new"), "new").expect("written");
    fs::remove_dir_all(at("gone")).expect("removed");
    // Other kinds under the same names.
    fs::remove_file(at("was-file")).expect("removed");
    fs::create_dir(at("was-file")).expect("made");
    fs::write(at("was-file/in"), "x").expect("written");
    fs::remove_dir_all(at("was-dir")).expect("removed");
    symlink("was-file/in", at("was-dir")).expect("linked");
    // Metadata alone.
    fs::set_permissions(at("etc/passwd"), fs::Permissions::from_mode(0o4711)).expect("mode");
    chown(at("tmp"), Some(3), Some(4)).expect("owner");
    fs::set_permissions(at("tmp"), fs::Permissions::from_mode(0o1770)).expect("mode");
    // Opened for writing, written with what was there.
    fs::write(at("touched"), "same").expect("written");
    // A new name of a lower file; two new names; one name of three changed.
    fs::hard_link(at("linked"), at("aaa-link")).expect("linked");
    fs::write(at("n1"), "pair").expect("written");
    fs::hard_link(at("n1"), at("n2")).expect("linked");
    fs::hard_link(at("home/alink"), at("home/more")).expect("linked");
    fs::rename(at("moved"), at("etc/moved")).expect("renamed");
    // Special files.
    mknodat(CWD, at("fifo"), FileType::Fifo, Mode::from_raw_mode(0o640), 0).expect("made");
    if privileged {
        let null = makedev(1, 3);
        mknodat(CWD, at("null"), FileType::CharacterDevice, Mode::from_raw_mode(0o666), null).expect("made");
    }
    let _socket = UnixListener::bind(at("socket")).expect("bound");
    // Attributes.
    fs::write(at("capable"), "c").expect("written");
    let mut capability = vec![1, 0, 0, 2, 0, 4, 0, 0];
    capability.resize(20, 0);
    setxattr(at("capable"), c"security.capability", &capability, XattrFlags::empty()).expect("set");
    setxattr(at("capable"), c"user.note", b"kept", XattrFlags::empty()).expect("set");
    // Sparse, long, not UTF-8, deep.
    let sparse = File::create(at("sparse")).expect("made");
    sparse.set_len(3 << 20).expect("grown");
    let name = "L".repeat(255);
    fs::write(at(&name), "long").expect("written");
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"b\xff\xfe")), "bytes").expect("written");
    let mut deep = at("deep");
    for _ in 0..120 {
        fs::create_dir(&deep).expect("made");
        deep.push("component-of-some-length");
    }
    // Made and removed again: only a directory's time tells.
    fs::write(at("home/gone"), "").expect("written");
    fs::remove_file(at("home/gone")).expect("removed");
}

struct Ran {
    snapshots: Snapshots,
    lower: Hands,
    layer: Hand,
    layer_id: DiffId,
    changed: Vec<Changed>,
    lowers: Vec<std::path::PathBuf>,
}

/// Runs `act` over `lower` and commits; the layer's bytes are taken from the upper directory before.
fn run(scratch: &Path, lower: Hands, made: &[RootPath], act: impl FnOnce(&Path)) -> Ran {
    let snapshots = Snapshots::open(&scratch.join("snapshots")).expect("opens");
    let stack = lower.stack();
    let chain = lower.chain();
    let lowers = snapshots.lowers(&chain, &lower).expect("made");
    let active = snapshots.prepare(&stack).expect("prepared");
    let mounted = Mounted::new(&scratch.join("m"), &lowers, &active.upper(), &active.work());
    act(&mounted.0);
    drop(mounted);
    let (changed, _) = snapshots.changes(&active, made, &stack, LAYER_EPOCH).expect("read");
    let mut layer = Hand::default();
    for Changed { entry, from } in &changed {
        let bytes = match from {
            Content::Upper(name) => {
                let name = std::ffi::OsStr::from_bytes(name.as_bytes());
                let mut bytes = Vec::new();
                File::open(active.upper().join(name)).expect("there").read_to_end(&mut bytes).expect("read");
                bytes
            }
            _ => Vec::new(),
        };
        layer.push(entry.clone(), bytes);
    }
    let layer_id = DiffId(Digest::of(b"the layer"));
    let below = ChainId::of(&chain.iter().map(|l| l.diff_id).collect::<Vec<_>>());
    snapshots.commit(active, below, layer_id, &changed).expect("committed");
    Ran { snapshots, lower, layer, layer_id, changed, lowers }
}

impl Ran {
    fn hands(&self) -> Hands {
        let mut hands = self.lower.clone();
        hands.0.push(self.layer.clone());
        hands
    }

    fn chain(&self) -> Vec<ChainLayer> {
        let mut chain = self.lower.chain();
        let entries: rbuild::tree::Entries = self.layer.entries().into();
        let offsets = vec![0; entries.len()].into();
        chain.push(ChainLayer { diff_id: self.layer_id, list: LayerList { entries, offsets } });
        chain
    }

    /// The snapshot that stayed in place, the one made from the bytes, and the list: all the same.
    fn check(&self, scratch: &Path) {
        let (hands, chain) = (self.hands(), self.chain());
        let kept = self.snapshots.lowers(&chain, &hands).expect("there");
        assert_eq!(kept[1..], self.lowers);
        let fresh = Snapshots::open(&scratch.join("fresh")).expect("opens");
        let made = fresh.lowers(&chain, &hands).expect("made");
        assert_same(&entries_of(&kept[0]), &entries_of(&made[0]), "kept in place against made from bytes");
        assert_eq!(raw(&kept[0]), raw(&made[0]), "attributes");
        let stack = hands.stack();
        for (name, snapshots, lowers) in [("kept", &self.snapshots, &kept), ("fresh", &fresh, &made)] {
            let active = snapshots.prepare(&stack).expect("prepared");
            let mounted = Mounted::new(&scratch.join(name), lowers, &active.upper(), &active.work());
            assert_same(&entries_of(&mounted.0), &entries_of_stack(&stack), name);
        }
    }

    fn paths(&self) -> Vec<String> {
        self.changed.iter().map(|c| c.entry.path.to_string()).collect()
    }
}

/// All attributes under `root`, whatever they are, by name of file.
fn raw(root: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(at) = open.pop() {
        let there = fs::symlink_metadata(&at).expect("there");
        let mut list = vec![0; 4096];
        let length = rustix::fs::llistxattr(&at, &mut list[..]).expect("listed");
        for name in list[..length].split(|b| *b == 0).filter(|n| !n.is_empty()) {
            let at = at.strip_prefix(root).expect("below").to_string_lossy().into_owned();
            all.push((at, String::from_utf8_lossy(name).into_owned()));
        }
        if there.is_dir() {
            open.extend(fs::read_dir(&at).expect("read").map(|e| e.expect("entry").path()));
        }
    }
    all.sort();
    all
}

#[test]
fn a_snapshot_kept_in_place_equals_the_one_made_from_its_layer() {
    if !can_mount() {
        return;
    }
    let scratch = scratch();
    let privileged = is_initial();
    let ran = run(scratch.path(), base(), &[], |root| act(root, privileged));
    ran.check(scratch.path());
    let paths = ran.paths();
    for present in
        ["/d/sub", "/d/two", "/d/new", "/gone", "/aaa-link", "/linked", "/home/more", "/home/zlink"]
    {
        assert!(paths.contains(&present.to_string()), "{present} is not in {paths:?}");
    }
    for absent in ["/socket", "/touched", "/d/one", "/gone/file", "/home/gone", "/home/many"] {
        assert!(!paths.contains(&absent.to_string()), "{absent} is in {paths:?}");
    }
    let kind = |at: &str| {
        let change = ran.changed.iter().find(|c| c.entry.path == path(at)).expect("changed");
        change.entry.kind.clone()
    };
    assert_eq!(kind("d/sub"), Kind::Whiteout);
    assert_eq!(kind("linked"), Kind::Hardlink(path("aaa-link")));
    assert_eq!(kind("n2"), Kind::Hardlink(path("n1")));
    assert!(!ran.changed.iter().any(|c| c.entry.kind == Kind::OpaqueDirectory));
}

#[test]
fn umoci_unpacks_the_same_tree_that_the_snapshots_show() {
    if !can_mount() || !is_initial() {
        return;
    }
    let scratch = scratch();
    // A layer as rbuild writes them: the smallest name of a file comes first, parents are there.
    let owned = |e: &mut rbuild::tree::Entry| (e.uid, e.gid) = (1, 2);
    let lower = std::mem::take(&mut base().0[0]);
    let kept = lower.contents().filter(|(e, _)| !e.path.starts_with(&path("home")) || e.is_directory());
    let mut canonical = Hand::default();
    kept.for_each(|(entry, bytes)| canonical.push(entry.clone(), bytes.to_vec()));
    let canonical = canonical
        .file_with("home/alink", vec![7; 600_000], 0o4755, owned)
        .with("home/tool", Kind::Hardlink(path("home/alink")), 0o4755, owned)
        .with("home/zlink", Kind::Hardlink(path("home/alink")), 0o4755, owned);
    let ran = run(scratch.path(), Hands(vec![canonical]), &[], |root| act(root, true));
    let world = World::of(&ran.hands());
    let layout = scratch.path().join("layout");
    world.export(Output::OciDirectory(layout.clone(), Encode::default()));
    let (image, bundle) = (format!("{}:1", layout.display()), scratch.path().join("bundle"));
    if tool("umoci", &[&"unpack", &"--image", &image, &bundle]).is_none() {
        return;
    }
    let mut unpacked = entries_of(&bundle.join("rootfs"));
    let mut stack = entries_of_stack(&ran.hands().stack());
    // The root is the bundle's own.
    for entry in unpacked.iter_mut().chain(&mut stack).filter(|e| e.path.is_root()) {
        entry.mtime = Default::default();
    }
    assert_same(&unpacked, &stack, "umoci unpack against the lists");
}

#[test]
fn a_run_that_changes_nothing_leaves_an_empty_layer() {
    if !can_mount() {
        return;
    }
    let scratch = scratch();
    let ran = run(scratch.path(), base(), &[], |root| {
        let touched = fs::read(root.join("touched")).expect("read");
        fs::write(root.join("touched"), touched).expect("written");
        File::options().append(true).open(root.join("d/two")).expect("opened");
        fs::write(root.join("home/x"), "").expect("written");
        fs::remove_file(root.join("home/x")).expect("removed");
    });
    assert_eq!(ran.paths(), Vec::<String>::new());
    ran.check(scratch.path());
}

#[test]
fn mount_points_that_the_sandbox_made_never_reach_the_layer() {
    if !can_mount() {
        return;
    }
    let scratch = scratch();
    let made = ["proc", "run", "run/secrets", "run/secrets/token", "etc/resolv.conf"].map(path);
    let ran = run(scratch.path(), base(), &made, |root| {
        fs::create_dir(root.join("proc")).expect("made");
        fs::create_dir_all(root.join("run/secrets")).expect("made");
        fs::write(root.join("run/secrets/token"), "").expect("made");
        fs::write(root.join("etc/resolv.conf"), "").expect("made");
        fs::write(root.join("run/lock"), "mine").expect("made");
    });
    assert_eq!(ran.paths(), ["/run", "/run/lock"]);
    ran.check(scratch.path());
}

#[test]
fn the_root_directory_itself_can_change() {
    if !can_mount() {
        return;
    }
    let scratch = scratch();
    let ran = run(scratch.path(), base(), &[], |root| {
        fs::set_permissions(root, fs::Permissions::from_mode(0o711)).expect("mode");
    });
    assert_eq!(ran.paths(), ["/"]);
    ran.check(scratch.path());
}

#[test]
fn a_name_that_means_a_removal_is_refused() {
    if !can_mount() {
        return;
    }
    let scratch = scratch();
    let lower = base();
    let snapshots = Snapshots::open(&scratch.path().join("snapshots")).expect("opens");
    let active = snapshots.prepare(&lower.stack()).expect("prepared");
    fs::write(active.upper().join(".wh.passwd"), "").expect("written");
    let error = snapshots.changes(&active, &[], &lower.stack(), LAYER_EPOCH).expect_err("refused");
    assert!(error.to_string().contains("/.wh.passwd"), "{error}");
}

#[test]
fn the_same_holds_for_root_inside_a_user_namespace() {
    if !is_initial() {
        return;
    }
    let scratch = scratch();
    chown(scratch.path(), Some(100_000), Some(100_000)).expect("root");
    // Root has no subordinate ids of its own, so the maps are written from here; the shell waits for them.
    let started = Command::new("unshare")
        .args(["--user", "--mount", "--keep-caps", "sh", "-c", "echo in; read go; exec \"$@\"", "sh"])
        .args(["setpriv", "--reuid=0", "--regid=0", "--clear-groups"])
        .arg(std::env::current_exe().expect("known"))
        .args(["--test-threads=1", "snapshot_chain::", "snapshot_changes::"])
        .env("RBUILD_TEST_DIR", scratch.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(e) => return skip(&format!("unshare cannot be run: {e}")),
    };
    let mut word = [0; 3];
    if child.stdout.as_mut().expect("piped").read_exact(&mut word).is_err() {
        let output = child.wait_with_output().expect("ends");
        return skip(&format!("no user namespace: {}", String::from_utf8_lossy(&output.stderr)));
    }
    for map in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{}/{map}", child.id()), "0 100000 65536\n").expect("root may map");
    }
    child.stdin.take().expect("piped").write_all(b"go\n").expect("it waits");
    let output = child.wait_with_output().expect("ends");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("test result: ok."), "{text}");
    assert!(!text.contains("SKIPPED"), "{text}");
}

/// Whether all ids are this process's: real root, not root of a user namespace.
fn is_initial() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let words: Vec<&str> = map.split_whitespace().collect();
    words == ["0", "0", "4294967295"] && rustix::process::geteuid().is_root()
}

#[test]
fn device_nodes_outside_dev_are_refused_by_name_where_they_cannot_be_made() {
    let scratch = scratch();
    if !can_mount() || is_initial() {
        return;
    }
    let device = Kind::CharDevice { major: 1, minor: 3 };
    let hidden = Hands(vec![Hand::default().put("dev", Kind::Directory, 0o755).put(
        "dev/null",
        device.clone(),
        0o666,
    )]);
    let snapshots = Snapshots::open(scratch.path()).expect("opens");
    let lowers = snapshots.lowers(&hidden.chain(), &hidden).expect("made without the node");
    assert!(!lowers[0].join("dev/null").exists());
    let seen = Hands(vec![Hand::default().put("null", device, 0o666)]);
    let error = snapshots.lowers(&seen.chain(), &seen).expect_err("refused");
    assert!(error.to_string().contains("/null is a device node"), "{error}");
    let stranger = Hands(vec![Hand::default().with("far", Kind::Fifo, 0o600, |e| e.uid = 1 << 20)]);
    let error = snapshots.lowers(&stranger.chain(), &stranger).expect_err("refused");
    assert!(error.to_string().contains("/etc/subuid"), "{error}");
}
