//! Users and groups by number or by name, as the image's own files have them.

use std::str::FromStr;

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
    /// Home directory, where `/etc/passwd` names one.
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
    #[error(
        "unable to find user {0}: the image's /etc/passwd has no such name; use a number or make the user first"
    )]
    User(String),
    /// Not in `/etc/group`.
    #[error(
        "unable to find group {0}: the image's /etc/group has no such name; use a number or make the group first"
    )]
    Group(String),
    /// Neither `user` nor `user:group`.
    #[error("invalid owner {0:?}: expected user or user:group, by name or by number up to 4294967294")]
    Invalid(String),
}

/// Whether a name must be looked up in `/etc/passwd`, and in `/etc/group`, for `--chown`.
pub fn needs_files(text: &str) -> (bool, bool) {
    let (user, group) = split(text);
    let is_name = |part: &str| !part.is_empty() && fixed(part).is_none();
    (is_name(user), group.is_some_and(is_name))
}

/// `--chown`: a number alone is user and group, a name alone has its primary group. COMPAT: with a colon and nothing behind
/// it the group is 0.
///
/// Not as BuildKit, which takes 0 for a name that it does not find.
pub fn chown_owner(text: &str, files: OwnerFiles<'_>) -> Result<Owner, OwnerError> {
    let (user, group) = valid(text)?;
    let owner = match fixed(user) {
        Some(uid) => Owner { uid, gid: uid },
        None if user.is_empty() => Owner::default(),
        None => {
            let found = users(files).find(|found| found.name == user);
            found.ok_or_else(|| OwnerError::User(user.to_string()))?.owner
        }
    };
    match group {
        Some("") => Ok(Owner { gid: 0, ..owner }),
        Some(group) => Ok(Owner { gid: group_number(group, files)?, ..owner }),
        None => Ok(owner),
    }
}

/// The owner of what WORKDIR makes: as `--chown` reads the USER. The second value is a name that the image does not know;
/// COMPAT: as in BuildKit that is no error, the directory belongs to root.
pub fn directory_owner(text: &str, files: OwnerFiles<'_>) -> Result<(Owner, Option<OwnerError>), OwnerError> {
    let (user, group) = valid(text)?;
    let mut unknown = None;
    let mut look_up = |text: &str| match chown_owner(text, files) {
        Ok(owner) => owner,
        Err(error) => {
            unknown.get_or_insert(error);
            Owner::default()
        }
    };
    let mut owner = look_up(user);
    if let Some(group) = group {
        let found = if group.is_empty() { Ok(0) } else { group_number(group, files) };
        owner.gid = found.as_ref().map_or(owner.gid, |gid| *gid);
        if let Err(error) = found {
            unknown.get_or_insert(error);
        }
    }
    Ok((owner, unknown))
}

/// USER: a number alone has the primary group of the user with that number, or 0; empty is root. Supplementary groups
/// are those that list the user by name, and none where a group is given; the primary one is always among them.
pub fn run_user(text: &str, files: OwnerFiles<'_>) -> Result<RunUser, OwnerError> {
    let (user, group) = valid(text)?;
    let wanted = number(user).or(user.is_empty().then_some(0));
    let found = match wanted {
        // Digits are a number, whatever somebody is called.
        Some(uid) => users(files).find(|found| found.owner.uid == uid),
        None => {
            let found = users(files).find(|found| found.name == user);
            Some(found.ok_or_else(|| OwnerError::User(user.to_string()))?)
        }
    };
    let owner = match &found {
        Some(found) => found.owner,
        None => Owner { uid: wanted.unwrap_or_default(), gid: 0 },
    };
    let home = found.as_ref().map(|found| found.home.to_string());
    if let Some(group) = group.filter(|group| !group.is_empty()) {
        let gid = group_number(group, files)?;
        return Ok(RunUser { owner: Owner { gid, ..owner }, groups: vec![gid], home });
    }
    let member = found.as_ref().map(|found| found.name);
    let mut list: Vec<u32> = groups(files)
        .filter(|group| member.is_some_and(|name| group.members.split(',').any(|m| m == name)))
        .map(|group| group.gid)
        .chain([owner.gid])
        .collect();
    list.sort_unstable();
    list.dedup();
    Ok(RunUser { owner, groups: list, home })
}

fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)))
}

fn valid(text: &str) -> Result<(&str, Option<&str>), OwnerError> {
    let (user, group) = split(text);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let wrong = |part: &str| part.contains([':', '\n', '\0']) || digits(part) && number(part).is_none();
    if wrong(user) || group.is_some_and(wrong) {
        return Err(OwnerError::Invalid(text.to_string()));
    }
    Ok((user, group))
}

/// LIMIT: the largest number means "unchanged" to chown(2).
fn number(text: &str) -> Option<u32> {
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| u32::from_str(text).ok()).flatten()?;
    (number != u32::MAX).then_some(number)
}

