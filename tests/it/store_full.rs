//! A file system that fills up.

#![allow(clippy::unwrap_used, reason = "what tests are built of may panic as tests do")]

use std::io::Write as _;
use std::path::Path;

use rbuild::oci::Digest;
use rbuild::store::{Options, Origin, Store};

use crate::store_fixture::{file, image, is_whole, layer};
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
    crate::store_fixture::tick();
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
    crate::store_fixture::tick();
    let _lease = store.lease().unwrap();
    let new = store.put_blob(&[99; 700_000]).unwrap();
    assert_eq!(store.read_blob(&new, 1 << 20).unwrap().unwrap(), [99; 700_000]);
    assert!(old.iter().any(|blob| store.blob_size(blob).unwrap().is_none()));
    assert!(is_whole(&store, &app));
}

#[test]
fn a_build_that_runs_out_of_space_at_any_point_leaves_a_valid_store() {
    for pages in (10..120).step_by(5) {
        let Some(small) = Small::mount(&format!("{}k", pages * 4)) else { return };
        let build = || -> Result<(), rbuild::store::Error> {
            let store = Store::open(small.path(), Options::default())?;
            let _lease = store.lease()?;
            for n in 0..5_u8 {
                let content = [n; 30_000];
                let mut writer = store.layer_writer()?;
                writer.entry(&file("f", &content), Some(&mut &content[..]))?;
                let layer = writer.commit()?;
                store.put_record(&Digest::of(&[n]), b"result", &[layer.diff_id])?;
                let blob = store.put_blob(&[n; 5000])?;
                let target = rbuild::store::Target {
                    media_type: rbuild::oci::MediaType::ImageManifest,
                    digest: blob,
                    size: 5000,
                };
                let name = rbuild::store::Name { manifest: target, origin: Origin::Built, time: 0 };
                store.set_name(&format!("app:{n}").parse().unwrap(), &name)?;
            }
            store.sync()?;
            store.collect_if_needed()?;
            Ok(())
        };
        if let Err(e) = build() {
            assert!(e.to_string().contains("no space left"), "{pages} pages: {e}");
        }
        let Ok(store) = Store::open(small.path(), Options::default()) else { continue };
        for (_, name) in store.names().unwrap() {
            assert!(store.verify_blob(&name.manifest.digest).unwrap(), "{pages} pages");
        }
        for n in 0..5_u8 {
            if let Some(record) = store.record(&Digest::of(&[n])).unwrap() {
                assert_eq!(record, b"result");
            }
        }
        assert_eq!(store.take_healed(), [], "{pages} pages");
        let temporary = std::fs::read_dir(small.path().join("tmp")).unwrap();
        let left: Vec<_> = temporary.map(|e| e.unwrap().file_name()).collect();
        assert!(left.len() <= 2, "{pages} pages: {left:?}");
    }
}
