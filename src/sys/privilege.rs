//! What the calling process may do about namespaces and mounts.

use std::sync::OnceLock;

use super::capability;

/// How this process stands towards RUN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Root of the initial user namespace, with `CAP_SYS_ADMIN`.
    Root,
    /// Privileged inside a user namespace already.
    UserNamespace,
    /// Without privilege: a user namespace must be entered first.
    NeedsUserNamespace,
}

/// Looks at the calling thread's capabilities and at its user namespace.
pub fn privilege() -> Privilege {
    if !capability::is_effective(capability::SYS_ADMIN) {
        return Privilege::NeedsUserNamespace;
    }
    if in_initial_user_namespace() { Privilege::Root } else { Privilege::UserNamespace }
}

// The initial namespace maps all ids to themselves. (A namespace that does the same is as good as the initial one here.)
fn is_initial_map(map: &str) -> bool {
    let mut numbers = map.split_ascii_whitespace();
    numbers.next() == Some("0") && numbers.next() == Some("0") && numbers.next() == Some("4294967295")
}

/// Whether this process's ids are those of the machine (not inside a user namespace).
pub fn in_initial_user_namespace() -> bool {
    // A process with threads cannot change its user namespace, so one look is enough.
    static IS_INITIAL: OnceLock<bool> = OnceLock::new();
    *IS_INITIAL
        .get_or_init(|| std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| is_initial_map(&map)))
}

/// Whether a group id exists in the calling process's user namespace.
pub fn group_is_mapped(id: u32) -> bool {
    static GROUPS: OnceLock<String> = OnceLock::new();
    let map = GROUPS.get_or_init(|| std::fs::read_to_string("/proc/self/gid_map").unwrap_or_default());
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().filter_map(|number| number.parse::<u64>().ok());
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(inside), Some(_), Some(count)) => (inside..inside + count).contains(&u64::from(id)),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_map_of_all_ids_to_themselves_is_the_initial_one() {
        assert!(is_initial_map("         0          0 4294967295\n"));
        assert!(!is_initial_map("         0       1000          1\n         1     100000      65536\n"));
        assert!(!is_initial_map("         0          0          1\n"));
    }
}
