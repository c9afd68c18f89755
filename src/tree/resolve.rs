//! The one resolver of symbolic links inside an image.

use super::entry::Kind;
use super::error::Error;
use super::path::RootPath;
use super::stack::Stack;

/// What happens to a symbolic link in the last component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// It is followed too.
    Follow,
    /// It is kept.
    Keep,
}

/// LIMIT: 255 links, as BuildKit; the kernel stops at 40.
const LINKS: usize = 255;

impl Stack {
    /// The path without symbolic links, as `openat2(RESOLVE_IN_ROOT)` sees it: links never leave the root, and `..` in a
    /// link steps up from where the walk really is. Components that do not exist are kept literally.
    pub fn resolve(&self, path: &RootPath, last: Last) -> Result<RootPath, Error> {
        let mut here = RootPath::root();
        // Innermost first. An empty component stands for a slash at the end of a link: a directory must be there.
        let mut pending: Vec<&[u8]> = path.components().rev().collect();
        let mut links = 0;
        while let Some(name) = pending.pop() {
            match name {
                b"" | b"." => continue,
                b".." => {
                    here = here.parent().unwrap_or_default();
                    continue;
                }
                _ => {}
            }
            let next = here.join(name);
            match self.kind(&next) {
                Some(Kind::Symlink(target)) if last == Last::Follow || !pending.is_empty() => {
                    links += 1;
                    if links > LINKS {
                        return Err(Error::Loop(path.to_string()));
                    }
                    if target.first() == Some(&b'/') {
                        here = RootPath::root();
                    }
                    pending.extend(target.split(|b| *b == b'/').rev());
                }
                None | Some(Kind::Directory | Kind::OpaqueDirectory) => here = next,
                Some(_) if pending.is_empty() => here = next,
                Some(_) => return Err(Error::NotADirectory(next.to_string())),
            }
        }
        Ok(here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Entry, Time};

    fn path(text: &str) -> RootPath {
        RootPath::clean(text).unwrap()
    }

    fn stack(links: &[(&str, &str)]) -> Stack {
        let mut entries: Vec<Entry> = links
            .iter()
            .map(|(from, to)| Entry {
                kind: match *to {
                    "" => Kind::Directory,
                    "|" => Kind::Fifo,
                    to => Kind::Symlink(to.as_bytes().to_vec()),
                },
                ..Entry::directory(path(from), Time::default())
            })
            .collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Stack::new(vec![entries.into()])
    }

    fn follow(stack: &Stack, text: &str) -> String {
        match stack.resolve(&path(text), Last::Follow) {
            Ok(path) => path.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn links_never_leave_the_root() {
        let stack = stack(&[("out", "../../../etc"), ("abs", "/usr"), ("usr", ""), ("usr/up", "../../..")]);
        assert_eq!(follow(&stack, "out/passwd"), "/etc/passwd");
        assert_eq!(follow(&stack, "abs/bin"), "/usr/bin");
        assert_eq!(follow(&stack, "usr/up/x"), "/x");
    }

    #[test]
    fn dot_dot_in_a_link_steps_up_from_where_the_walk_is() {
        let stack = stack(&[("a", ""), ("a/b", ""), ("l", "a/b"), ("m", "l/../c")]);
        assert_eq!(follow(&stack, "m"), "/a/c");
    }

    #[test]
    fn the_last_link_is_kept_when_asked() {
        let stack = stack(&[("l", "m"), ("m", "n")]);
        assert_eq!(stack.resolve(&path("l"), Last::Keep).unwrap(), path("l"));
        assert_eq!(stack.resolve(&path("l/x"), Last::Keep).unwrap(), path("n/x"));
    }

    #[test]
    fn a_circle_of_links_is_an_error_that_names_the_path() {
        let stack = stack(&[("a", "b"), ("b", "a")]);
        assert_eq!(follow(&stack, "a/x"), "/a/x: too many levels of symbolic links");
    }

    #[test]
    fn a_path_through_what_is_no_directory_is_an_error() {
        let stack = stack(&[("f", "|"), ("l", "f/")]);
        assert_eq!(follow(&stack, "f"), "/f");
        assert_eq!(follow(&stack, "f/x"), "/f: not a directory");
        assert_eq!(follow(&stack, "l"), "/f: not a directory");
    }
}
