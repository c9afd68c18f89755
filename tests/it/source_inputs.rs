//! Archives, Dockerfiles, ignore files and image layouts as inputs.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests, too")]

use std::fs;
use std::io::{Cursor, Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

use rbuild::layer::{Limits, Purpose};
use rbuild::oci::{Digest, LAYER_EPOCH, Platform};
use rbuild::source::{
    Archive, ContextModes, Input, Local, OciLayout, is_archive, read_archive, read_archive_dockerfile,
    read_archive_ignore, read_dockerfile, read_ignore, read_input,
};
use rbuild::tree::{Kind, Patterns, RootPath};

fn header(kind: tar::EntryType, size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(1000);
    header.set_gid(1000);
    header.set_mtime(1_700_000_000);
    header
}

fn tar(build: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    build(&mut builder);
    builder.into_inner().unwrap()
}

fn file(tar: &mut tar::Builder<Vec<u8>>, path: &str, content: &str, mode: u32) {
    let mut header = header(tar::EntryType::Regular, content.len() as u64, mode);
    tar.append_data(&mut header, path, content.as_bytes()).unwrap();
}

fn link(tar: &mut tar::Builder<Vec<u8>>, kind: tar::EntryType, path: &str, target: &str) {
    tar.append_link(&mut header(kind, 0, 0o777), path, target).unwrap();
}

fn spool() -> fs::File {
    tempfile::tempfile().unwrap()
}

fn archive(bytes: Vec<u8>) -> Archive {
    read_archive("test.tar", Box::new(Cursor::new(bytes)), spool(), &Limits::default(), Purpose::Layer)
        .unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn context_names(archive: &Archive, ignore: &str) -> Result<Vec<String>, String> {
    let ignore = Patterns::parse(ignore).unwrap();
    let context = archive.context(&ignore, ContextModes::Normalise, Some(LAYER_EPOCH));
    context
        .map(|(entries, ..)| entries.iter().map(|e| e.path.to_string()).collect())
        .map_err(|e| e.to_string())
}

#[test]
fn an_archive_is_a_context_like_a_directory() {
    let bytes = tar(|tar| {
        file(tar, "./z", "zed", 0o664);
        file(tar, "d/sub/f", "first", 0o777);
        file(tar, "d/sub/f", "later", 0o755);
        link(tar, tar::EntryType::Link, "d/hard", "z");
        link(tar, tar::EntryType::Symlink, "l", "../../etc/passwd");
    });
    for bytes in [bytes.clone(), gzip(&bytes), zstd::encode_all(&bytes[..], 1).unwrap()] {
        let archive = archive(bytes);
        let (entries, members, loosened) =
            archive.context(&Patterns::default(), ContextModes::Normalise, Some(LAYER_EPOCH)).unwrap();
        let names: Vec<String> = entries.iter().map(|entry| entry.path.to_string()).collect();
        assert_eq!(names, ["/d", "/d/hard", "/d/sub", "/d/sub/f", "/l", "/z"]);
        assert!(entries.iter().all(|e| (e.uid, e.gid, e.mtime.seconds) == (0, 0, LAYER_EPOCH.0)));
        assert_eq!(loosened, 2, "the file and its other name");
        let mut contents = Vec::new();
        for (entry, member) in entries.iter().zip(&members) {
            if let Kind::File { size, digest } = &entry.kind {
                let mut content = Vec::new();
                archive.content(*member).read_to_end(&mut content).unwrap();
                assert_eq!((content.len() as u64, Digest::of(&content)), (*size, *digest));
                contents.push(String::from_utf8(content).unwrap());
            }
        }
        assert_eq!(contents, ["zed", "later", "zed"]);
    }
}

#[test]
fn an_archive_obeys_its_ignore_file() {
    let archive = archive(tar(|tar| {
        for path in ["a/keep", "a/drop", "b/c/d", "logs/x.log", "logs/y.txt", ".dockerignore", "Dockerfile"] {
            let content = if path == ".dockerignore" { "b\nlogs\n!logs/y.txt\n*/drop\n.*\n" } else { path };
            file(tar, path, content, 0o644);
        }
    }));
    let ignore = read_archive_ignore(&archive, None).unwrap();
    assert_eq!(ignore.file.as_deref(), Some(".dockerignore"));
    let (entries, ..) = archive.context(&ignore.patterns, ContextModes::Git, None).unwrap();
    let names: Vec<String> = entries.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(names, ["/Dockerfile", "/a", "/a/keep", "/logs", "/logs/y.txt"]);
    assert_eq!(read_archive_dockerfile(&archive, None).unwrap().bytes, b"Dockerfile");
    assert_eq!(read_archive_dockerfile(&archive, Some(Path::new("./a/keep"))).unwrap().bytes, b"a/keep");
    let none = read_archive_dockerfile(&archive, Some(Path::new("none"))).unwrap_err().to_string();
    assert!(none.contains("none") && none.contains("test.tar"), "{none}");
}

#[test]
fn hostile_archives_are_refused_by_the_members_name() {
    let device = |tar: &mut tar::Builder<Vec<u8>>| {
        let mut header = header(tar::EntryType::Char, 0, 0o666);
        header.set_device_major(1).unwrap();
        header.set_device_minor(3).unwrap();
        tar.append_data(&mut header, "dev/null", std::io::empty()).unwrap();
    };
    for (build, want) in [
        (Box::new(device) as Box<dyn FnOnce(&mut tar::Builder<Vec<u8>>)>, "/dev/null is a device"),
        (Box::new(|tar: &mut tar::Builder<Vec<u8>>| file(tar, "d/.wh.f", "", 0o644)), ".wh."),
        (Box::new(|tar: &mut tar::Builder<Vec<u8>>| link(tar, tar::EntryType::Link, "a", "none")), "a"),
    ] {
        let bytes = tar(build);
        let read = read_archive(
            "bad.tar",
            Box::new(Cursor::new(bytes)),
            spool(),
            &Limits::default(),
            Purpose::Layer,
        );
        let said = match read {
            Ok(archive) => context_names(&archive, "").unwrap_err(),
            Err(error) => format!("{error}: {}", std::error::Error::source(&error).unwrap()),
        };
        assert!(said.contains(want), "{want}: {said}");
    }
}

#[test]
fn names_that_leave_an_archive_stay_in_the_context() {
    // A name that no well-behaved writer gives must be written by hand.
    let mut bytes = tar(|tar| file(tar, "xx/xx/passwd", "root", 0o644));
    bytes[..5].copy_from_slice(b"../..");
    let sum: u32 = bytes[..512]
        .iter()
        .enumerate()
        .map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) })
        .sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    match read_archive("bad.tar", Box::new(Cursor::new(bytes)), spool(), &Limits::default(), Purpose::Layer) {
        Ok(archive) => assert_eq!(context_names(&archive, "").unwrap(), ["/passwd"]),
        Err(error) => assert!(error.to_string().contains("bad.tar")),
    }
}

