//! The values of secrets, read when a step needs them and never kept.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Secrets by id.
#[derive(Clone, Debug, Default)]
pub struct Secrets(BTreeMap<String, Source>);

/// Where a secret's value is.
#[derive(Clone)]
enum Source {
    File(PathBuf),
    Value(Vec<u8>),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Secrets {
    /// Adds a secret that is in a file.
    pub fn add_file(&mut self, id: &str, path: PathBuf) {
        self.0.insert(id.to_string(), Source::File(path));
    }

    /// Adds a secret by value.
    pub fn add_value(&mut self, id: &str, value: Vec<u8>) {
        self.0.insert(id.to_string(), Source::Value(value));
    }

    /// The ids, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The value; none if there is no secret of that id. The error names the file.
    pub fn value(&self, id: &str) -> std::io::Result<Option<Vec<u8>>> {
        match self.0.get(id) {
            None => Ok(None),
            Some(Source::Value(value)) => Ok(Some(value.clone())),
            Some(Source::File(path)) => fs_err::read(path).map(Some),
        }
    }
}
