//! What the flags of ADD say about a source that is fetched.

use super::error::ErrorKind;
use super::git_address::check_checksum;
use crate::graph::{GitSource, Remote, UrlSource};
use crate::oci::Digest;

/// The flags.
pub(super) struct RemoteFlags<'a> {
    /// `--checksum`.
    pub checksum: Option<&'a str>,
    /// `--keep-git-dir`, where given.
    pub keep_git_dir: Option<bool>,
}

impl RemoteFlags<'_> {
    /// Adds them to `remote`, whose address may say the same but nothing else.
    pub fn apply(&self, remote: &mut Remote) -> Result<(), ErrorKind> {
        match remote {
            Remote::Url(url) => self.apply_to_url(url),
            Remote::Git(git) => self.apply_to_git(git),
        }
    }

    fn apply_to_url(&self, url: &mut UrlSource) -> Result<(), ErrorKind> {
        let Some(checksum) = self.checksum else { return Ok(()) };
        let digest: Digest = checksum.parse().map_err(|problem: crate::oci::Error| {
            ErrorKind::BadChecksum { checksum: checksum.to_string(), problem: problem.to_string() }
        })?;
        url.checksum = Some(digest);
        Ok(())
    }

    fn apply_to_git(&self, git: &mut GitSource) -> Result<(), ErrorKind> {
        if let Some(keep) = self.keep_git_dir {
            if git.keep_git_dir && !keep {
                return Err(ErrorKind::KeepGitDir);
            }
            git.keep_git_dir = keep;
        }
        let Some(flag) = self.checksum else { return Ok(()) };
        check_checksum(flag).map_err(ErrorKind::BadRemote)?;
        match &git.checksum {
            Some(query) if query != flag => {
                Err(ErrorKind::Checksums { flag: flag.to_string(), query: query.clone() })
            }
            _ => {
                git.checksum = Some(flag.to_string());
                Ok(())
            }
        }
    }
}
