//! A file system that fills up.

use std::io::Write as _;
use std::path::Path;

use rbuild::oci::Digest;
use rbuild::store::{Options, Origin, Store};

use crate::store_made::{file, image, is_whole, layer};
use crate::store_share::skip;

/// A small file system, unmounted when dropped.
struct Small(tempfile::TempDir);

impl Small {
    fn mount(size: &str) -> Option<Small> {
        let dir = tempfile::tempdir().unwrap();
        let data = std::ffi::CString::new(format!("size={size},mode=700")).unwrap();
        let flags = rustix::mount::MountFlags::empty();
        match rustix::mount::mount("tmpfs", dir.path(), "tmpfs", flags, data.as_c_str()) {
            Ok(()) => Some(Small(dir)),
            Err(e) => {
                skip(&format!("cannot mount a small tmpfs: {e}"));
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.0.path(), rustix::mount::UnmountFlags::DETACH);
    }
}

#[test]
fn a_full_file_system_is_told_with_a_hint_and_leaves_nothing_half_written() {
    let Some(small) = Small::mount("2m") else { return };
    let store = Store::open(small.path(), Options::default()).unwrap();
    let _lease = store.lease().unwrap();
    let kept = layer(&store, &[("a", &[1; 100_000])]);
    let app = image(&store, "app", Origin::Built, &[&kept]);
    let hint = |text: String| {
        for part in ["no space left", "bytes free", "rbuild prune", small.path().to_str().unwrap()] {
            assert!(text.contains(part), "{text}");
        }
    };

    let mut writer = store.blob_writer().unwrap();
    let failed = (0..100).find_map(|_| writer.write_all(&[2; 100_000]).err());
    hint(failed.expect("2 MB are full").to_string());
    drop(writer);

    let big = vec![3; 4_000_000];
    let write = || {
        let mut writer = store.layer_writer()?;
        writer.entry(&file("big", &big), Some(&mut &big[..]))?;
        writer.commit()
    };
    hint(write().unwrap_err().to_string());
    let record = store.put_record(&Digest::of(b"key"), &big, &[]);
    hint(record.unwrap_err().to_string());

    // All that failed is gone, and what was there is whole.
    store.put_blob(&vec![4; 1_000_000]).unwrap();
    assert!(is_whole(&store, &app));
    assert_eq!(store.take_healed(), []);
}

#[test]
fn a_store_on_a_full_file_system_can_be_opened_and_pruned() {
    let Some(small) = Small::mount("2m") else { return };
    let store = Store::open(small.path(), Options::default()).unwrap();
    let mut numbers = 0_u64..;
    let lease = store.lease().unwrap();
    while numbers.next().is_some_and(|n| store.put_blob(&n.to_le_bytes().repeat(10_000)).is_ok()) {}
    std::fs::write(small.path().join("tmp/filler"), vec![0; 3_000_000]).unwrap_err();
    drop(lease);
    drop(store);
    crate::store_made::tick();
    let store = Store::open(small.path(), Options::default()).unwrap();
    let report = store.prune(&rbuild::store::PruneOptions::default()).unwrap();
    assert!(report.freed > 1_000_000, "{report:?}");
    assert!(store.put_blob(&[5; 500_000]).is_ok());
}

#[test]
fn a_write_that_does_not_fit_takes_the_place_of_what_nobody_uses() {
    let Some(small) = Small::mount("2m") else { return };
    let store = Store::open(small.path(), Options::default()).unwrap();
    let kept = layer(&store, &[("a", &[1; 100_000])]);
    let app = image(&store, "app", Origin::Built, &[&kept]);
    let old: Vec<_> = (0..8_u8).map(|n| store.put_blob(&[n; 200_000]).unwrap()).collect();
    crate::store_made::tick();
    let _lease = store.lease().unwrap();
    let new = store.put_blob(&[99; 700_000]).unwrap();
    assert_eq!(store.read_blob(&new, 1 << 20).unwrap().unwrap(), [99; 700_000]);
    assert!(old.iter().any(|blob| store.blob_size(blob).unwrap().is_none()));
    assert!(is_whole(&store, &app));
}
