//! Users and groups by number or by name, as the image's own files have them.

/// Who owns what is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// Whom a process runs as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunUser {
    /// User and group.
    pub owner: Owner,
    /// Supplementary groups, sorted.
    pub groups: Vec<u32>,
    /// Home directory, where the user is known.
    pub home: Option<String>,
}

/// The image's `/etc/passwd` and `/etc/group`; none where there is no such file.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnerFiles<'a> {
    /// `/etc/passwd`
    pub passwd: Option<&'a [u8]>,
    /// `/etc/group`
    pub group: Option<&'a [u8]>,
}

/// A user or group that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnerError {
    /// Not in `/etc/passwd`.
    #[error("unable to find user {0}: no such user in the image's /etc/passwd")]
    User(String),
    /// Not in `/etc/group`.
    #[error("unable to find group {0}: no such group in the image's /etc/group")]
    Group(String),
    /// Neither `user` nor `user:group`.
    #[error("invalid owner {0:?}: expected user or user:group")]
    Invalid(String),
}

/// Whether names in `--chown`'s text must be looked up: in `/etc/passwd`, in `/etc/group`.
pub fn needs_files(text: &str) -> (bool, bool) {
    let _ = text;
    todo!()
}

/// `--chown`: a number alone is user and group, a name alone has its primary group.
pub fn chown_owner(text: &str, files: OwnerFiles<'_>) -> Result<Owner, OwnerError> {
    let _ = (text, files);
    todo!()
}

/// USER: a number alone has the group of that user, or 0; empty is root.
pub fn run_user(text: &str, files: OwnerFiles<'_>) -> Result<RunUser, OwnerError> {
    let _ = (text, files);
    todo!()
}
