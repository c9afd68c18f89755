//! A registry in memory that can be pushed to, and troubled at each request.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};

use super::client::{Client, Options};
use super::error::Error;
use super::fake::assert_secrets_stayed;
use super::push::{Body, Outgoing, Pushed};
use crate::http::{self, Answer, Clock, Fault, Memory, Seen};
use crate::oci::{Digest, Reference};

/// What happens to a request.
pub(crate) enum Verdict {
    /// Nothing unusual.
    Pass,
    /// This answer, and nothing is done.
    Say(Answer),
    /// So many bytes of the body arrive, then this.
    Take(usize, Answer),
    /// All is done, but the answer is this.
    Lose(Answer),
}

/// Sees each request, its number from 0, and what the registry has; says what happens.
pub(crate) type Trouble = Box<dyn Fn(&Seen, usize, &mut State) -> Verdict + Send + Sync>;

#[derive(Default)]
pub(crate) struct State {
    /// By repository and digest.
    pub blobs: BTreeMap<(String, Digest), Vec<u8>>,
    /// By repository and tag or digest.
    pub manifests: BTreeMap<(String, String), Vec<u8>>,
    pub uploads: BTreeMap<String, Vec<u8>>,
    /// The scopes of each token that was given out.
    pub tokens: Vec<String>,
    /// Bytes of blobs that arrived.
    pub taken: usize,
    pub requests: usize,
    sessions: usize,
}

pub(crate) struct Twin {
    pub memory: Arc<Memory>,
    pub state: Arc<Mutex<State>>,
    pub clock: Clock,
}

pub(crate) fn to(text: &str) -> Reference {
    format!("reg.example.org/{text}").parse().expect("valid")
}

/// The noise that tests send: larger than a part of an upload in parts.
pub(crate) fn noise(size: u32) -> Vec<u8> {
    (0..size).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub(crate) fn broken() -> Answer {
    Answer::new(200, "").fault(Fault::Before(http::FailureKind::Broken))
}

/// Every test ends with it, whatever it is about.
impl Drop for Twin {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_secrets_stayed(&self.memory.log(), &[]);
        }
    }
}

impl Twin {
    /// With a token server at `https://auth.example.org/token`, if `locked`.
    pub fn new(locked: bool, trouble: Trouble) -> Twin {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let memory = Memory::new(move |seen| {
            let mut state = shared.lock().expect("not poisoned");
            let number = state.requests;
            state.requests += 1;
            let answer = match trouble(seen, number, &mut state) {
                Verdict::Say(answer) => answer,
                Verdict::Take(count, answer) => {
                    let id = seen.url.path().rsplit('/').next().unwrap_or_default().to_string();
                    let part = &seen.body[..count.min(seen.body.len())];
                    state.taken += part.len();
                    state.uploads.entry(id).and_modify(|upload| upload.extend_from_slice(part));
                    answer
                }
                Verdict::Lose(answer) => {
                    serve(&mut state, locked, seen);
                    answer
                }
                Verdict::Pass => serve(&mut state, locked, seen),
            };
            let length = answer.body.len().to_string();
            answer.header("content-length", length)
        });
        Twin { memory: Arc::new(memory), state, clock: Clock::stepped() }
    }

    pub fn honest() -> Twin {
        Twin::new(false, Box::new(|_, _, _| Verdict::Pass))
    }

