//! Which extended attributes a layer of ours carries.

use std::collections::BTreeMap;

const CAPABILITY: &[u8] = b"security.capability";

/// `user.` attributes that belong to a machine's storage and not to the file.
const FOREIGN: [&[u8]; 3] = [b"user.overlay.", b"user.containers.", b"user.rbuild."];

/// Keeps `security.capability`, in the form that knows no user namespace, and `user.*` but what storage drivers put
/// there; labels, ACLs and all else are the machine's.
pub fn allowed(xattrs: &BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let keep =
        |name: &[u8]| name.starts_with(b"user.") && !FOREIGN.iter().any(|prefix| name.starts_with(prefix));
    xattrs
        .iter()
        .filter_map(|(name, value)| match name.as_slice() {
            CAPABILITY => Some((name.clone(), version_2(value))),
            name if keep(name) => Some((name.to_vec(), value.clone())),
            _ => None,
        })
        .collect()
}

/// SPEC: linux/capability.h. Version 3 is version 2 and the user id of a namespace's root, which means nothing elsewhere.
fn version_2(value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() == 24 && value[3] == 3 {
        value[3] = 2;
        value.truncate(20);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_acls_and_storage_drivers_attributes_are_dropped() {
        let names =
            ["user.a", "user.overlay.opaque", "user.rbuild.x", "user.containers.o", "trusted.overlay.opaque"];
        let more = ["security.selinux", "system.posix_acl_access", "user."];
        let all = names.iter().chain(&more).map(|n| (n.as_bytes().to_vec(), vec![])).collect();
        let kept: Vec<_> = allowed(&all).into_keys().collect();
        assert_eq!(kept, [b"user.".to_vec(), b"user.a".to_vec()]);
    }

    #[test]
    fn a_capability_loses_the_root_of_its_namespace() {
        let mut v3 = vec![1, 0, 0, 3];
        v3.extend([7; 16]);
        let v2: Vec<u8> = [1, 0, 0, 2].into_iter().chain([7; 16]).collect();
        v3.extend([9, 0, 0, 0]);
        for value in [&v3, &v2] {
            let kept = allowed(&BTreeMap::from([(CAPABILITY.to_vec(), value.clone())]));
            assert_eq!(kept[CAPABILITY], v2);
        }
    }
}
