//! Pushes to Debian's docker-registry on loopback (open, with a password, under TLS), read back by skopeo.

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rbuild::http::{self, Trust};
use rbuild::oci::{Digest, Reference};
use rbuild::registry::{Body, Client, Credentials, Error, Options, Outgoing, Pushed};

use crate::registry_server::{Registry, have, openssl, run};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image of one layer that no registry has seen.
struct Sample {
    layer: Vec<u8>,
    config: Vec<u8>,
    manifest: Vec<u8>,
}

impl Sample {
    fn new() -> Sample {
        let noise: Vec<u8> =
            (0..12_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(noise.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "noise", &noise[..]).expect("tar");
        let layer = tar.into_inner().expect("tar");
        let diff_id = Digest::of(&layer);
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
        )
        .into_bytes();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{diff_id}","size":{}}}]}}"#,
            Digest::of(&config),
            config.len(),
            layer.len()
        )
        .into_bytes();
        Sample { layer, config, manifest }
    }

    fn push(&self, client: &Client, to: &Reference, from: &[&str]) -> Result<Vec<Pushed>, Error> {
        let blobs = [&self.layer, &self.config];
        let done = blobs.iter().map(|bytes| push(client, to, bytes, from)).collect::<Result<_, _>>()?;
        client.push_manifest(to, MANIFEST, &self.manifest)?;
        Ok(done)
    }

    /// skopeo fetches every blob and checks its digest.
    fn read_back(&self, dir: &Path, to: &Reference, arguments: &[&str]) {
        let copy = dir.join("read-back");
        let _ = std::fs::remove_dir_all(&copy);
        run(Command::new("skopeo")
            .args(["--insecure-policy", "copy"])
            .args(arguments)
            .arg(format!("docker://{to}"))
            .arg(format!("dir:{}", copy.display())));
        assert_eq!(std::fs::read(copy.join("manifest.json")).expect("there"), self.manifest);
        let layer = std::fs::read(copy.join(Digest::of(&self.layer).hex())).expect("there");
        assert!(layer == self.layer, "the layer differs");
    }
}

fn push(client: &Client, to: &Reference, bytes: &[u8], from: &[&str]) -> Result<Pushed, Error> {
    let open = || -> io::Result<Body> { Ok(Body::bytes(bytes.to_vec())) };
    let sent = Arc::new(AtomicU64::new(0));
    let blob = Outgoing {
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        from: from.iter().map(ToString::to_string).collect(),
        open: &open,
        sent: &sent,
        again: false,
    };
    let done = client.push_blob(to, &blob, &|| false)?;
    let want = if done == Pushed::Sent { bytes.len() as u64 } else { 0 };
    assert_eq!(sent.load(Ordering::Relaxed), want);
    Ok(done)
}

#[test]
fn an_image_is_pushed_mounted_elsewhere_and_not_sent_twice() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let registry = Registry::start(dir.path(), "", "");
    let client = Client::new(Options::default());
    let (sample, to) = (Sample::new(), registry.reference(":1"));
    assert!(matches!(client.push_manifest(&to, MANIFEST, &sample.manifest), Err(Error::Incomplete { .. })));
    assert!(client.resolve(&to).expect_err("no tag").is_not_found());
    assert_eq!(sample.push(&client, &to, &[]).expect("pushes"), [Pushed::Sent; 2]);
    sample.read_back(dir.path(), &to, &["--src-tls-verify=false"]);
    assert_eq!(sample.push(&client, &to, &[]).expect("pushes"), [Pushed::Present; 2]);
    let other: Reference = format!("127.0.0.1:{}/other/name:2", registry.port).parse().expect("valid");
    assert_eq!(sample.push(&client, &other, &["team/app"]).expect("pushes"), [Pushed::Mounted; 2]);
    sample.read_back(dir.path(), &other, &["--src-tls-verify=false"]);
    let third: Reference = format!("127.0.0.1:{}/third:2", registry.port).parse().expect("valid");
    assert_eq!(sample.push(&client, &third, &["no/such"]).expect("pushes"), [Pushed::Sent; 2]);
}

#[test]
fn a_registry_with_a_password_is_pushed_to_with_the_right_one() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let registry = Registry::start(dir.path(), "", &Registry::password(dir.path()));
    let (sample, to) = (Sample::new(), registry.reference(":1"));
    let login = |password: &str| {
        let text = format!(
            r#"{{"auths":{{"127.0.0.1:{}":{{"username":"me","password":"{password}"}}}}}}"#,
            registry.port
        );
        let credentials = Credentials::parse(Path::new("config.json"), &text).expect("valid");
        Client::new(Options { credentials, ..Options::default() })
    };
    sample.push(&login("pw"), &to, &[]).expect("pushes");
    sample.read_back(dir.path(), &to, &["--src-tls-verify=false", "--src-creds=me:pw"]);
    assert!(matches!(sample.push(&login("no"), &to, &[]), Err(Error::Denied { .. })));
    assert!(matches!(sample.push(&Client::new(Options::default()), &to, &[]), Err(Error::Denied { .. })));
}

#[test]
fn a_registry_under_tls_is_pushed_to() {
    if !have(&["docker-registry", "skopeo", "openssl"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let at = dir.path();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(at, &format!("req -x509 {key} -keyout ca.key -out ca.crt -subj /CN=Test-CA -days 2"));
    openssl(at, &format!("req {key} -keyout server.key -out server.csr -subj /CN=registry"));
    std::fs::write(at.join("ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .expect("written");
    openssl(
        at,
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile ext",
    );
    let (certificate, private) = (at.join("server.crt"), at.join("server.key"));
    let tls = format!("  tls:\n    certificate: {}\n    key: {}\n", certificate.display(), private.display());
    let registry = Registry::start(at, &tls, "");
    let (sample, to) = (Sample::new(), registry.reference(":1"));
    let trust = Trust::of(Some(at.join("ca.crt")), None);
    let http = http::Options { trust, ..http::Options::default() };
    let client = Client::new(Options { http, ..Options::default() });
    sample.push(&client, &to, &[]).expect("pushes");
    std::fs::create_dir(at.join("certs")).expect("made");
    std::fs::copy(at.join("ca.crt"), at.join("certs/ca.crt")).expect("copied");
    sample.read_back(at, &to, &[&format!("--src-cert-dir={}", at.join("certs").display())]);
    let said = sample.push(&Client::new(Options::default()), &to, &[]).expect_err("untrusted").to_string();
    assert!(said.contains("SSL_CERT_FILE"), "{said}");
}
