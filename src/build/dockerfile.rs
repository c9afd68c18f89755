//! The Dockerfile's text, wherever it is, and the build context that comes with it.

use std::io::Read;
use std::path::PathBuf;

use super::error::{Error, Excerpt, Failure};
use super::options::{Context, DockerfileFrom, Options};
use crate::dockerfile::{self, Dockerfile};
use crate::graph::Location;
use crate::layer::Limits;
use crate::source::{DockerfileText, Input, Local, read_archive_dockerfile, read_dockerfile, read_input};
use crate::store::Store;
use crate::worker::ContextFiles;

/// LIMIT: larger Dockerfiles are refused before they are read whole.
const LARGEST: u64 = 16 << 20;

/// The Dockerfile that was read.
pub struct Inputs {
    /// The Dockerfile.
    pub dockerfile: DockerfileText,
}

impl Inputs {
    /// Reads the Dockerfile, and standard input if either it or the context is there; opens the build context.
    pub fn read(
        options: &Options,
        store: &Store,
        stdin: Box<dyn Read + Send + '_>,
    ) -> Result<(Inputs, ContextFiles), Error> {
        match (&options.context, &options.dockerfile) {
            (Context::Stdin, DockerfileFrom::Stdin) => Err(Error::Usage(
                "both the context and the Dockerfile are to come from standard input: only one can"
                    .to_string(),
            )),
            (Context::Stdin, from) => from_stdin(store, stdin, from),
            (Context::Directory(directory), DockerfileFrom::Stdin) => {
                let local = Local::open(directory)?;
                let dockerfile = DockerfileText {
                    name: "-".to_string(),
                    path: PathBuf::from("-"),
                    bytes: read_text(stdin)?,
                };
                Ok((Inputs { dockerfile }, ContextFiles::Directory(local)))
            }
            (Context::Directory(directory), from) => {
                let local = Local::open(directory)?;
                let file = match from {
                    DockerfileFrom::Path(path) => Some(path.as_path()),
                    DockerfileFrom::Default | DockerfileFrom::Stdin => None,
                };
                let dockerfile = read_dockerfile(Some(&local), file)?;
                Ok((Inputs { dockerfile }, ContextFiles::Directory(local)))
            }
        }
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

fn from_stdin(
    store: &Store,
    stdin: Box<dyn Read + Send + '_>,
    from: &DockerfileFrom,
) -> Result<(Inputs, ContextFiles), Error> {
    let directory = store.temp_dir()?;
    let spool =
        tempfile::tempfile_in(directory.path()).map_err(Error::io("making a temporary file in the store"))?;
    match read_input("-", stdin, spool, &Limits::default())? {
        Input::Dockerfile(bytes) => match from {
            DockerfileFrom::Path(path) => Err(Error::Usage(format!(
                "{} is looked for in the archive on standard input, but that is no archive",
                path.display()
            ))),
            DockerfileFrom::Default | DockerfileFrom::Stdin => {
                let dockerfile =
                    DockerfileText { name: "Dockerfile".to_string(), path: PathBuf::from("-"), bytes };
                Ok((Inputs { dockerfile }, ContextFiles::Empty))
            }
        },
        Input::Archive(archive) => {
            let file = match from {
                DockerfileFrom::Path(path) => Some(path.as_path()),
                DockerfileFrom::Default | DockerfileFrom::Stdin => None,
            };
            let dockerfile = read_archive_dockerfile(&archive, file)?;
            Ok((Inputs { dockerfile }, ContextFiles::Archive(archive)))
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