    pub fn client(&self, options: Options) -> Client {
        let http = http::Options { clock: self.clock.clone(), ..options.http.clone() };
        Client::over(self.memory.clone(), Options { http, ..options })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    /// Pushes `bytes` as a blob.
    pub fn push(&self, name: &str, bytes: &[u8], from: &[&str]) -> Result<Pushed, Error> {
        push(&self.client(Options::default()), name, bytes, from, false)
    }

    /// How often `method` was asked.
    pub fn asked(&self, method: &str) -> usize {
        self.memory.log().iter().filter(|seen| seen.method.as_str() == method).count()
    }
}

pub(crate) fn push(
    client: &Client,
    name: &str,
    bytes: &[u8],
    from: &[&str],
    again: bool,
) -> Result<Pushed, Error> {
    let open = || -> io::Result<Body> { Ok(Body::bytes(bytes.to_vec())) };
    let blob = Outgoing {
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        from: from.iter().map(ToString::to_string).collect(),
        open: &open,
        sent: &Arc::new(AtomicU64::new(0)),
        again,
    };
    client.push_blob(&to(name), &blob, &|| false)
}

pub(crate) fn unknown(code: &str, digest: &str) -> Answer {
    let detail =
        if digest.is_empty() { String::new() } else { format!(r#","detail":{{"digest":"{digest}"}}"#) };
    Answer::new(404, format!(r#"{{"errors":[{{"code":"{code}","message":"unknown"{detail}}}]}}"#))
}

fn query(seen: &Seen, name: &str) -> Option<String> {
    let wire = seen.url.wire();
    let (_, query) = wire.split_once('?')?;
    let value = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1;
    Some(value.replace("%3A", ":").replace("%2F", "/").replace("%2C", ","))
}

fn serve(state: &mut State, locked: bool, seen: &Seen) -> Answer {
    if seen.url.host() == "auth.example.org" {
        let wire = seen.url.wire();
        let pairs = wire.split('?').nth(1).unwrap_or_default().split('&');
        let scopes: Vec<String> =
            pairs.filter_map(|p| p.strip_prefix("scope=")).map(str::to_string).collect();
        state.tokens.push(scopes.join(" ").replace("%3A", ":").replace("%2C", ",").replace("%2F", "/"));
        return Answer::new(200, format!(r#"{{"token":"token-{}","expires_in":300}}"#, state.tokens.len()));
    }
    assert_eq!(seen.url.host(), "reg.example.org", "nobody else is asked");
    if locked {
        let token = seen.authorization.as_ref().and_then(|a| a.reveal().strip_prefix("Bearer token-"));
        let given =
            token.and_then(|n| n.parse::<usize>().ok()).and_then(|n| state.tokens.get(n.checked_sub(1)?));
        let mut needed =
            vec![if matches!(seen.method.as_str(), "GET" | "HEAD") { ":pull" } else { ":pull,push" }];
        let from = query(seen, "from").map(|from| format!("repository:{from}:pull"));
        needed.extend(from.as_deref());
        if !given.is_some_and(|given| needed.iter().all(|needed| given.contains(needed))) {
            return Answer::new(401, "").header(
                "www-authenticate",
                r#"Bearer realm="https://auth.example.org/token",service="reg""#,
            );
        }
    }
    let path = seen.url.path().trim_start_matches("/v2/").to_string();
    let method = seen.method.as_str();
    if let Some(repository) = path.strip_suffix("/tags/list") {
        let (after, most) = (query(seen, "last").unwrap_or_default(), query(seen, "n"));
        let names = state.manifests.keys().filter(|(of, _)| of == repository).map(|(_, name)| name.as_str());
        let tags = names.filter(|name| !name.contains(':') && *name > after.as_str());
        let tags: Vec<&str> = tags.take(most.and_then(|n| n.parse().ok()).unwrap_or(usize::MAX)).collect();
        return Answer::new(200, serde_json::json!({"name": repository, "tags": tags}).to_string());
    }
    if let Some((repository, name)) = path.split_once("/manifests/") {
        return manifest(state, method, repository, name, seen);
    }
    let Some((repository, rest)) = path.split_once("/blobs/") else { return Answer::new(404, "") };
    let repository = repository.to_string();
    match (method, rest.strip_prefix("uploads/")) {
        ("GET", None) => match rest.parse().ok().and_then(|d| state.blobs.get(&(repository, d))) {
            Some(bytes) => Answer::new(200, bytes.clone()),
            None => unknown("BLOB_UNKNOWN", ""),
        },
        ("HEAD", None) => match rest.parse().ok().and_then(|d| state.blobs.get(&(repository, d))) {
            Some(_) => Answer::new(200, ""),
            None => unknown("BLOB_UNKNOWN", ""),
        },
        ("POST", Some("")) => {
            let mounted =
                query(seen, "from").zip(query(seen, "mount").and_then(|d| d.parse::<Digest>().ok()));
            if let Some(blob) = mounted.clone().and_then(|from| state.blobs.get(&from)).cloned() {
                state.blobs.insert((repository, mounted.expect("just seen").1), blob);
                return Answer::new(201, "");
            }
            state.sessions += 1;
            let id = format!("session-{}", state.sessions);
            state.uploads.insert(id.clone(), Vec::new());
            Answer::new(202, "").header("location", format!("/v2/{repository}/blobs/uploads/{id}?state=x"))
        }
        ("DELETE", Some(id)) => match state.uploads.remove(id) {
            Some(_) => Answer::new(204, ""),
            None => unknown("BLOB_UPLOAD_UNKNOWN", ""),
        },
        (_, Some(id)) => {
            assert!(seen.url.wire().contains("state=x"), "the query of a location is kept");
            let Some(upload) = state.uploads.get_mut(id) else { return unknown("BLOB_UPLOAD_UNKNOWN", "") };
            if let Some(range) = seen.header("content-range") {
                let begin = range.split('-').next().and_then(|n| n.parse().ok());
                if begin != Some(upload.len()) {
                    return Answer::new(416, "");
                }
            }
            upload.extend_from_slice(&seen.body);
            state.taken += seen.body.len();
            let status = Answer::new(if method == "GET" { 204 } else { 202 }, "")
                .header("location", format!("/v2/{repository}/blobs/uploads/{id}?state=x"))
                .header("range", format!("0-{}", upload.len().saturating_sub(1)));
            if method != "PUT" {
                return status;
            }
            let bytes = state.uploads.remove(id).expect("just seen");
            let digest = Digest::of(&bytes);
            if query(seen, "digest") != Some(digest.to_string()) {
                return Answer::new(400, r#"{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}"#);
            }
            state.blobs.insert((repository, digest), bytes);
            Answer::new(201, "").header("location", "/v2/x")
        }
        _ => Answer::new(405, ""),
    }
}

fn manifest(state: &mut State, method: &str, repository: &str, name: &str, seen: &Seen) -> Answer {
    let key = (repository.to_string(), name.to_string());
    if method == "HEAD" {
        return match state.manifests.get(&key) {
            Some(bytes) => {
                Answer::new(200, "").header("docker-content-digest", Digest::of(bytes).to_string())
            }
            None => unknown("MANIFEST_UNKNOWN", ""),
        };
    }
    if method == "GET" {
        return match state.manifests.get(&key) {
            Some(bytes) => Answer::new(200, bytes.clone())
                .header("content-type", "application/vnd.oci.image.manifest.v1+json")
                .header("docker-content-digest", Digest::of(bytes).to_string()),
            None => unknown("MANIFEST_UNKNOWN", ""),
        };
    }
    let text = String::from_utf8_lossy(&seen.body).into_owned();
    let named = text.split('"').filter_map(|word| word.parse::<Digest>().ok());
    let missing =
        named.into_iter().find(|digest| !state.blobs.contains_key(&(repository.to_string(), *digest)));
    if let Some(missing) = missing {
        return unknown("MANIFEST_BLOB_UNKNOWN", &missing.to_string());
    }
    let digest = Digest::of(&seen.body).to_string();
    state.manifests.insert((repository.to_string(), digest.clone()), seen.body.clone());
    state.manifests.insert(key, seen.body.clone());
    Answer::new(201, "").header("docker-content-digest", digest)
}
