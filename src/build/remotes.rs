//! What is fetched for a build: each URL and repository becomes a layer in the store, remembered with what it was made of.
//!
//! A record says which layer came of what the last time, so that a server is only asked whether that still holds: a URL
//! by its validators, a branch by its commit; a commit or a checksum that was seen before is not asked about at all.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::interrupt::Interrupt;
use super::options::Options;
use super::remote_secrets::{git_authorization, url_authorization};
use crate::graph::{GitSource, PreImage, Remote, UrlSource};
use crate::http::{Canceled, Client};
use crate::oci::{DiffId, Digest, Epoch};
use crate::progress::{Event, Sink, StepNumber};
use crate::source::{
    Fetched, GitAccess, GitQuery, Resolved, Validators, fetch_git, fetch_url, local_commit_time, resolve_git,
};
use crate::store::Store;
use crate::tree::{Entry, Kind, RootPath, Time};
use crate::worker::Secrets;

/// Fetches.
pub struct Remotes<'a> {
    /// Where layers and records go.
    pub store: &'a Store,
    /// How servers are reached.
    pub options: &'a Options,
    /// As whom.
    pub secrets: &'a Secrets,
    /// The agent that repositories over SSH are asked with.
    pub agent: Option<PathBuf>,
    /// Whether to stop.
    pub interrupt: Arc<Interrupt>,
    /// Made when first needed.
    pub client: OnceLock<Client>,
}

/// Something that was fetched, now or before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The layer that holds it.
    pub layer: DiffId,
    /// A commit's time.
    pub commit_time: Option<i64>,
    #[serde(default)]
    etag: Option<String>,
    #[serde(default)]
    last_modified: Option<String>,
}

