//! The Dockerfile's text, wherever it is, and the build context that comes with it.

use std::io::Read;
use std::path::PathBuf;

use super::error::{Error, Excerpt, Failure};
use super::layer_file::read_layer_file;
use super::options::{Context, DockerfileFrom, Options};
use super::remotes::Remotes;
use crate::dockerfile::{self, Dockerfile};
use crate::graph::{Location, Remote, UrlSource};
use crate::layer::Limits;
use crate::oci::{DiffId, Epoch, LAYER_EPOCH};
use crate::plan::LayerEpoch;
use crate::progress::{Sink, StepNumber};
use crate::source::{DockerfileText, Input, Local, read_archive_dockerfile, read_dockerfile, read_input};
use crate::store::Store;
use crate::worker::ContextFiles;

/// LIMIT: larger Dockerfiles are refused before they are read whole.
const LARGEST: u64 = 16 << 20;

/// The Dockerfile that was read.
pub struct Inputs {
    /// The Dockerfile.
    pub dockerfile: DockerfileText,
    /// When the context's commit was made, where it has one.
    pub commit_time: Option<Epoch>,
}

/// What reading takes part in.
pub struct Reading<'a> {
    /// What is asked for.
    pub options: &'a Options,
    /// Where what is fetched goes.
    pub store: &'a Store,
    /// Who fetches.
    pub remotes: &'a Remotes<'a>,
    /// The step that this is.
    pub step: StepNumber,
    /// Who watches.
    pub sink: &'a dyn Sink,
}

impl Inputs {
    /// Reads the Dockerfile, and standard input if either it or the context is there; opens the build context.
    pub fn read(
        reading: &Reading<'_>,
        stdin: Box<dyn Read + Send + '_>,
    ) -> Result<(Inputs, ContextFiles), Error> {
        let Reading { options, store, remotes, .. } = reading;
        let from = &options.dockerfile;
        let given = match from {
            DockerfileFrom::Url(url) => Some(reading.dockerfile_of(url)?),
            DockerfileFrom::Default | DockerfileFrom::Path(_) | DockerfileFrom::Stdin => None,
        };
        let (dockerfile, files, commit_time) = match (&options.context, from) {
            (Context::Stdin, DockerfileFrom::Stdin) => {
                return Err(Error::Usage(
                    "both the context and the Dockerfile are to come from standard input: only one can"
                        .to_string(),
                ));
            }
            (Context::Stdin, from) => {
                let (dockerfile, files) = from_stream(store, "-", stdin, from, given)?;
                (dockerfile, files, None)
            }
            (Context::Directory(directory), from) => {
                let local = Local::open(directory)?;
                let dockerfile = match (from, given) {
                    (_, Some(given)) => given,
                    (DockerfileFrom::Stdin, None) => from_stdin(stdin)?,
                    (DockerfileFrom::Path(path), None) => read_dockerfile(Some(&local), Some(path))?,
                    (DockerfileFrom::Default | DockerfileFrom::Url(_), None) => {
                        read_dockerfile(Some(&local), None)?
                    }
                };
                let commit_time = match options.image_epoch_of_commit {
                    true => Some(Epoch(remotes.local_commit_time(directory)?)),
                    false => None,
                };
                (dockerfile, ContextFiles::Directory(local), commit_time)
            }
            (Context::Remote(remote), from) => {
                let given = match from {
                    DockerfileFrom::Stdin => Some(from_stdin(stdin)?),
                    // A path in the context is relative; an absolute one is on this machine.
                    DockerfileFrom::Path(path) if path.is_absolute() && path.is_file() => {
                        Some(read_dockerfile(None, Some(path))?)
                    }
                    _ => given,
                };
                reading.remote(remote, given)?
            }
        };
        if options.image_epoch_of_commit && commit_time.is_none() {
            return Err(Error::Usage("--source-date-epoch git: the build context has no commit".to_string()));
        }
        Ok((Inputs { dockerfile, commit_time }, files))
    }

    /// The text as a syntax tree; the error shows the line.
    pub fn parse(&self) -> Result<Dockerfile, Failure> {
        self.text().and_then(dockerfile::parse).map_err(|source| {
            let lines = source.lines.clone();
            let location = lines.map(|lines| Location { first: *lines.start(), last: *lines.end() });
            Failure { error: Error::Parse(source), excerpt: self.excerpt(location) }
        })
    }

    /// The lines at `location`, for an error.
    pub fn excerpt(&self, location: Option<Location>) -> Option<Box<Excerpt>> {
        let location = location.filter(|location| location.first > 0)?;
        let text = self.text().ok()?.to_string();
        Some(Box::new(Excerpt { name: self.dockerfile.name.clone(), text, location }))
    }

    fn text(&self) -> Result<&str, dockerfile::Error> {
        dockerfile::decode(&self.dockerfile.bytes)
    }
}

