//! The Dockerfile's text, wherever it is, and the build context that comes with it.

use std::io::Read;
use std::path::Path;

use super::error::{Error, Excerpt, Failure};
use super::options::{Context, DockerfileFrom, Options};
use crate::dockerfile::{self, Dockerfile};
use crate::graph::Location;
use crate::layer::Limits;
use crate::source::{Archive, DockerfileText, Input, Local, read_dockerfile, read_input};
use crate::store::Store;
use crate::tree::RootPath;
use crate::worker::ContextFiles;

/// LIMIT: larger Dockerfiles are refused before they are read whole.
const LARGEST: u64 = 16 << 20;

const DEFAULT_NAMES: [&str; 3] = ["Dockerfile", "dockerfile", "Containerfile"];

/// What was read of the command line's inputs.
pub struct Inputs {
    /// The Dockerfile.
    pub dockerfile: DockerfileText,
    /// The build context.
    pub context: ContextFiles,
}

impl Inputs {
    /// Reads the Dockerfile, and standard input if either of the two is there.
    pub fn read(options: &Options, store: &Store, stdin: Box<dyn Read + Send + '_>) -> Result<Inputs, Error> {
        match (&options.context, &options.dockerfile) {
            (Context::Stdin, DockerfileFrom::Stdin) => Err(Error::Usage(
                "both the context and the Dockerfile are to come from standard input: only one can"
                    .to_string(),
            )),
            (Context::Stdin, from) => from_stdin(store, stdin, from),
            (Context::Directory(directory), DockerfileFrom::Stdin) => {
                let local = Local::open(directory)?;
                let dockerfile =
                    DockerfileText { name: "-".to_string(), path: None, bytes: read_text(stdin)? };
                Ok(Inputs { dockerfile, context: ContextFiles::Directory(local) })
            }
            (Context::Directory(directory), from) => {
                let local = Local::open(directory)?;
                let file = match from {
                    DockerfileFrom::Path(path) => Some(path.as_path()),
                    DockerfileFrom::Default | DockerfileFrom::Stdin => None,
                };
                let dockerfile = read_dockerfile(Some(&local), file)?;
                Ok(Inputs { dockerfile, context: ContextFiles::Directory(local) })
            }
        }
    }

    /// The text as a syntax tree; the error shows the line.
    pub fn parse(&self) -> Result<Dockerfile, Failure> {
        let text = self.text()?;
        dockerfile::parse(&text).map_err(|source| {
            let location = Location { first: source.lines.first, last: source.lines.last };
            let excerpt = self.excerpt(Some(location));
            Failure { error: Error::Parse { source }, excerpt }
        })
    }

    /// The build context, once.
    pub fn take_context(&mut self) -> ContextFiles {
        std::mem::replace(&mut self.context, ContextFiles::Empty)
    }

    /// The lines at `location`, for an error.
    pub fn excerpt(&self, location: Option<Location>) -> Option<Excerpt> {
        let location = location.filter(|location| location.first > 0)?;
        let text = self.text().ok()?;
        Some(Excerpt { name: self.dockerfile.name.clone(), text, location })
    }

    fn text(&self) -> Result<String, Error> {
        String::from_utf8(self.dockerfile.bytes.clone()).map_err(|e| {
            let line = 1 + self.dockerfile.bytes[..e.utf8_error().valid_up_to()]
                .iter()
                .filter(|b| **b == b'\n')
                .count();
            Error::Usage(format!(
                "{}: line {line} is not UTF-8: save the file as UTF-8",
                self.dockerfile.name
            ))
        })
    }
}

fn from_stdin(
    store: &Store,
    stdin: Box<dyn Read + Send + '_>,
    from: &DockerfileFrom,
) -> Result<Inputs, Error> {
    let directory = store.temp_dir()?;
    let spool =
        tempfile::tempfile_in(directory.path()).map_err(Error::io("making a temporary file in the store"))?;
    match read_input("-", stdin, spool, &Limits::default())? {
        Input::Dockerfile(bytes) => match from {
            DockerfileFrom::Path(path) => {
                // A tar was promised by naming a file in it, unless the file is here.
                let dockerfile = read_dockerfile(None, Some(path))?;
                let _ = bytes;
                Ok(Inputs { dockerfile, context: ContextFiles::Empty })
            }
            DockerfileFrom::Default | DockerfileFrom::Stdin => {
                let dockerfile = DockerfileText { name: "Dockerfile".to_string(), path: None, bytes };
                Ok(Inputs { dockerfile, context: ContextFiles::Empty })
            }
        },
        Input::Archive(archive) => {
            let dockerfile = in_archive(&archive, from)?;
            Ok(Inputs { dockerfile, context: ContextFiles::Archive(archive) })
        }
    }
}

fn in_archive(archive: &Archive, from: &DockerfileFrom) -> Result<DockerfileText, Error> {
    let names: Vec<&Path> = match from {
        DockerfileFrom::Path(path) => vec![path],
        DockerfileFrom::Default | DockerfileFrom::Stdin => DEFAULT_NAMES.iter().map(Path::new).collect(),
    };
    for name in &names {
        use std::os::unix::ffi::OsStrExt;
        let path = RootPath::clean(name.as_os_str().as_bytes())
            .map_err(|e| Error::Usage(format!("the Dockerfile's path: {e}")))?;
        let found = archive.list.entries.binary_search_by(|entry| entry.path.cmp(&path));
        if let Ok(index) = found
            && matches!(archive.list.entries[index].kind, crate::tree::Kind::File { .. })
        {
            let bytes = read_text(Box::new(archive.content(index)))?;
            return Ok(DockerfileText { name: name.display().to_string(), path: None, bytes });
        }
    }
    let names: Vec<String> = names.iter().map(|name| name.display().to_string()).collect();
    Err(Error::Usage(format!("the archive on standard input has no {}", names.join(", no "))))
}

fn read_text(input: Box<dyn Read + Send + '_>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut bytes).map_err(Error::io("reading the Dockerfile"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::Usage(format!("the Dockerfile is larger than {LARGEST} bytes")));
    }
    Ok(bytes)
}
