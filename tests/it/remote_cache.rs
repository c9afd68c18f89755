//! Two machines, one registry: what one built, the other need not. By the program itself, over Debian's docker-registry.

use std::path::Path;
use std::process::Command;

use rbuild::cache::{Directory, Document, KnownLayer, Place};
use rbuild::layer::LayerList;
use rbuild::oci::{DiffId, Digest};

use crate::counting_proxy::Counting;
use crate::e2e::{Said, Workshop, noise};
use crate::registry_server::{Registry, have, run};

const DEPENDENCIES: u32 = 2_000_000;
const RESULT: u32 = 700_000;

/// Dependencies that a stage works on, of which a little reaches the image, and the image's own source.
const DOCKERFILE: &str = "\
FROM busybox AS work
COPY deps /deps
WORKDIR /built
RUN head -c 700000 /deps/noise > /built/part && echo ran-\"work\"
FROM busybox
COPY --from=work /built /parts
COPY app /app
RUN cat /app /app > /twice && echo ran-\"app\"
CMD [\"cat\", \"/twice\"]
";

fn machine() -> Option<Workshop> {
    let shop = Workshop::new()?;
    shop.write("deps/noise", noise(7, DEPENDENCIES));
    shop.write("app", "one\n");
    Some(shop)
}

fn build(shop: &Workshop, args: &[&str]) -> Said {
    let id = shop.arg("id");
    shop.build(DOCKERFILE, &[&["--iidfile", &id], args].concat()).ok()
}

fn id(shop: &Workshop) -> String {
    std::fs::read_to_string(shop.at("id")).unwrap()
}

struct World {
    _dir: tempfile::TempDir,
    _registry: Registry,
    way: Counting,
    first: Workshop,
}

impl World {
    fn new() -> Option<World> {
        if !have(&["docker-registry"]) {
            return None;
        }
        let first = machine()?;
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::start(dir.path(), "", "");
        let way = Counting::of(registry.port);
        Some(World { _dir: dir, _registry: registry, way, first })
    }

    fn cache(&self) -> String {
        self.way.name("team/app:cache")
    }

    fn to(&self, more: &str) -> String {
        format!("--cache-to=type=registry,ref={}{more}", self.cache())
    }

    fn from(&self) -> String {
        format!("--cache-from=type=registry,ref={}", self.cache())
    }
}

#[test]
fn the_second_machine_does_nothing_and_fetches_what_its_output_needs() {
    let Some(world) = World::new() else { return };
    let said = build(&world.first, &[&world.from(), &world.to(",mode=max")]);
    said.says(&["ran-work", "ran-app", "there is none", "exporting cache to"]);
    world.way.take();

    let second = machine().unwrap();
    let said = build(&second, &[&world.from()]);
    said.never_says(&["ran-work", "ran-app", "fetching", "warning"]).says(&["CACHED"]);
    assert_eq!(id(&second), id(&world.first));
    let (down, requests) = world.way.take();
    assert!(down < 10_000, "kept in the store, an image needs no layer: {down} bytes");
    // `GET /v2/` finds out how the registry is spoken to; an ordinary user's build begins again in its namespace.
    assert!(requests.len() <= 8, "{requests:#?}");

    // An output wants the image's layers, and not those of the stage below.
    let out = second.arg("out");
    let said = build(&second, &[&world.from(), &format!("--output=type=oci,tar=false,dest={out}")]);
    said.never_says(&["ran-work", "ran-app"]).says(&["fetching 3 layers from the cache"]);
    let (down, requests) = world.way.take();
    assert!((RESULT.into()..u64::from(RESULT) + 20_000).contains(&down), "{down} bytes: {requests:#?}");
    let first_out = world.first.arg("out");
    build(&world.first, &[&format!("--output=type=oci,tar=false,dest={first_out}")]);
    let read = |dir: &str| std::fs::read(Path::new(dir).join("index.json")).unwrap();
    assert_eq!(read(&out), read(&first_out), "where layers come from changes no byte");
    assert_eq!(second.rbuild(&["run", "it"]).ok().out(), "one\none\n");
}

#[test]
fn a_pushed_image_takes_its_layers_from_the_cache_without_a_download() {
    let Some(world) = World::new() else { return };
    build(&world.first, &[&world.to(",mode=max")]);
    let name = world.way.name("team/image:1");
    let metadata = world.first.arg("metadata");
    build(&world.first, &["-o", &format!("type=registry,name={name}"), "--metadata-file", &metadata]);
    let second = machine().unwrap();
    world.way.take();
    let other = world.way.name("team/other:1");
    let metadata2 = second.arg("metadata");
    let said = build(
        &second,
        &[&world.from(), "-o", &format!("type=registry,name={other}"), "--metadata-file", &metadata2],
    );
    said.never_says(&["ran-work", "ran-app", "fetching"]).says(&["mounted from another repository"]);
    let (down, requests) = world.way.take();
    assert!(down < 20_000, "{down} bytes: {requests:#?}");
    let digest = |file: &str| {
        let value: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        value["containerimage.digest"].clone()
    };
    assert_eq!(digest(&metadata), digest(&metadata2), "the same image, from wherever");

    // Whoever wants the bytes later gets them.
    let saved = |shop: &Workshop| {
        shop.rbuild(&["save", "--format=oci", "-o", &shop.arg("saved.tar"), "it"]).ok();
        std::fs::read(shop.at("saved.tar")).unwrap()
    };
    assert!(saved(&second) == saved(&world.first));
    assert!(world.way.take().0 > RESULT.into());
}

#[test]
fn after_an_edit_the_steps_that_need_it_run_on_layers_that_are_fetched_for_them() {
    let Some(world) = World::new() else { return };
    build(&world.first, &[&world.to(",mode=max")]);
    let second = machine().unwrap();
    second.write("app", "two\n");
    world.way.take();
    let said = build(&second, &[&world.from(), &world.to(",mode=max")]);
    said.never_says(&["ran-work"]).says(&["ran-app", "fetching a layer from the cache"]);
    let (down, requests) = world.way.take();
    assert!((RESULT.into()..u64::from(RESULT) + 60_000).contains(&down), "{down} bytes: {requests:#?}");
    assert_eq!(second.rbuild(&["run", "it"]).ok().out(), "two\ntwo\n");

    // What came of it is what comes of it without any cache; and both results are in the cache now.
    world.first.write("app", "two\n");
    build(&world.first, &[]);
    assert_eq!(id(&second), id(&world.first));
    for app in ["one\n", "two\n"] {
        let third = machine().unwrap();
        third.write("app", app);
        build(&third, &[&world.from()]).never_says(&["ran-work", "ran-app", "fetching"]);
    }

    // A build that does not ask the cache believes nothing of what it said.
    let said = build(&second, &[]);
    said.says(&["ran-work"]);
}

#[test]
fn mode_min_has_the_layers_of_the_result_alone() {
    let Some(world) = World::new() else { return };
    build(&world.first, &[&world.to("")]);
    let second = machine().unwrap();
    let said = build(&second, &[&world.from()]);
    // The stage below is built again; it comes to the same bytes, and from there on all is known.
    said.says(&["ran-work"]).never_says(&["ran-app"]);
    assert_eq!(id(&second), id(&world.first));
}

#[test]
fn an_image_can_carry_its_records_itself() {
    let Some(world) = World::new() else { return };
    let name = world.way.name("team/image:latest");
    build(
        &world.first,
        &["--build-arg=BUILDKIT_INLINE_CACHE=1", "-o", &format!("type=registry,name={name}")],
    );
    let second = machine().unwrap();
    world.way.take();
    let said = build(&second, &["--cache-to=type=inline", "--cache-from", &name]);
    said.says(&["ran-work"]).never_says(&["ran-app"]);
    let (down, requests) = world.way.take();
    assert!(down < 10_000, "{down} bytes: {requests:#?}");
    assert_eq!(id(&second), id(&world.first));
    let plain = world.way.name("team/plain:1");
    build(&world.first, &["-o", &format!("type=registry,name={plain}")]);
    let third = machine().unwrap();
    build(&third, &["--cache-from", &plain]).says(&["ran-app", "an image without records"]);
    // An image is not replaced by a cache.
    let to = format!("--cache-to=type=registry,ref={plain}");
    build(&third, &[&to]).says(&["was not written", "take another tag"]);
    let must = format!("{to},ignore-error=false");
    third.again(&[&must]).fails(&["take another tag"]);
}

#[test]
fn a_directory_is_a_cache_too() {
    let Some(first) = machine() else { return };
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("cache").display().to_string();
    build(&first, &[&format!("--cache-to=type=local,dest={at},mode=max,compression=zstd")]);
    let second = machine().unwrap();
    let from = format!("--cache-from=type=local,src={at}");
    let said = build(&second, &[&from]);
    // The directory may be gone tomorrow: the image's layers come now.
    said.never_says(&["ran-work", "ran-app"]).says(&["fetching 3 layers from the cache"]);
    assert_eq!(id(&second), id(&first));
    std::fs::remove_dir_all(dir.path()).unwrap();
    assert_eq!(second.rbuild(&["run", "it"]).ok().out(), "one\none\n");
    second.write("app", "three\n");
    build(&second, &[&from]).says(&["is not used: there is none", "ran-app"]);
}

#[test]
fn a_cache_is_copied_by_tools_that_have_never_heard_of_it() {
    let Some(world) = World::new() else { return };
    if !have(&["skopeo"]) {
        return;
    }
    build(&world.first, &[&world.to(",mode=max")]);
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("copy").display().to_string();
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["--insecure-policy", "copy", "--src-tls-verify=false"]);
    run(skopeo.arg(format!("docker://{}", world.cache())).arg(format!("oci:{at}:copied")));
    let second = machine().unwrap();
    let said = build(&second, &[&format!("--cache-from=type=local,src={at},tag=copied")]);
    said.never_says(&["ran-work", "ran-app", "warning"]).says(&["fetching 3 layers from the cache"]);
    assert_eq!(id(&second), id(&world.first));
}

