//! What an index says of what it lists (versions and features of systems, attestations), through builds and copies.

use std::path::{Path, PathBuf};

use rbuild::oci::{Digest, Reference};
use rbuild::registry::{Client, Options};
use serde_json::{Value, json};

use super::inspect;
use crate::e2e::Workshop;
use crate::registry_server::Registry;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image layout that a test writes by hand.
struct Layout(PathBuf);

impl Layout {
    fn new(path: PathBuf) -> Layout {
        std::fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        std::fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Layout(path)
    }

    fn put(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        std::fs::write(self.0.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len()})
    }

    /// The descriptor of an image with one file, for `platform`.
    fn image(&self, platform: &Value) -> Value {
        let text = platform.to_string();
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "about", text.as_bytes()).unwrap();
        let tar = tar.into_inner().unwrap();
        let mut config = platform.clone();
        config["rootfs"] = json!({"type": "layers", "diff_ids": [Digest::of(&tar).to_string()]});
        config["config"] = json!({});
        let config = self.put(CONFIG, config.to_string().as_bytes());
        let mut listed = self.manifest(config, self.put(LAYER, &tar));
        listed["platform"] = platform.clone();
        listed
    }

    fn manifest(&self, config: Value, layer: Value) -> Value {
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
        self.put(MANIFEST, manifest.to_string().as_bytes())
    }

    /// What BuildKit files beside an image.
    fn attestation(&self, of: &Value) -> Value {
        let statement =
            self.put("application/vnd.in-toto+json", br#"{"_type":"https://in-toto.io/Statement/v0.1"}"#);
        let unknown = json!({"architecture": "unknown", "os": "unknown"});
        let mut config = unknown.clone();
        config["rootfs"] = json!({"type": "layers", "diff_ids": [statement["digest"]]});
        config["config"] = json!({});
        let mut listed = self.manifest(self.put(CONFIG, config.to_string().as_bytes()), statement);
        listed["platform"] = unknown;
        listed["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": of["digest"],
        });
        listed
    }

    /// Calls an index of these `1`; its digest.
    fn index(&self, listed: &[Value]) -> String {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
        let mut entry = self.put(INDEX, index.to_string().as_bytes());
        let digest = entry["digest"].as_str().unwrap().to_string();
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": "1"});
        let index = json!({"schemaVersion": 2, "manifests": [entry]});
        std::fs::write(self.0.join("index.json"), index.to_string()).unwrap();
        digest
    }

    fn place(&self) -> String {
        format!("oci:{}:1", self.0.display())
    }
}

