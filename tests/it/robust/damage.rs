//! One flipped byte in an object of any class heals in the same build: told once, exit code 0, the same bytes.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{digest, warnings};
use crate::e2e::Workshop;

const TEXT: &str = "FROM base AS one\nWORKDIR /src\nCOPY a b ./\nRUN cat a b > sum && chown 5:7 sum\n\
                    RUN ls -l /src > /listing\nFROM base\nCOPY --from=one /src /listing /app/\nRUN echo x > /app/x\n";

/// Objects of the store by class: those whose every byte counts.
fn objects(store: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for class in ["blobs/sha256", "layers", "lists", "records", "names", "stat"] {
        let entries = std::fs::read_dir(store.join(class)).unwrap().filter_map(Result::ok);
        let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
        found.insert(class.to_string(), files.collect());
    }
    found.insert("format".to_string(), vec![store.join("format")]);
    found.insert("usage".to_string(), vec![store.join("usage")]);
    found
}

/// Flips a bit, and leaves size and time as they were.
fn flip(path: &Path) {
    let about = std::fs::metadata(path).unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
    let time =
        std::time::UNIX_EPOCH + std::time::Duration::new(about.mtime() as u64, about.mtime_nsec() as u32);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// A base that can be fetched again, compressed, from a layout.
fn shop() -> Option<(Workshop, Vec<String>)> {
    let shop = Workshop::new()?;
    shop.write("a", "first\n");
    shop.write("b", "second\n");
    let layout = shop.arg("layout");
    shop.build("FROM busybox\n", &["-o", &format!("type=oci,tar=false,dest={layout}")]).ok();
    std::fs::remove_dir_all(shop.store()).unwrap();
    let args = vec![
        "--build-context".to_string(),
        format!("base=oci-layout://{layout}"),
        "-o".to_string(),
        format!("type=oci,dest={}", shop.arg("out.tar")),
    ];
    Some((shop, args))
}

fn each_class(more: &[&str], prepare: impl Fn(&Path)) -> BTreeMap<String, usize> {
    let Some((shop, args)) = shop() else { return BTreeMap::new() };
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    let first = shop.build(TEXT, &args).ok();
    let want = (digest(&first.stderr), std::fs::read(shop.at("out.tar")).unwrap());
    // A second one, so that every object of a rebuild is there too.
    shop.again(&args).ok();
    args.extend_from_slice(more);
    let mut told = BTreeMap::new();
    for (class, files) in objects(&shop.store()) {
        for file in files {
            if std::fs::metadata(&file).is_ok_and(|about| about.len() > 0) {
                prepare(&shop.store());
                let sound = std::fs::read(&file).unwrap();
                flip(&file);
                let said = shop.again(&args).ok();
                let what = file.display();
                assert_eq!(digest(&said.stderr), want.0, "{what}");
                assert!(std::fs::read(shop.at("out.tar")).unwrap() == want.1, "{what}: other bytes went out");
                let warned = warnings(&said.stderr);
                // An object that this build had no use for may lie there, damaged, until one has: it is put back.
                match warned.len() {
                    0 => std::fs::write(&file, sound).unwrap(),
                    1 => *told.entry(class.clone()).or_default() += 1,
                    _ => panic!("{what} is told more than once: {warned:#?}"),
                }
                let after = shop.again(&args).ok();
                assert_eq!(warnings(&after.stderr), Vec::<&str>::new(), "{what}");
            }
        }
    }
    told
}

#[test]
fn a_flipped_byte_in_any_class_heals_in_a_rebuild_with_nothing_changed() {
    let told = each_class(&[], |_| ());
    if !told.is_empty() {
        // Not the lists: such a build reads none.
        for class in ["blobs/sha256", "layers", "records", "stat", "format", "usage"] {
            assert!(told.contains_key(class), "{class} was never noticed: {told:?}");
        }
    }
}

#[test]
fn a_flipped_byte_in_any_class_heals_when_every_step_is_done_again() {
    let told = each_class(&["--no-cache"], |store| {
        std::fs::remove_dir_all(store.join("snapshots")).unwrap();
        std::fs::create_dir(store.join("snapshots")).unwrap();
    });
    for class in ["blobs/sha256", "lists"] {
        assert!(told.is_empty() || told.contains_key(class), "{class} was never noticed: {told:?}");
    }
}

#[test]
fn a_dozen_damaged_objects_heal_in_one_build() {
    let Some((shop, args)) = shop() else { return };
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let first = shop.build(TEXT, &args).ok();
    shop.again(&args).ok();
    let mut count = 0;
    for (_, files) in objects(&shop.store()) {
        for file in files {
            if std::fs::metadata(&file).is_ok_and(|about| about.len() > 0) {
                flip(&file);
                count += 1;
            }
        }
    }
    assert!(count > 12);
    let said = shop.again(&args).ok();
    assert_eq!(digest(&said.stderr), digest(&first.stderr));
    let after = shop.again(&args).ok();
    assert_eq!(digest(&after.stderr), digest(&first.stderr));
}

#[test]
fn damage_in_an_image_that_cannot_be_made_again_is_told_with_the_way_out() {
    let Some(shop) = Workshop::new() else { return };
    shop.build("FROM busybox\nRUN echo x > /x\n", &[]).ok();
    let largest = std::fs::read_dir(shop.store().join("blobs/sha256")).unwrap().filter_map(Result::ok);
    let largest = largest.max_by_key(|entry| entry.metadata().unwrap().len()).unwrap().path();
    flip(&largest);
    std::fs::remove_dir_all(shop.store().join("snapshots")).unwrap();
    std::fs::create_dir(shop.store().join("snapshots")).unwrap();
    let said = shop.again(&["--no-cache"]).fails(&["damaged", "import"]);
    assert_eq!(warnings(&said.stderr).len(), 1, "{}", said.stderr);
    shop.rbuild(&["import", &shop.arg("busybox.tar"), "busybox"]).ok();
    shop.again(&["--no-cache"]).ok();
}

/// A file with this content in a directory under a RUN.
fn in_a_snapshot(store: &Path, content: &str) -> PathBuf {
    let files = walkdir::WalkDir::new(store.join("snapshots")).into_iter().filter_map(Result::ok);
    let mut files = files.filter(|file| file.file_type().is_file()).map(walkdir::DirEntry::into_path);
    files.find(|path| std::fs::read(path).is_ok_and(|bytes| bytes == content.as_bytes())).expect("unpacked")
}

#[test]
fn a_flipped_byte_in_a_directory_under_a_run_heals_in_the_same_build() {
    let Some(shop) = Workshop::new() else { return };
    let tell = "a directory under a RUN was changed on disk";
    let before = "FROM busybox\nRUN echo content > /file\n";
    let after = format!("{before}RUN cat /file > /copy\nRUN cat /copy > /again\n");
    shop.build(before, &[]).ok();
    let want = digest(&shop.build(&after, &["--no-cache"]).ok().never_says(&[tell]).stderr);
    // All of it is found and used again, and nothing is said.
    let said = shop.build(&after, &["--no-cache"]).ok().never_says(&[tell]);
    assert_eq!(digest(&said.stderr), want);
    // By content, for a RUN that reads it and succeeds; by the shell itself, for one that cannot even start.
    let shell = std::fs::read_dir(shop.store().join("snapshots")).unwrap().filter_map(Result::ok);
    let shell = shell.map(|entry| entry.path().join("bin/busybox")).find(|path| path.is_file()).unwrap();
    for file in [in_a_snapshot(&shop.store(), "content\n"), shell] {
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[0] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let text = format!("{after}RUN cat /again > /{}\n", file.file_name().unwrap().display());
        let said = shop.build(&text, &[]).ok().says(&[tell]);
        assert_eq!(warnings(&said.stderr).len(), 1, "{}", said.stderr);
        let healed = digest(&said.stderr);
        assert_eq!(digest(&shop.again(&["--no-cache"]).ok().never_says(&[tell]).stderr), healed);
        assert_eq!(digest(&shop.build(&after, &["--no-cache"]).ok().never_says(&[tell]).stderr), want);
    }
}