#[test]
fn a_dockerfile_that_is_a_link_in_an_archive_is_read_inside_it() {
    let archive = archive(tar(|tar| {
        link(tar, tar::EntryType::Symlink, "Dockerfile", "/../../build/real");
        file(tar, "build/real", "FROM scratch\n", 0o644);
        link(tar, tar::EntryType::Symlink, "out", "/etc/passwd");
    }));
    assert_eq!(read_archive_dockerfile(&archive, None).unwrap().bytes, b"FROM scratch\n");
    assert!(read_archive_dockerfile(&archive, Some(Path::new("out"))).is_err());
}

#[test]
fn standard_input_is_a_tar_or_else_a_dockerfile() {
    let read =
        |bytes: &[u8]| read_input("-", Box::new(Cursor::new(bytes.to_vec())), spool(), &Limits::default());
    let bytes = tar(|tar| file(tar, "Dockerfile", "FROM scratch", 0o644));
    assert!(matches!(read(&bytes), Ok(Input::Archive(_))));
    assert!(matches!(read(&gzip(&bytes)), Ok(Input::Archive(_))));
    assert!(matches!(read(&[0; 1024]), Ok(Input::Archive(_))), "an empty tar");
    for text in ["FROM scratch\n", "", "x"] {
        assert!(
            matches!(read(text.as_bytes()), Ok(Input::Dockerfile(bytes)) if bytes == text.as_bytes()),
            "{text:?}"
        );
    }
    let long = format!("# {}\nFROM scratch\n", "x".repeat(2000));
    assert!(matches!(read(long.as_bytes()), Ok(Input::Dockerfile(bytes)) if bytes == long.as_bytes()));
    assert!(read(&gzip(b"FROM scratch\n")).is_err());
}