impl Remotes<'_> {
    /// Fetches `remote`; its files get the time `epoch`, or their own.
    pub fn fetch(
        &self,
        remote: &Remote,
        epoch: Option<Epoch>,
        step: StepNumber,
        sink: &dyn Sink,
    ) -> Result<Stored, Error> {
        match remote {
            Remote::Url(url) => self.url(url, epoch, step, sink),
            Remote::Git(git) => self.git(git, epoch, step, sink),
        }
    }

    /// The time of the commit that a directory of this machine is at.
    pub fn local_commit_time(&self, directory: &std::path::Path) -> Result<i64, Error> {
        Ok(local_commit_time(directory, &self.git_access()?, &|| self.interrupt.is_fired())?)
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| {
            let mut options = self.options.registry.http.clone();
            let interrupt = Arc::clone(&self.interrupt);
            options.canceled = Canceled::new(move || interrupt.is_fired());
            Client::new(options)
        })
    }

    /// What is remembered under `key`, if its layer is here.
    fn stored(&self, key: &Digest) -> Result<Option<Stored>, Error> {
        let Some(bytes) = self.store.record(key)? else { return Ok(None) };
        let Ok(stored) = serde_json::from_slice::<Stored>(&bytes) else { return Ok(None) };
        Ok(Some(stored).filter(|stored| self.store.has_layer(stored.layer).unwrap_or(false)))
    }

    fn store(&self, keys: &[Digest], stored: &Stored) -> Result<(), Error> {
        let bytes = serde_json::to_vec(stored).expect("a record has only string keys");
        for key in keys {
            self.store.put_record(key, &bytes, &[stored.layer])?;
        }
        Ok(())
    }

    fn url(
        &self,
        source: &UrlSource,
        epoch: Option<Epoch>,
        step: StepNumber,
        sink: &dyn Sink,
    ) -> Result<Stored, Error> {
        let UrlSource { url, name, checksum } = source;
        let notice = |message: String| sink.send(Event::Notice { step, message });
        let by_digest = |digest: &Digest| url_key("digest", &digest.to_string(), name, epoch);
        let by_address = url_key("address", url, name, epoch);
        if let Some(stored) =
            checksum.as_ref().map(|digest| self.stored(&by_digest(digest))).transpose()?.flatten()
        {
            notice("in the store, by checksum".to_string());
            return Ok(stored);
        }
        let known = self.stored(&by_address)?.filter(|_| checksum.is_none());
        let validators = known.as_ref().map_or_else(Validators::default, |stored| Validators {
            etag: stored.etag.clone(),
            last_modified: stored.last_modified.clone(),
        });
        let authorization = url_authorization(url, self.secrets)?;
        let directory = self.store.temp_dir()?;
        let spool = || {
            tempfile::tempfile_in(directory.path()).map_err(Error::io("making a temporary file in the store"))
        };
        let mut file = spool()?;
        let progress = |current| sink.send(Event::Transfer { step, what: by_address, current, total: None });
        let canceled = || self.interrupt.is_fired();
        let fetched =
            fetch_url(self.client(), url, authorization, &validators, &mut file, &progress, &canceled)
                .map_err(|error| if self.interrupt.is_fired() { Error::Interrupted } else { error.into() })?;
        let body = match (fetched, known) {
            (Fetched::Unchanged, Some(known)) => {
                notice("not modified: from the store".to_string());
                return Ok(known);
            }
            (Fetched::Unchanged, None) => unreachable!("nothing was said to be known"),
            (Fetched::Body(body), _) => body,
        };
        if let Some(wanted) = checksum.filter(|wanted| *wanted != body.digest) {
            return Err(Error::Checksum { url: source.to_string(), wanted, found: body.digest });
        }
        notice(format!("{} bytes, {}", body.size, body.digest));
        let modified = || body.validators.modified().unwrap_or(crate::oci::LAYER_EPOCH.0);
        let mtime = Time::from_seconds(epoch.map_or_else(modified, |epoch| epoch.0));
        let kind = Kind::File { size: body.size, digest: body.digest };
        let path = RootPath::root().join(name.as_bytes());
        let entry = Entry { kind, mode: 0o600, ..Entry::directory(path, mtime) };
        std::io::Seek::rewind(&mut file).map_err(Error::io("reading what was fetched"))?;
        let mut writer = self.store.layer_writer()?;
        writer.entry(&entry, Some(&mut file))?;
        let stored = Stored {
            layer: writer.commit()?.diff_id,
            commit_time: None,
            etag: body.validators.etag.clone(),
            last_modified: body.validators.last_modified.clone(),
        };
        self.store(&[by_address, by_digest(&body.digest)], &stored)?;
        Ok(stored)
    }

    fn git(
        &self,
        source: &GitSource,
        epoch: Option<Epoch>,
        step: StepNumber,
        sink: &dyn Sink,
    ) -> Result<Stored, Error> {
        let notice = |message: String| sink.send(Event::Notice { step, message });
        let query = GitQuery {
            repository: source.repository.clone(),
            reference: source.reference.clone(),
            subdirectory: source.subdirectory.clone(),
            checksum: source.checksum.clone(),
            by_commit: source.by_commit,
            keep_git_dir: source.keep_git_dir,
            submodules: source.submodules != Some(false),
        };
        let access = self.git_access()?;
        let canceled = || self.interrupt.is_fired();
        let told = |error: crate::source::Error| match error {
            crate::source::Error::Canceled => Error::Interrupted,
            other => Error::Source(other),
        };
        let directory = self.store.temp_dir()?;
        let resolved = resolve_git(&query, &access, directory.path(), &canceled).map_err(told)?;
        let of = resolved.name.as_deref().map(|name| format!(" is {name}")).unwrap_or_default();
        notice(format!("{}{of}", resolved.commit));
        let key = git_key(&query, &resolved, epoch);
        let stored = match self.stored(&key)? {
            Some(stored) => stored,
            None => {
                let directory = self.store.temp_dir()?;
                let spool = tempfile::tempfile_in(directory.path())
                    .map_err(Error::io("making a temporary file in the store"))?;
                let time = epoch.map(|epoch| Time::from_seconds(epoch.0));
                let work = directory.path().join("git");
                std::fs::create_dir(&work).map_err(Error::io("making a directory in the store"))?;
                let tree = fetch_git(&query, &resolved, &access, &work, Arc::new(spool), time, &canceled)
                    .map_err(told)?;
                let mut writer = self.store.layer_writer()?;
                for (index, entry) in tree.entries.iter().enumerate() {
                    match entry.kind {
                        Kind::File { .. } => writer.entry(entry, Some(&mut tree.content(index)))?,
                        _ => writer.entry(entry, None)?,
                    }
                }
                let stored = Stored {
                    layer: writer.commit()?.diff_id,
                    commit_time: Some(tree.commit_time),
                    etag: None,
                    last_modified: None,
                };
                self.store(&[key], &stored)?;
                stored
            }
        };
        Ok(stored)
    }

    fn git_access(&self) -> Result<GitAccess, Error> {
        Ok(GitAccess {
            path: self.options.programs.clone(),
            known_hosts: self.options.known_hosts.clone(),
            proxies: self.options.registry.http.proxies.clone(),
            trust: self.options.registry.http.trust.clone(),
            authorization: git_authorization(self.secrets)?,
            agent: self.agent.clone(),
        })
    }
}

fn time_text(epoch: Option<Epoch>) -> String {
    epoch.map_or("own".to_string(), |epoch| epoch.to_string())
}

/// What a file is remembered under: where it came from or what it is, and all that its layer is made of besides.
fn url_key(kind: &str, value: &str, name: &str, epoch: Option<Epoch>) -> Digest {
    let mut memo = PreImage::default();
    memo.push("remote url", 1);
    memo.push(kind, value);
    memo.push("name", name);
    memo.push("time", time_text(epoch));
    memo.key()
}

/// What a commit's files are remembered under. The address counts: whoever may not read one repository shall not get its
/// files by naming a commit of it at another.
fn git_key(query: &GitQuery, resolved: &Resolved, epoch: Option<Epoch>) -> Digest {
    let GitQuery {
        repository,
        reference: _,
        subdirectory,
        checksum: _,
        by_commit: _,
        keep_git_dir,
        submodules,
    } = query;
    let Resolved { commit, tag, name } = resolved;
    let mut memo = PreImage::default();
    memo.push("remote git", 1);
    memo.push("repository", repository);
    memo.push("commit", commit);
    memo.push("directory", subdirectory);
    memo.push("submodules", submodules);
    memo.push("time", time_text(epoch));
    if *keep_git_dir {
        memo.push("git directory", format!("{tag:?} {name:?}"));
    }
    memo.key()
}