/// A number, and `root` whatever the image's files say.
fn fixed(text: &str) -> Option<u32> {
    if text == "root" { Some(0) } else { number(text) }
}

fn group_number(group: &str, files: OwnerFiles<'_>) -> Result<u32, OwnerError> {
    if let Some(gid) = fixed(group) {
        return Ok(gid);
    }
    let found = groups(files).find(|found| found.name == group);
    Ok(found.ok_or_else(|| OwnerError::Group(group.to_string()))?.gid)
}

struct User<'a> {
    name: &'a str,
    owner: Owner,
    home: &'a str,
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// Lines that are not UTF-8, too short or without numbers are passed over.
fn users(files: OwnerFiles<'_>) -> impl Iterator<Item = User<'_>> {
    lines(files.passwd).filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let (uid, gid) = (fields.nth(1)?, fields.next()?);
        let home = fields.nth(1).unwrap_or_default();
        Some(User { name, owner: Owner { uid: number(uid)?, gid: number(gid)? }, home })
    })
}

fn groups(files: OwnerFiles<'_>) -> impl Iterator<Item = Group<'_>> {
    lines(files.group).filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let gid = number(fields.nth(1)?)?;
        Some(Group { name, gid, members: fields.next().unwrap_or_default() })
    })
}

fn lines(file: Option<&[u8]>) -> impl Iterator<Item = &str> {
    let lines = file.unwrap_or_default().split(|b| *b == b'\n');
    lines
        .filter_map(|line| std::str::from_utf8(line).ok())
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n# no one\nbroken:x\n\xff:x:7:7::/:/\n\
        app:x:1000:1001:App:/home/app:/bin/sh\n1234:x:55:56::/home/digits:/bin/sh\n";
    const GROUP: &[u8] = b"root:x:0:\napp:x:1001:\nwheel:x:10:root,app\nvideo:x:5:app\nother:x:6:apple\n";

    fn files() -> OwnerFiles<'static> {
        OwnerFiles { passwd: Some(PASSWD), group: Some(GROUP) }
    }

    #[test]
    fn chown_takes_numbers_as_they_are_and_looks_names_up() {
        for (text, uid, gid) in [
            ("5", 5, 5),
            ("5:6", 5, 6),
            ("app", 1000, 1001),
            ("app:wheel", 1000, 10),
            ("app:7", 1000, 7),
            ("7:app", 7, 1001),
            ("app:", 1000, 0),
            (":", 0, 0),
            (":wheel", 0, 10),
            ("1234", 1234, 1234),
        ] {
            assert_eq!(chown_owner(text, files()), Ok(Owner { uid, gid }), "{text}");
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_that_names_it() {
        for (text, files, want) in [
            ("nobody", files(), OwnerError::User("nobody".into())),
            ("app:nogroup", files(), OwnerError::Group("nogroup".into())),
            ("app", OwnerFiles::default(), OwnerError::User("app".into())),
            ("broken", files(), OwnerError::User("broken".into())),
            ("4294967295", files(), OwnerError::Invalid("4294967295".into())),
            ("99999999999", files(), OwnerError::Invalid("99999999999".into())),
            ("a:b:c", files(), OwnerError::Invalid("a:b:c".into())),
        ] {
            assert_eq!(chown_owner(text, files), Err(want.clone()), "{text}");
            assert!(run_user(text, files).is_err(), "{text}");
        }
    }

    #[test]
    fn a_run_user_has_its_groups_unless_one_is_given() {
        let user = |uid, gid, groups: &[u32], home: Option<&str>| RunUser {
            owner: Owner { uid, gid },
            groups: groups.to_vec(),
            home: home.map(str::to_string),
        };
        for (text, want) in [
            ("", user(0, 0, &[0, 10], Some("/root"))),
            ("app", user(1000, 1001, &[5, 10, 1001], Some("/home/app"))),
            ("1000", user(1000, 1001, &[5, 10, 1001], Some("/home/app"))),
            ("app:video", user(1000, 5, &[5], Some("/home/app"))),
            ("4242", user(4242, 0, &[0], None)),
            ("4242:8", user(4242, 8, &[8], None)),
            ("1234", user(1234, 0, &[0], None)),
            ("55", user(55, 56, &[56], Some("/home/digits"))),
        ] {
            assert_eq!(run_user(text, files()), Ok(want), "{text}");
        }
        assert_eq!(run_user("9", OwnerFiles::default()), Ok(user(9, 0, &[0], None)));
    }

    #[test]
    fn files_are_asked_for_only_where_a_name_stands() {
        for (text, want) in [
            ("1", (false, false)),
            ("1:2", (false, false)),
            ("a", (true, false)),
            ("a:b", (true, true)),
            ("1:b", (false, true)),
        ] {
            assert_eq!(needs_files(text), want, "{text}");
        }
    }
}