impl Reading<'_> {
    fn dockerfile_of(&self, url: &UrlSource) -> Result<DockerfileText, Error> {
        let stored =
            self.remotes.fetch(&Remote::Url(url.clone()), Some(LAYER_EPOCH), self.step, self.sink)?;
        let bytes = read_layer_file(self.store, stored.layer, &url.name)?.unwrap_or_default();
        // No file of this machine is beside it.
        Ok(DockerfileText { name: url.to_string(), path: PathBuf::from("-"), bytes })
    }

    /// A context that is fetched, with the Dockerfile that was `given` or the one in it.
    fn remote(
        &self,
        remote: &Remote,
        given: Option<DockerfileText>,
    ) -> Result<(DockerfileText, ContextFiles, Option<Epoch>), Error> {
        let mut remote = remote.clone();
        if let Remote::Git(git) = &mut remote {
            let keep = self.options.build_args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
            git.keep_git_dir |= keep
                .is_some_and(|value| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"));
        }
        let stored = self.remotes.fetch(&remote, self.epoch(&remote), self.step, self.sink)?;
        let layer = ContextFiles::Layer(stored.layer);
        let name = match &remote {
            Remote::Git(_) => {
                let dockerfile = match given {
                    Some(given) => given,
                    None => self.in_layer(stored.layer, &remote)?,
                };
                return Ok((dockerfile, layer, stored.commit_time.map(Epoch)));
            }
            Remote::Url(url) => &url.name,
        };
        let whole = self.store.layer(stored.layer)?;
        let whole = whole.ok_or(crate::worker::Error::Lost(stored.layer))?;
        let bytes = self.store.contents(&whole, &[0])?.open(0)?;
        let from = match &self.options.dockerfile {
            DockerfileFrom::Stdin => &DockerfileFrom::Default,
            from => from,
        };
        let (dockerfile, files) = from_stream(self.store, name, Box::new(bytes), from, given)?;
        // COMPAT: a Dockerfile behind a URL has a context with one file: itself.
        let files = if matches!(files, ContextFiles::Empty) { layer } else { files };
        Ok((dockerfile, files, None))
    }

    /// The time of a fetched context's files; none for their own.
    fn epoch(&self, remote: &Remote) -> Option<Epoch> {
        if matches!(remote, Remote::Git(git) if git.commit_time) {
            return None;
        }
        match self.options.layer_epoch {
            LayerEpoch::Constant(epoch) => Some(epoch),
            LayerEpoch::Source => self.options.image_epoch,
            LayerEpoch::Preserve => None,
        }
    }

    fn in_layer(&self, layer: DiffId, remote: &Remote) -> Result<DockerfileText, Error> {
        let named = match &self.options.dockerfile {
            DockerfileFrom::Path(path) => vec![path.display().to_string()],
            _ => ["Dockerfile", "dockerfile", "Containerfile"].map(str::to_string).to_vec(),
        };
        for name in &named {
            if let Some(bytes) = read_layer_file(self.store, layer, name)? {
                return Ok(DockerfileText { name: name.clone(), path: PathBuf::from(name), bytes });
            }
        }
        let (tried, context) = (named.join(", "), remote.to_string());
        Err(crate::source::Error::NoDockerfile { tried, context }.into())
    }
}

fn from_stdin(stdin: Box<dyn Read + Send + '_>) -> Result<DockerfileText, Error> {
    Ok(DockerfileText { name: "-".to_string(), path: PathBuf::from("-"), bytes: read_text(stdin)? })
}

/// A stream that is a tar or a Dockerfile.
fn from_stream(
    store: &Store,
    name: &str,
    stream: Box<dyn Read + Send + '_>,
    from: &DockerfileFrom,
    given: Option<DockerfileText>,
) -> Result<(DockerfileText, ContextFiles), Error> {
    let directory = store.temp_dir()?;
    let spool =
        tempfile::tempfile_in(directory.path()).map_err(Error::io("making a temporary file in the store"))?;
    match (read_input(name, stream, spool, &Limits::default())?, given) {
        (Input::Dockerfile(_), Some(_)) => Err(Error::Usage(format!(
            "{name} is to be the build context, since the Dockerfile comes from elsewhere, but it is no archive"
        ))),
        (Input::Dockerfile(bytes), None) => match from {
            DockerfileFrom::Path(path) => Err(Error::Usage(format!(
                "{} is looked for in the archive {name}, but that is no archive",
                path.display()
            ))),
            _ => {
                let dockerfile =
                    DockerfileText { name: "Dockerfile".to_string(), path: PathBuf::from("-"), bytes };
                Ok((dockerfile, ContextFiles::Empty))
            }
        },
        (Input::Archive(archive), Some(given)) => Ok((given, ContextFiles::Archive(archive))),
        (Input::Archive(archive), None) => {
            let file = match from {
                DockerfileFrom::Path(path) => Some(path.as_path()),
                _ => None,
            };
            let dockerfile = read_archive_dockerfile(&archive, file)?;
            Ok((dockerfile, ContextFiles::Archive(archive)))
        }
    }
}

fn read_text(input: Box<dyn Read + Send + '_>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut bytes).map_err(Error::io("reading the Dockerfile"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::Usage(format!("the Dockerfile is larger than {LARGEST} bytes")));
    }
    Ok(bytes)
}
