//! Pulls from Debian's docker-registry on loopback, filled by skopeo: open, with a password, and under TLS.

use std::io::Write;
use std::path::{Path, PathBuf};

use rbuild::http::{self, Trust};
use rbuild::oci::{Digest, Platform};
use rbuild::registry::{Client, Credentials, Error, Kind, Options};

use crate::registry_server::{Registry, have, openssl};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An OCI layout with an index of two platforms; the layer of linux/amd64.
fn layout(dir: &Path) -> (PathBuf, Vec<u8>) {
    let layout = dir.join("layout");
    std::fs::create_dir_all(layout.join("blobs/sha256")).expect("made");
    let put = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        std::fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes).expect("written");
        (digest, bytes.len())
    };
    let mut manifests = Vec::new();
    let mut first = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let noise: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(noise.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("noise-{architecture}"), &noise[..]).expect("tar");
        let tar = tar.into_inner().expect("tar");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&tar).expect("gzip");
        let layer = gzip.finish().expect("gzip");
        let (layer_digest, layer_size) = put(&layer);
        let (config_digest, config_size) = put(
            format!(
                r#"{{"architecture":"{architecture}","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
                Digest::of(&tar)
            )
            .as_bytes(),
        );
        let (digest, size) = put(
            format!(
                r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{config_size}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{layer_digest}","size":{layer_size}}}]}}"#
            )
            .as_bytes(),
        );
        manifests.push(format!(
            r#"{{"mediaType":"{MANIFEST}","digest":"{digest}","size":{size},"platform":{{"os":"linux","architecture":"{architecture}"}}}}"#
        ));
        if first.is_empty() {
            first = layer;
        }
    }
    let (digest, size) =
        put(format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, manifests.join(","))
            .as_bytes());
    let top = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{INDEX}","digest":"{digest}","size":{size},"annotations":{{"org.opencontainers.image.ref.name":"1"}}}}]}}"#
    );
    std::fs::write(layout.join("index.json"), top).expect("written");
    std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("written");
    (layout, first)
}

fn amd64() -> Platform {
    "linux/amd64".parse().expect("valid")
}

#[test]
fn an_image_in_docker_registry_is_pulled_by_tag_and_by_digest() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let (layout, layer) = layout(dir.path());
    let registry = Registry::start(dir.path(), "", "");
    registry.fill(&layout, &["--dest-tls-verify=false"]);
    let client = Client::new(Options::default());
    let reference = registry.reference(":1");
    let image = client.image(&reference, &amd64()).expect("pulls");
    assert_eq!(image.resolved.kind, Kind::Index);
    assert_eq!(image.config.architecture, "amd64");
    let mut bytes = Vec::new();
    client.blob(&reference, &image.layers()[0], &mut bytes, &|_| {}, &|| false).expect("pulls");
    assert!(bytes == layer, "the layer differs");
    assert_eq!(client.digest(&reference).expect("asks"), Some(image.resolved.digest));
    let pinned = registry.reference(&format!("@{}", image.resolved.digest));
    assert_eq!(client.resolve(&pinned).expect("by digest").bytes, image.resolved.bytes);
    let direct = registry.reference(&format!("@{}", image.manifest.digest));
    assert_eq!(client.image(&direct, &amd64()).expect("a manifest alone").resolved.kind, Kind::Manifest);
    assert!(client.resolve(&registry.reference(":2")).expect_err("missing").is_not_found());
    let s390x: Platform = "linux/s390x".parse().expect("valid");
    let said = client.image(&reference, &s390x).expect_err("none").to_string();
    assert!(said.contains("it has: linux/amd64, linux/arm64"), "{said}");
    let all: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let pull = || {
            let mut bytes = Vec::new();
            client.blob(&reference, &image.layers()[0], &mut bytes, &|_| {}, &|| false).expect("pulls");
            bytes
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(pull)).collect();
        threads.into_iter().map(|t| t.join().expect("ends")).collect()
    });
    assert!(all.iter().all(|bytes| *bytes == layer));
}

#[test]
fn a_registry_with_a_password_is_pulled_from_with_the_right_one() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let (layout, _) = layout(dir.path());
    let auth = Registry::password(dir.path());
    let registry = Registry::start(dir.path(), "", &auth);
    registry.fill(&layout, &["--dest-tls-verify=false", "--dest-creds=me:pw"]);
    let reference = registry.reference(":1");
    let login = |password: &str| {
        let text = format!(
            r#"{{"auths":{{"127.0.0.1:{}":{{"username":"me","password":"{password}"}}}}}}"#,
            registry.port
        );
        let credentials = Credentials::parse(Path::new("config.json"), &text).expect("valid");
        Client::new(Options { credentials, ..Options::default() })
    };
    login("pw").image(&reference, &amd64()).expect("pulls");
    let error = login("no").resolve(&reference).expect_err("wrong password");
    assert!(matches!(error, Error::Denied { .. }), "{error}");
    let said = Client::new(Options::default()).resolve(&reference).expect_err("anonymous").to_string();
    assert!(said.contains(&format!("rbuild login 127.0.0.1:{}", registry.port)), "{said}");
}

#[test]
fn a_registry_under_tls_is_trusted_through_its_authority_alone() {
    if !have(&["docker-registry", "skopeo", "openssl"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let at = dir.path();
    let (layout, layer) = layout(at);
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(at, &format!("req -x509 {key} -keyout ca.key -out ca.crt -subj /CN=Test-CA -days 2"));
    openssl(at, &format!("req {key} -keyout server.key -out server.csr -subj /CN=registry"));
    std::fs::write(at.join("ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .expect("written");
    openssl(
        at,
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile ext",
    );
    let tls = |certificate: &str, key: &str| {
        let (certificate, key) = (at.join(certificate), at.join(key));
        format!("  tls:\n    certificate: {}\n    key: {}\n", certificate.display(), key.display())
    };
    let registry = Registry::start(at, &tls("server.crt", "server.key"), "");
    std::fs::create_dir(at.join("certs")).expect("made");
    std::fs::copy(at.join("ca.crt"), at.join("certs/ca.crt")).expect("copied");
    registry.fill(&layout, &[&format!("--dest-cert-dir={}", at.join("certs").display())]);
    let trusting = |file: &str| {
        let trust = Trust::of(Some(at.join(file)), None);
        Client::new(Options {
            http: http::Options { trust, ..http::Options::default() },
            ..Options::default()
        })
    };
    let reference = registry.reference(":1");
    let client = trusting("ca.crt");
    let image = client.image(&reference, &amd64()).expect("pulls");
    let mut bytes = Vec::new();
    client.blob(&reference, &image.layers()[0], &mut bytes, &|_| {}, &|| false).expect("pulls");
    assert!(bytes == layer, "the layer differs");
    let said = Client::new(Options::default()).resolve(&reference).expect_err("untrusted").to_string();
    assert!(said.contains("SSL_CERT_FILE"), "loopback is no reason to fall back to plain text: {said}");
    drop(registry);

    openssl(
        at,
        &format!(
            "req -x509 {key} -keyout self.key -out self.crt -subj /CN=self -days 2 -addext subjectAltName=IP:127.0.0.1"
        ),
    );
    let registry = Registry::start(at, &tls("self.crt", "self.key"), "");
    let said = trusting("self.crt").resolve(&registry.reference(":1")).expect_err("an authority").to_string();
    assert!(said.contains("CA:FALSE"), "{said}");
}