#[test]
fn a_cache_that_cannot_be_reached_is_one_warning() {
    let Some(shop) = machine() else { return };
    let from = "--cache-from=type=registry,ref=127.0.0.1:1/team/app:cache";
    let to = "--cache-to=type=registry,ref=127.0.0.1:1/team/app:cache";
    let said = build(&shop, &[from, to]);
    said.says(&[
        "cache 127.0.0.1:1/team/app:cache is not used",
        "cache 127.0.0.1:1/team/app:cache was not written",
    ]);
    assert_eq!(shop.rbuild(&["run", "it"]).ok().out(), "one\none\n");
}

/// A cache in a directory, as the first machine wrote it, and the same with something in it that is not true.
fn lying(first: &Workshop, change: impl Fn(&Path, &mut Document)) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let honest = dir.path().join("cache");
    build(first, &[&format!("--cache-to=type=local,dest={},mode=max", honest.display())]);
    let mut document = Directory { path: honest.clone(), tag: "latest".to_string() }.load().unwrap();
    change(&honest, &mut document);
    // Whoever writes lies writes them in good form: digests, sizes and manifest fit.
    let liar = Directory { path: honest.clone(), tag: "lie".to_string() };
    assert!(liar.publish(&document, &|| false).unwrap());
    let from = format!("--cache-from=type=local,src={},tag=lie", honest.display());
    (dir, from)
}

