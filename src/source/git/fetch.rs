//! A commit and what belongs to it, brought into a repository of our own.

use std::time::Duration;

use super::resolve::Resolved;
use super::tool::Tool;
use crate::source::error::Error;

/// LIMIT: a commit without its history; larger ones than any known come in less over a slow line.
const PATIENCE: Duration = Duration::from_secs(3600);

impl Tool<'_> {
    /// Makes the directory a bare repository.
    pub fn make(&self, commit: &str) -> Result<(), Error> {
        let format = if commit.len() == 64 { "--object-format=sha256" } else { "--object-format=sha1" };
        self.run(&["init", "--quiet", "--bare", format, "."]).map(|_| ())
    }

    /// Fetches `wanted` without its history.
    pub fn fetch(&self, repository: &str, wanted: &Resolved) -> Result<(), Error> {
        let mut objects = vec![wanted.commit.clone()];
        objects.extend(wanted.tag.clone());
        let Err(error) = self.fetch_as(repository, &objects, true) else { return Ok(()) };
        if matches!(error, Error::Canceled | Error::ToolTime { .. }) {
            return Err(error);
        }
        // A server may give names only; and what the name stands for by now is not always what it stood for before.
        let named = match &wanted.name {
            Some(name) => self.fetch_as(repository, std::slice::from_ref(name), true),
            None => Err(error),
        };
        if named.is_ok() && self.has(&wanted.commit) {
            return Ok(());
        }
        // Or no single commit at all: then all branches and tags, with their history.
        let all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"].map(str::to_string);
        self.fetch_as(repository, &all, false).or(named)?;
        match self.has(&wanted.commit) {
            true => Ok(()),
            false => Err(Error::GitReference {
                repository: super::access::without_user_info(repository).0,
                reference: wanted.commit.clone(),
            }),
        }
    }

    fn has(&self, commit: &str) -> bool {
        self.run(&["cat-file", "-e", &format!("{commit}^{{commit}}")]).is_ok()
    }

    fn fetch_as(&self, repository: &str, wanted: &[String], shallow: bool) -> Result<(), Error> {
        let arguments = |address: &str| {
            let mut arguments: Vec<String> = [
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-recurse-submodules",
                "--force",
                "--no-write-fetch-head",
            ]
            .map(str::to_string)
            .to_vec();
            arguments.extend(shallow.then(|| "--depth=1".to_string()));
            arguments.extend(["--end-of-options".to_string(), address.to_string()]);
            arguments.extend(wanted.iter().cloned());
            arguments
        };
        self.ask(repository, arguments, PATIENCE).map(|_| ())
    }
}
