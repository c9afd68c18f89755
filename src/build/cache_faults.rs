//! Caches in a registry whose answers are spoilt one by one, and exporters that come at the worst moment for each other.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use crate::cache::{Bytes, Document, Error, Imported, KnownLayer, Place, Recorded, Repository, Upload};
use crate::http::{self, Answer, Fault, Memory};
use crate::layer::{LayerList, Writer, Written};
use crate::oci::{DiffId, Digest, MediaType};
use crate::registry::{Client, Options, Trouble, Twin, Verdict, to};
use crate::store::LayerSource;

fn list(name: &str) -> LayerList {
    let mut writer = Writer::new(Vec::new());
    let path = crate::tree::RootPath::clean(name).unwrap();
    writer.entry(&crate::tree::Entry::directory(path, crate::tree::Time::default()), None).unwrap();
    let (_, Written { list, .. }) = writer.finish().unwrap();
    list
}

/// A record of a step called `name`, and the blobs of its layer: the bytes are its name.
fn document(name: &str) -> (Document, Vec<Vec<u8>>) {
    let list = zstd::bulk::compress(&list(name).encode(), 3).unwrap();
    let layer = DiffId(Digest::of(format!("layer of {name}").as_bytes()));
    let known = KnownLayer {
        blob: Digest::of(name.as_bytes()),
        size: name.len() as u64,
        media_type: MediaType::ImageLayerGzip,
        tar_size: 1024,
        made_by: None,
        list: Some((Digest::of(&list), list.len() as u64)),
    };
    let mut document = Document::default();
    document.records.push(Recorded { key: Digest::of(name.as_bytes()), layer, ran: true });
    document.layers.insert(layer, known);
    (document, vec![name.as_bytes().to_vec(), list])
}

fn repository(client: Client) -> Repository {
    Repository::new(to("app:cache"), Vec::new(), client.clone(), client)
}

fn honest(twin: &Twin) -> Repository {
    repository(twin.client(Options::default()))
}

fn export(to: &Repository, name: &str) -> Result<bool, Error> {
    let (document, blobs) = document(name);
    for bytes in &blobs {
        let open = || -> io::Result<Bytes> { Ok(Bytes::Memory(bytes.clone())) };
        let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
        to.put(&Upload { digest, size, from: Vec::new(), open: &open }, &|| false)?;
    }
    to.publish(&document, &|| false)
}

/// The names whose records a reader finds.
fn found(from: &Repository, names: &[&str]) -> Vec<String> {
    let keys: BTreeSet<Digest> = match from.load() {
        Ok(document) => document.records.iter().map(|record| record.key).collect(),
        Err(Error::None) => BTreeSet::new(),
        Err(error) => panic!("{error}"),
    };
    names.iter().filter(|name| keys.contains(&Digest::of(name.as_bytes()))).map(ToString::to_string).collect()
}

#[test]
fn exporters_that_all_read_before_any_of_them_writes_lose_nothing() {
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let twin = Twin::honest();
    let all_here = Arc::new(Barrier::new(NAMES.len()));
    let passed = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for name in NAMES {
            let (memory, all_here, passed) = (twin.memory.clone(), all_here.clone(), passed.clone());
            // In front of the registry: whoever is about to write the one tag waits for all others.
            let slow = Memory::new(move |seen| {
                if seen.method.as_str() == "PUT" && seen.url.path().ends_with("/manifests/cache") {
                    all_here.wait();
                    passed.fetch_add(1, Ordering::SeqCst);
                }
                memory.answer(seen)
            });
            let http = http::Options { clock: twin.clock.clone(), ..http::Options::default() };
            let client = Client::over(Arc::new(slow), Options { http, ..Options::default() });
            scope.spawn(move || assert!(export(&repository(client), name).unwrap(), "{name}"));
        }
    });
    assert_eq!(passed.load(Ordering::SeqCst), NAMES.len(), "the worst case was tried");
    assert_eq!(found(&honest(&twin), &NAMES), NAMES);

    // Whoever comes next merges them all, and a reader needs three requests from then on.
    assert!(export(&honest(&twin), "last").unwrap());
    let before = twin.memory.log().len();
    assert_eq!(found(&honest(&twin), &NAMES), NAMES);
    assert_eq!(twin.memory.log().len() - before, 3);
    assert!(!export(&honest(&twin), "a").unwrap(), "nothing new, nothing written");
}