fn read(layout: &Path, descriptor: &Value) -> Value {
    let path = layout.join("blobs").join(descriptor["digest"].as_str().unwrap().replace(':', "/"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn index_json(layout: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap()
}

#[test]
fn the_version_and_features_of_a_bases_system_stand_in_config_index_and_copies() {
    let shop = Workshop::bare();
    let layout = Layout::new(shop.at("base"));
    let windows = |version: &str| json!({"architecture": "amd64", "os": "windows", "os.version": version, "os.features": ["win32k"]});
    let platforms =
        [windows("10.0.20348.2"), windows("10.0.17763.1"), json!({"architecture": "amd64", "os": "linux"})];
    let digest = layout.index(&platforms.each_ref().map(|platform| layout.image(platform)));

    // Built upon: in the config, and where an index lists the image.
    let (single, several) = (shop.at("single"), shop.at("several"));
    let base = format!("base=oci-layout://{}:1", layout.0.display());
    for (out, platform) in [(&single, "windows/amd64"), (&several, "windows/amd64,linux/amd64")] {
        let output = format!("type=oci,tar=false,dest={}", out.display());
        let flags = ["--build-context", &base, "--platform", platform, "-o", &output];
        shop.build("FROM base\nENV N=1\n", &flags).ok();
    }
    let manifest = &index_json(&single)["manifests"][0];
    assert_eq!(manifest["platform"], platforms[0]);
    let config = read(&single, &read(&single, manifest)["config"]);
    assert_eq!((&config["os.version"], &config["os.features"]), (&"10.0.20348.2".into(), &json!(["win32k"])));
    let index = read(&several, &index_json(&several)["manifests"][0]);
    assert_eq!(index["manifests"][0]["platform"], platforms[0]);
    assert_eq!(index["manifests"][1]["platform"], platforms[2]);

    // Copied: whole byte for byte, and one of it with what it is for; what lies beside it keeps what it says.
    let copy = shop.at("copy");
    let to = |tag: &str| format!("oci:{}:{tag}", copy.display());
    shop.rbuild(&["copy", "--platform", "windows/amd64", &layout.place(), &to("one")]).ok();
    let said = shop.rbuild(&["copy", "--all", &layout.place(), &to("all")]).ok();
    assert_eq!(said.out().trim(), digest);
    let entries = index_json(&copy);
    assert_eq!(entries["manifests"][0]["platform"], platforms[0], "{entries}");
    // And so it is in the layout that a build writes into.
    let output = format!("type=oci,tar=false,dest={}", copy.display());
    shop.build("FROM scratch\nCOPY Dockerfile /\n", &["-o", &output]).ok();
    let entries = index_json(&copy);
    assert_eq!(entries["manifests"].as_array().unwrap().len(), 3, "{entries}");
    assert_eq!(entries["manifests"][0]["platform"], platforms[0], "{entries}");
}

#[test]
fn attestations_are_no_platform_and_go_along_with_a_whole_index() {
    let Some((_dir, registry)) = Registry::fresh() else { return };
    let shop = Workshop::bare();
    let layout = Layout::new(shop.at("attested"));
    let image = layout.image(&json!({"architecture": "amd64", "os": "linux"}));
    let attestation = layout.attestation(&image);
    // First in the index, so that whoever takes the first takes the wrong one.
    let digest = layout.index(&[attestation.clone(), image]);
    let name = registry.name("team/attested:1");
    let client = Client::new(Options::default());
    let is_whole = |name: &str| {
        let name: Reference = name.parse().unwrap();
        assert_eq!(client.resolve(&name).unwrap().digest.to_string(), digest);
        let of = |digest: &Value| digest.as_str().unwrap().parse().unwrap();
        let one = Reference { tag: None, digest: Some(of(&attestation["digest"])), ..name.clone() };
        let manifest: Value = serde_json::from_slice(&client.resolve(&one).unwrap().bytes).unwrap();
        assert!(client.has_blob(&name, &of(&manifest["layers"][0]["digest"])).unwrap());
    };
    let all = |from: &str, to: &str| {
        let said = shop.rbuild(&["copy", "--all", from, to]).ok();
        assert_eq!(said.out().trim(), digest, "{from} to {to}");
    };
    all(&layout.place(), &format!("docker://{name}"));
    is_whole(&name);
    // From registry to registry, and through the store, an archive and a layout.
    all(&format!("docker://{name}"), &format!("docker://{}", registry.name("other/attested:2")));
    is_whole(&registry.name("other/attested:2"));
    all(&format!("docker://{name}"), "store:kept:1");
    let archive = format!("oci-archive:{}:1", shop.arg("all.tar"));
    all("store:kept:1", &archive);
    all(&archive, &format!("docker://{}", registry.name("third/attested:3")));
    is_whole(&registry.name("third/attested:3"));
    // A push is of images, and says what it leaves out.
    shop.rbuild(&["push", "kept:1", &registry.name("fourth/attested:4")]).ok().says(&["without them"]);

    for reader in [name.clone(), "kept:1".to_string()] {
        let other = Workshop::bare();
        let shop = if reader == name { &other } else { &shop };
        shop.build(
            &format!("FROM --platform=linux/amd64 {reader}\nCOPY --from={reader} /about /copied\n"),
            &["--platform", "linux/amd64"],
        )
        .ok();
        assert_eq!(inspect(shop, "it")["config"]["architecture"], "amd64");
        shop.build(&format!("FROM --platform=linux/arm64 {reader}\nENV A=1\n"), &[])
            .says(&["linux/arm64", "linux/amd64"])
            .never_says(&["unknown/unknown"]);
    }
    let other = Workshop::bare();
    other.rbuild(&["pull", "--platform", "linux/amd64", &name]).ok();
    assert_eq!(inspect(&other, &name)["config"]["architecture"], "amd64");
    other
        .rbuild(&["pull", "--platform", "linux/arm64", &name])
        .fails(&["linux/amd64"])
        .never_says(&["unknown"]);
    other
        .rbuild(&["copy", "--platform", "unknown/unknown", &format!("docker://{name}"), "store:x"])
        .fails(&["linux/amd64"]);
    // A build context is no different.
    let context = format!("base=oci-layout://{}:1", layout.0.display());
    shop.build("FROM base\nENV A=1\n", &["--platform", "linux/amd64", "--build-context", &context]).ok();
    assert_eq!(inspect(&shop, "it")["config"]["architecture"], "amd64");
}
