//! A registry in memory with one image, whose answers a test may spoil one by one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::client::{Client, Options};
use crate::http::{self, Answer, Clock, Memory, Method, Seen};
use crate::oci::{Descriptor, Digest, MediaType, Reference, new_descriptor};

/// An index with an image for linux/amd64, and what is in it.
pub(super) struct Sample {
    pub index: Vec<u8>,
    pub manifest: Vec<u8>,
    pub config: Vec<u8>,
    pub layer: Vec<u8>,
}

pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Sample {
    pub fn new() -> Sample {
        let layer: Vec<u8> = (0..300_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let diff_id = Digest::of(b"unpacked");
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
        )
        .into_bytes();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":{}}}]}}"#,
            Digest::of(&config),
            config.len(),
            Digest::of(&layer),
            layer.len()
        )
        .into_bytes();
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{MANIFEST}","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#,
            Digest::of(&manifest),
            manifest.len()
        )
        .into_bytes();
        Sample { index, manifest, config, layer }
    }

    /// The descriptor of the layer.
    pub fn descriptor(&self) -> Descriptor {
        new_descriptor(MediaType::ImageLayerGzip, Digest::of(&self.layer), self.layer.len() as u64)
    }
}

/// What a test does to an honest answer: it sees the request, how often the same was asked before, and the answer.
pub(super) type Trouble = Box<dyn Fn(&Seen, usize, Answer) -> Answer + Send + Sync>;

/// How the registry wants to be asked.
#[derive(Clone)]
pub(super) enum Door {
    Open,
    /// A bearer token, whose server is at this address; it gives out `token-1`, `token-2`, … and the last is valid.
    Token(&'static str),
    Basic,
}

pub(super) struct World {
    pub memory: Arc<Memory>,
    pub sample: Arc<Sample>,
    pub clock: Clock,
    /// Other hosts that the test lets see what belongs to the registry.
    pub friends: Vec<&'static str>,
}

/// What tests show, and the hosts that may see it.
const SECRETS: [(&str, &[&str]); 4] = [
    ("bWU6cHc=", &["reg.example.org", "auth.example.org"]),
    ("s3cret", &["auth.example.org"]),
    ("Bearer token-", &["reg.example.org"]),
    ("b3RoZXI6c2VjcmV0", &["mirror.example.net", "auth.example.net"]),
];

/// Fails if a host saw what does not belong to it, in whatever part of a request.
pub(super) fn assert_secrets_stayed(log: &[Seen], friends: &[&str]) {
    for seen in log {
        let shown = format!(
            "{} {:?} {} {}",
            seen.url.wire(),
            seen.headers,
            seen.authorization.as_ref().map_or("", |secret| secret.reveal()),
            if seen.body.len() < 5000 { String::from_utf8_lossy(&seen.body) } else { Default::default() }
        );
        let host = seen.url.host();
        for (secret, hosts) in SECRETS {
            let may = hosts.contains(&host) || friends.contains(&host);
            assert!(
                may || !shown.contains(secret),
                "{host} was shown {secret}: {} {}",
                seen.method,
                seen.url
            );
            assert!(seen.url.is_tls() || !shown.contains(secret), "{secret} was sent without TLS");
        }
    }
}

/// Every test ends with it, whatever it is about.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_secrets_stayed(&self.memory.log(), &self.friends);
        }
    }
}

pub(super) fn reference() -> Reference {
    "reg.example.org/app:1".parse().expect("valid")
}

impl World {
    pub fn new(door: Door, trouble: Trouble) -> World {
        let sample = Arc::new(Sample::new());
        let honest = sample.clone();
        let counts: Mutex<BTreeMap<String, usize>> = Mutex::default();
        let tokens = Mutex::new(0);
        let memory = Memory::new(move |seen| {
            let key = format!("{} {}", seen.method, seen.url.wire());
            let before = {
                let mut counts = counts.lock().expect("not poisoned");
                let count = counts.entry(key).or_default();
                *count += 1;
                *count - 1
            };
            let answer = answer(&honest, &door, &mut tokens.lock().expect("not poisoned"), seen);
            let mut answer = trouble(seen, before, answer);
            let length = answer.body.len().to_string();
            if !answer.headers.iter().any(|(name, _)| matches!(name.as_str(), "content-length" | "unsized")) {
                answer = answer.header("content-length", length);
            }
            answer
        });
        World { memory: Arc::new(memory), sample, clock: Clock::stepped(), friends: Vec::new() }
    }

    pub fn honest() -> World {
        World::new(Door::Open, Box::new(|_, _, answer| answer))
    }

    pub fn client(&self, options: Options) -> Client {
        let http = http::Options { clock: self.clock.clone(), ..options.http.clone() };
        Client::over(self.memory.clone(), Options { http, ..options })
    }

    pub fn anonymous(&self) -> Client {
        self.client(Options::default())
    }

    /// How often a path that contains `part` was asked for.
    pub fn asked(&self, part: &str) -> usize {
        self.memory.log().iter().filter(|seen| seen.url.path().contains(part)).count()
    }
}

fn answer(sample: &Sample, door: &Door, tokens: &mut usize, seen: &Seen) -> Answer {
    if let Door::Token(realm) = door {
        if seen.url.wire().starts_with(realm) {
            *tokens += 1;
            return Answer::new(200, format!(r#"{{"token":"token-{tokens}","expires_in":300}}"#));
        }
        let valid = format!("Bearer token-{tokens}");
        if *tokens == 0 || seen.authorization.as_ref().map(|a| a.reveal()) != Some(&valid) {
            let challenge = format!(
                r#"Bearer realm="{realm}",service="reg",scope="repository:app:pull",error="invalid_token""#
            );
            return Answer::new(401, r#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}"#)
                .header("www-authenticate", challenge);
        }
    }
    if let Door::Basic = door
        && seen.authorization.as_ref().map(|a| a.reveal()) != Some("Basic bWU6cHc=")
    {
        return Answer::new(401, "").header("www-authenticate", "Basic realm=\"x\"");
    }
    let index = Digest::of(&sample.index).to_string();
    let manifest = Digest::of(&sample.manifest).to_string();
    let Some((kind, name)) = seen.url.path().strip_prefix("/v2/app/").and_then(|p| p.split_once('/')) else {
        return Answer::new(404, "");
    };
    let document = |media_type: &str, bytes: &[u8]| {
        Answer::new(200, bytes)
            .header("content-type", media_type)
            .header("docker-content-digest", Digest::of(bytes).to_string())
    };
    match (kind, name) {
        ("manifests", name) if name == "1" || name == index => document(INDEX, &sample.index),
        ("manifests", name) if name == manifest => document(MANIFEST, &sample.manifest),
        ("blobs", name) if name == Digest::of(&sample.config).to_string() => {
            Answer::new(200, &*sample.config)
        }
        ("blobs", name) if name == Digest::of(&sample.layer).to_string() => ranged(&sample.layer, seen),
        _ => Answer::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#),
    }
}

fn ranged(bytes: &[u8], seen: &Seen) -> Answer {
    assert_eq!(seen.method, Method::GET);
    match seen
        .header("range")
        .and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok())
    {
        None => Answer::new(200, bytes),
        Some(from) => Answer::new(206, &bytes[from..])
            .header("content-range", format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len())),
    }
}
