//! The time of the commit that a directory on this machine is at.

use std::path::Path;

use super::access::GitAccess;
use super::objects::commit_time;
use super::tool::Tool;
use crate::source::error::Error;

/// The commit time of the repository that `directory` is in, in seconds since 1970.
pub fn local_commit_time(
    directory: &Path,
    access: &GitAccess,
    canceled: &dyn Fn() -> bool,
) -> Result<i64, Error> {
    let tool = Tool::new(access, directory, canceled)?;
    let text = tool.run(&["cat-file", "commit", "HEAD"])?;
    commit_time(&text).ok_or_else(|| Error::GitContent {
        path: directory.display().to_string(),
        reason: "is at a commit without a time".to_string(),
    })
}
