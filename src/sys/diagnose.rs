//! From a call that was refused to the setting that refuses it.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::error::UsernsError;

/// The error that names the setting behind a refusal, as far as it can be found.
pub(super) fn refusal(call: &'static str, errno: Errno) -> UsernsError {
    match settings(call, errno) {
        Err(error) => error,
        Ok(()) => UsernsError::Refused { call, errno },
    }
}

// Looks for a setting that forbids user namespaces; none found is `Ok`.
fn settings(call: &'static str, errno: Errno) -> Result<(), UsernsError> {
    for (setting, off, wanted) in
        [("user.max_user_namespaces", "0", "28633"), ("kernel.unprivileged_userns_clone", "0", "1")]
    {
        if let Some(value) = sysctl(setting)
            && value == off
        {
            return Err(UsernsError::Setting { call, errno, setting, value, wanted });
        }
    }
    if sysctl("kernel.apparmor_restrict_unprivileged_userns").as_deref() == Some("1") && !has_own_profile() {
        let program = std::fs::read_link("/proc/self/exe").unwrap_or_else(|_| PathBuf::from("rbuild"));
        return Err(UsernsError::AppArmor { call, errno, program });
    }
    // A filter answers EPERM; a profile's denial is EACCES.
    if let Some(profile) = profile().filter(|_| errno == Errno::ACCESS) {
        return Err(UsernsError::Profile { call, errno, profile });
    }
    if status_has("Seccomp:\t2") {
        return Err(UsernsError::Seccomp { call, errno });
    }
    Ok(())
}

// A process under a profile of its own is not under the restriction, unless that profile lacks the rule.
fn has_own_profile() -> bool {
    profile().is_some()
}

// The AppArmor profile that confines this process.
fn profile() -> Option<String> {
    let files = ["/proc/self/attr/apparmor/current", "/proc/self/attr/current"];
    let profile = files.iter().find_map(|file| std::fs::read_to_string(file).ok())?;
    let profile = profile.trim().trim_end_matches('\0');
    (!profile.is_empty() && profile != "unconfined").then(|| profile.to_owned())
}

fn sysctl(name: &str) -> Option<String> {
    let path = Path::new("/proc/sys").join(name.replace('.', "/"));
    std::fs::read_to_string(path).ok().map(|value| value.trim().to_owned())
}

/// Whether `/proc/self/status` has exactly this line.
pub(super) fn status_has(line: &str) -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| status.lines().any(|have| have == line))
}

/// Whether a program stands in one of PATH's directories.
pub(super) fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