/// The layer of the image that has its parts, and another one.
fn two_layers(at: &Path, document: &Document) -> (DiffId, DiffId) {
    let has_parts = |layer: &KnownLayer| {
        let bytes = std::fs::read(at.join("blobs/sha256").join(layer.list.unwrap().0.hex())).unwrap();
        let list = LayerList::decode(zstd::bulk::decompress(&bytes, 1 << 20).unwrap()).unwrap();
        list.entries.iter().any(|entry| entry.path.as_bytes().starts_with(b"parts"))
    };
    let find = |wanted| document.layers.iter().find(|(_, layer)| has_parts(layer) == wanted);
    (*find(true).expect("made by COPY").0, *find(false).expect("others").0)
}

/// Builds with a cache that lies, after an edit, so that layers and lists are needed; then without it.
fn honest_all_the_same(first: &Workshop, from: &str, said: &[&str]) {
    first.write("app", "edited\n");
    build(first, &[]);
    let second = machine().unwrap();
    second.write("app", "edited\n");
    build(&second, &[from]).says(said).says(&["ran-app"]);
    assert_eq!(id(&second), id(first));
    assert_eq!(second.rbuild(&["run", "it"]).ok().out(), "edited\nedited\n");
    // Nothing of the lie is left behind.
    second.write("app", "again\n");
    first.write("app", "again\n");
    build(first, &[]);
    build(&second, &[]);
    assert_eq!(id(&second), id(first));
}

#[test]
fn a_blob_with_other_bytes_is_noticed_and_the_steps_are_done() {
    let Some(first) = machine() else { return };
    let (_dir, from) = lying(&first, |at, document| {
        for layer in document.layers.values() {
            let path = at.join("blobs/sha256").join(layer.blob.hex());
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
        document.selections.clear();
    });
    honest_all_the_same(&first, &from, &["is not used any more", "ran-work"]);
}

#[test]
fn a_list_that_is_not_that_of_its_layer_is_noticed_and_the_steps_are_done() {
    let Some(first) = machine() else { return };
    let (_dir, from) = lying(&first, |at, document| {
        let (parts, other) = two_layers(at, document);
        let list = document.layers[&other].list;
        document.layers.get_mut(&parts).unwrap().list = list;
        document.selections.clear();
    });
    honest_all_the_same(&first, &from, &["its list of files is not that of its bytes", "ran-work"]);
}

#[test]
fn a_blob_of_another_layer_is_noticed_and_the_steps_are_done() {
    let Some(first) = machine() else { return };
    let (_dir, from) = lying(&first, |at, document| {
        let (parts, other) = two_layers(at, document);
        let KnownLayer { blob, size, .. } = document.layers[&other].clone();
        let layer = document.layers.get_mut(&parts).unwrap();
        (layer.blob, layer.size) = (blob, size);
    });
    honest_all_the_same(&first, &from, &["is not used any more", "ran-work"]);
}

#[test]
fn a_selection_that_is_not_true_leaves_nothing_behind() {
    let Some(first) = machine() else { return };
    let (_dir, from) = lying(&first, |_, document| {
        for selection in &mut document.selections {
            selection.digest = Digest::of(b"a lie");
        }
    });
    first.write("app", "edited\n");
    build(&first, &[]);
    let second = machine().unwrap();
    second.write("app", "edited\n");
    build(&second, &[&from]);
    assert_eq!(id(&second), id(&first), "a wrong key finds nothing, and the step is done from the bytes");
    build(&second, &[]).says(&["ran-work"]);
    assert_eq!(id(&second), id(&first));
}