/// Spoils request number `at` and those after it.
fn from_then_on(at: usize, answer: impl Fn() -> Answer + Send + Sync + 'static) -> Trouble {
    Box::new(move |_, number, _| if number >= at { Verdict::Say(answer()) } else { Verdict::Pass })
}

#[test]
fn an_export_that_breaks_off_anywhere_takes_nothing_away() {
    let spoilt: [fn() -> Answer; 4] = [
        || Answer::new(403, ""),
        || Answer::new(500, "").fault(Fault::Before(http::FailureKind::Broken)),
        || Answer::new(200, "<html>please log in</html>"),
        || Answer::new(429, ""),
    ];
    for answer in spoilt {
        for at in 0..60 {
            let twin = Twin::honest();
            assert!(export(&honest(&twin), "old").unwrap());
            let state = std::mem::take(&mut *twin.state());
            let troubled = Twin::new(false, from_then_on(at, answer));
            *troubled.state() = state;
            troubled.state().requests = 0;
            let result = export(&honest(&troubled), "new");
            let calm = Twin::honest();
            *calm.state() = std::mem::take(&mut *troubled.state());
            let there = found(&honest(&calm), &["old", "new"]);
            assert!(there.contains(&"old".to_string()), "request {at}");
            if result.is_ok() {
                assert_eq!(there, ["old", "new"], "request {at}");
            }
            assert_eq!(export(&honest(&calm), "new").unwrap(), !there.contains(&"new".to_string()), "{at}");
            assert_eq!(found(&honest(&calm), &["old", "new"]), ["old", "new"]);
        }
    }
}

#[test]
fn what_comes_changed_is_never_used() {
    let faults = [Fault::Corrupt(40), Fault::Truncate(20), Fault::Append(5)];
    for fault in faults {
        for at in 0..12 {
            let twin = Twin::honest();
            assert!(export(&honest(&twin), "step").unwrap());
            let state = std::mem::take(&mut *twin.state());
            // Every answer from then on is changed on its way: nobody can repair it by asking again.
            let memory = twin.memory.clone();
            let count = AtomicUsize::new(0);
            *twin.state() = state;
            let spoiling = Memory::new(move |seen| {
                let answer = memory.answer(seen);
                match count.fetch_add(1, Ordering::SeqCst) >= at && !answer.body.is_empty() {
                    true => answer.fault(fault),
                    false => answer,
                }
            });
            let http = http::Options { clock: twin.clock.clone(), ..http::Options::default() };
            let client = Client::over(Arc::new(spoiling), Options { http, ..Options::default() });
            let place = Arc::new(repository(client));
            let dir = tempfile::tempdir().unwrap();
            let store = crate::store::Store::open(dir.path(), crate::store::Options::default()).unwrap();
            let imported = Imported::start(&store, vec![place]);
            let known = imported.wait();
            let layer = DiffId(Digest::of(b"layer of step"));
            let key = Digest::of(b"step");
            match imported.find(&key, &|_| false) {
                None => assert!(!known && imported.take_warnings().len() == 1, "{fault:?} {at}"),
                Some(record) => {
                    assert_eq!(record.layer, layer);
                    assert!(imported.claimed(layer).is_none_or(|claimed| claimed == list("step")));
                    let remote = imported.remote(layer);
                    let mut bytes = Vec::new();
                    if let Some(remote) = remote
                        && imported.fetch(&remote, &mut bytes, &|_| (), &|| false).is_ok()
                    {
                        assert_eq!(bytes, b"step");
                    }
                }
            }
        }
    }
}

#[test]
fn a_layer_that_the_registry_lost_goes_from_the_cache_and_no_other() {
    let twin = Twin::honest();
    assert!(export(&honest(&twin), "lost").unwrap());
    assert!(export(&honest(&twin), "kept").unwrap());
    twin.state().blobs.remove(&("app".to_string(), Digest::of(b"lost")));
    assert!(export(&honest(&twin), "new").unwrap());
    assert_eq!(found(&honest(&twin), &["lost", "kept", "new"]), ["kept", "new"]);
}

#[test]
fn a_registry_that_lists_no_tags_is_a_cache_all_the_same() {
    let twin = Twin::new(
        false,
        Box::new(|seen, _, _| match seen.url.path().ends_with("/tags/list") {
            true => Verdict::Say(Answer::new(404, "")),
            false => Verdict::Pass,
        }),
    );
    assert!(export(&honest(&twin), "a").unwrap());
    assert!(export(&honest(&twin), "b").unwrap());
    assert_eq!(found(&honest(&twin), &["a", "b"]), ["a", "b"]);
}