#[test]
fn add_unpacks_what_is_a_tar_by_its_content() {
    let is = |bytes: &[u8]| is_archive(Box::new(Cursor::new(bytes.to_vec())), &Limits::default()).unwrap();
    let bytes = tar(|tar| file(tar, "f", "x", 0o644));
    assert!(is(&bytes));
    assert!(is(&gzip(&bytes)));
    for other in [
        &b"plain text"[..],
        b"",
        &gzip(b"a compressed text"),
        &gzip(&bytes)[..20],
        &[0; 1024],
        b"\x1f\x8b rubbish",
    ] {
        assert!(!is(other), "{other:?}");
    }
}

#[test]
fn a_dockerfile_is_found_by_the_usual_names_or_where_the_user_says() {
    let dir = tempfile::tempdir().unwrap();
    let context = dir.path().join("context");
    fs::create_dir(&context).unwrap();
    let local = Local::open(&context).unwrap();
    let error = read_dockerfile(Some(&local), None).unwrap_err().to_string();
    assert!(error.contains("Dockerfile, dockerfile, Containerfile"), "{error}");
    for name in ["Containerfile", "dockerfile", "Dockerfile"] {
        fs::write(context.join(name), name).unwrap();
        assert_eq!(read_dockerfile(Some(&local), None).unwrap().name, name);
    }
    let outside = dir.path().join("other.Dockerfile");
    fs::write(&outside, "FROM outside").unwrap();
    assert_eq!(read_dockerfile(Some(&local), Some(&outside)).unwrap().bytes, b"FROM outside");
    // A relative name that the working directory does not have is looked for in the context.
    let inside = read_dockerfile(Some(&local), Some(Path::new("Containerfile"))).unwrap();
    assert_eq!(inside.path, context.join("Containerfile"));
    for (path, want) in [("none", "cannot read none"), (".", "cannot read .")] {
        let error = read_dockerfile(Some(&local), Some(Path::new(path))).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
    fs::remove_file(context.join("Dockerfile")).unwrap();
    symlink("dockerfile", context.join("Dockerfile")).unwrap();
    assert_eq!(read_dockerfile(Some(&local), None).unwrap().bytes, b"dockerfile");
    fs::remove_file(context.join("Dockerfile")).unwrap();
    symlink("../other.Dockerfile", context.join("Dockerfile")).unwrap();
    let error = read_dockerfile(Some(&local), None).unwrap_err().to_string();
    assert!(error.contains("leads nowhere inside the context"), "{error}");
    fs::remove_file(context.join("Dockerfile")).unwrap();
    fs::create_dir(context.join("Dockerfile")).unwrap();
    assert!(read_dockerfile(Some(&local), None).unwrap_err().to_string().contains("not a regular file"));
}

#[test]
fn the_dockerfiles_own_ignore_file_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let local = Local::open(dir.path()).unwrap();
    let dockerfile = dir.path().join("build.Dockerfile");
    let said = || {
        let ignore = read_ignore(&local, Some(&dockerfile)).unwrap();
        let is = |path: &str| ignore.patterns.matches(&RootPath::clean(path).unwrap());
        (ignore.file.is_some(), is("one"), is("two"))
    };
    assert_eq!(said(), (false, false, false));
    fs::write(dir.path().join(".dockerignore"), "one\n").unwrap();
    assert_eq!(said(), (true, true, false));
    fs::write(dir.path().join("build.Dockerfile.dockerignore"), "two\n").unwrap();
    assert_eq!(said(), (true, false, true));
    fs::write(dir.path().join("build.Dockerfile.dockerignore"), "ok\n[\n").unwrap();
    let error = read_ignore(&local, Some(&dockerfile)).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("line 2"), "{error}");
    fs::write(dir.path().join("build.Dockerfile.dockerignore"), b"\xff").unwrap();
    assert!(read_ignore(&local, Some(&dockerfile)).unwrap_err().to_string().contains("UTF-8"));
}

/// A layout in the making.
struct Layout(tempfile::TempDir);

impl Layout {
    fn new() -> Layout {
        let layout = Layout(tempfile::tempdir().unwrap());
        fs::create_dir_all(layout.0.path().join("blobs/sha256")).unwrap();
        fs::write(layout.0.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        layout
    }

    fn blob(&self, bytes: &str) -> Digest {
        let digest = Digest::of(bytes.as_bytes());
        fs::write(self.0.path().join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        digest
    }

    fn document(&self, media_type: &str, bytes: &str, more: &str) -> String {
        let media_type = format!("application/vnd.oci.image.{media_type}.v1+json");
        format!(
            r#"{{"mediaType":"{media_type}","digest":"{}","size":{}{more}}}"#,
            self.blob(bytes),
            bytes.len()
        )
    }

    fn image(&self, config: &str, more: &str) -> String {
        let config = self.document("config", config, "");
        self.document("manifest", &format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#), more)
    }

    fn index(&self, manifests: &[String]) -> String {
        format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, manifests.join(","))
    }

    fn write(&self, manifests: &[String]) -> OciLayout {
        fs::write(self.0.path().join("index.json"), self.index(manifests)).unwrap();
        OciLayout::open(self.0.path()).unwrap()
    }
}

fn amd64() -> Platform {
    Platform::new("linux", "amd64", None)
}

fn tagged(tag: &str) -> String {
    format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{tag}"}}"#)
}

fn on(architecture: &str) -> String {
    format!(r#","platform":{{"os":"linux","architecture":"{architecture}"}}"#)
}

fn config_of(layout: &OciLayout, tag: Option<&str>, digest: Option<&Digest>) -> Result<String, String> {
    let picked = layout.select(tag, digest, &amd64()).map_err(|e| e.to_string())?;
    assert_eq!(Digest::of(&picked.manifest_bytes), picked.digest);
    Ok(String::from_utf8(picked.config_bytes).unwrap())
}

#[test]
fn an_image_of_a_layout_is_found_by_tag_digest_and_platform() {
    let new = Layout::new();
    let arm = new.image("arm", &on("arm64"));
    let amd = new.image("amd", &on("amd64"));
    let both = new.index(&[arm, amd]);
    let containerd = r#","annotations":{"io.containerd.image.name":"docker.io/library/app:2"}"#;
    let layout = new.write(&[
        new.image("one", &tagged("one")),
        new.document("index", &both, &tagged("both")),
        new.image("two", containerd),
    ]);
    assert_eq!(config_of(&layout, Some("one"), None).unwrap(), "one");
    assert_eq!(config_of(&layout, Some("both"), None).unwrap(), "amd");
    assert_eq!(config_of(&layout, Some("2"), None).unwrap(), "two");
    assert_eq!(config_of(&layout, Some("docker.io/library/app:2"), None).unwrap(), "two");
    assert_eq!(config_of(&layout, Some("none"), Some(&Digest::of(both.as_bytes()))).unwrap(), "amd");
    let arm = layout.select(Some("both"), None, &Platform::new("linux", "arm64", None)).unwrap();
    assert_eq!(config_of(&layout, None, Some(&arm.digest)).unwrap(), "arm");
    for (tag, want) in
        [(Some("none"), "it has one, both, docker.io/library/app:2"), (None, "it has one, both")]
    {
        let said = config_of(&layout, tag, None).unwrap_err();
        assert!(said.contains(want), "{said}");
    }
    let other = layout.select(Some("both"), None, &Platform::new("linux", "s390x", None));
    let said = other.unwrap_err().to_string();
    assert!(said.contains("linux/s390x") && said.contains("linux/arm64, linux/amd64"), "{said}");
    assert!(config_of(&layout, None, Some(&Digest::of(b"no"))).is_err());
    assert_eq!(config_of(&new.write(&[new.image("only", "")]), None, None).unwrap(), "only");
}

#[test]
fn a_layout_offers_images_as_a_registry_does() {
    let new = Layout::new();
    let on = |platform: &str, config: &str| new.image(config, &format!(r#","platform":{{{platform}}}"#));
    let windows = |version: &str| {
        on(&format!(r#""os":"windows","architecture":"amd64","os.version":"{version}""#), version)
    };
    let layout = new.write(&[new.document(
        "index",
        &new.index(&[
            on(r#""os":"unknown","architecture":"unknown""#, "provenance"),
            on(r#""os":"linux","architecture":"arm","variant":"v5""#, "v5"),
            on(r#""os":"linux","architecture":"arm","variant":"v6""#, "v6"),
            windows("10.0.1"),
            windows("10.0.2"),
        ]),
        "",
    )]);
    let picked = |wanted: &Platform| {
        let picked = layout.select(None, None, wanted).map_err(|error| error.to_string())?;
        Ok::<_, String>(String::from_utf8(picked.config_bytes).unwrap())
    };
    // The highest variant that it can run, though none is its own.
    assert_eq!(picked(&"linux/arm/v7".parse().unwrap()).unwrap(), "v6");
    let mut wanted: Platform = "windows/amd64".parse().unwrap();
    assert_eq!(picked(&wanted).unwrap(), "10.0.1");
    wanted.os_version = Some("10.0.2".to_string());
    assert_eq!(picked(&wanted).unwrap(), "10.0.2");
    assert!(picked(&"unknown/unknown".parse().unwrap()).is_err());
}

#[test]
fn a_damaged_blob_of_a_layout_is_never_used() {
    let new = Layout::new();
    let manifest = new.image("config", "");
    let layout = new.write(&[manifest]);
    let picked = layout.select(None, None, &amd64()).unwrap();
    let path = |digest: &Digest| new.0.path().join("blobs/sha256").join(digest.hex());
    let config = Digest::of(b"config");
    for content in ["confih", "conf", "config and more"] {
        fs::write(path(&config), content).unwrap();
        let said = config_of(&layout, None, None).unwrap_err();
        assert!(said.contains(&config.to_string()) && said.contains("damaged"), "{said}");
        let mut bytes = Vec::new();
        assert!(layout.blob(picked.manifest.config()).unwrap().read_to_end(&mut bytes).is_err());
    }
    fs::remove_file(path(&picked.digest)).unwrap();
    assert!(config_of(&layout, None, None).is_err());
    assert!(
        OciLayout::open(new.0.path().join("blobs").as_path()).unwrap_err().to_string().contains("oci-layout")
    );
}

#[test]
fn a_document_that_is_a_manifest_and_an_index_is_refused() {
    let new = Layout::new();
    let config = new.document("config", "c", "");
    let both = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[],"manifests":[]}}"#);
    for media_type in ["manifest", "index"] {
        let layout = new.write(&[new.document(media_type, &both, "")]);
        assert!(config_of(&layout, None, None).unwrap_err().contains("neither a manifest nor an index"));
    }
}
