//! An overlay of directories that are given as descriptors, so that neither path length nor number of layers matters.
//!
//! The options are fixed: `userxattr` (the same tree for root and for an ordinary user), no metacopy, no redirects, no
//! index, no xino, and `volatile`, since unmounting would otherwise sync the whole file system.
//!
//! LIMIT: the kernel takes 500 lower layers; below Linux 6.5 about 200, since there all options share one page.

use std::ffi::{CStr, CString};
use std::fmt::Write as _;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{Errno, Result};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags};

/// How this kernel wants to be told about layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Linux 6.13: descriptors.
    Descriptors,
    /// Linux 6.5: one path at a time.
    Appended,
    /// Before: one string, over `mount(2)`.
    OneString,
}

impl Form {
    /// Asks the kernel, without mounting anything. Needs `CAP_SYS_ADMIN`.
    pub fn probe() -> Result<Form> {
        let context = rustix::mount::fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        let root = rustix::fs::open(c"/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        if rustix::mount::fsconfig_set_fd(context.as_fd(), c"lowerdir+", root.as_fd()).is_ok() {
            return Ok(Form::Descriptors);
        }
        let context = rustix::mount::fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        // The kernel before 6.5 takes any key here and refuses it later; `lowerdir+` with no meaning is found by value.
        let appended = rustix::mount::fsconfig_set_string(context.as_fd(), c"lowerdir+", c"/").is_ok()
            && rustix::mount::fsconfig_set_string(context.as_fd(), c"lowerdir+", c"").is_err();
        Ok(if appended { Form::Appended } else { Form::OneString })
    }
}

/// An overlay that is ready to be mounted.
#[derive(Debug)]
pub struct Overlay {
    lower: Vec<OwnedFd>,
    upper: OwnedFd,
    work: OwnedFd,
    form: Form,
    // For `Form::OneString`: all options, and a place where the mount may be put.
    one_string: Option<(CString, CString)>,
}

impl Overlay {
    /// Prepares the overlay: `lower` topmost first, at least one. `place` is a directory that the mount may cover in the
    /// caller's later mount namespace, where the kernel is too old for mounts without a place.
    pub fn new(lower: Vec<OwnedFd>, upper: OwnedFd, work: OwnedFd, form: Form, place: &CStr) -> Overlay {
        let one_string = (form == Form::OneString).then(|| {
            let mut options = String::from("lowerdir=");
            for (index, layer) in lower.iter().enumerate() {
                let colon = if index == 0 { "" } else { ":" };
                let _ = write!(options, "{colon}/proc/self/fd/{}", layer.as_raw_fd());
            }
            let _ = write!(options, ",upperdir=/proc/self/fd/{}", upper.as_raw_fd());
            let _ = write!(options, ",workdir=/proc/self/fd/{}", work.as_raw_fd());
            options.push_str(",userxattr,metacopy=off,index=off,xino=off,volatile");
            (CString::new(options).expect("numbers and words hold no NUL"), place.to_owned())
        });
        Overlay { lower, upper, work, form, one_string }
    }

    /// The upper directory.
    pub fn upper(&self) -> BorrowedFd<'_> {
        self.upper.as_fd()
    }

    /// Mounts it; in most forms attached nowhere. In the child.
    pub fn mount(&self) -> Result<OwnedFd> {
        if let Some((options, place)) = &self.one_string {
            rustix::mount::mount(
                c"overlay",
                place.as_c_str(),
                c"overlay",
                MountFlags::empty(),
                options.as_c_str(),
            )?;
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            return rustix::fs::openat(CWD, place.as_c_str(), flags, Mode::empty());
        }
        let context = rustix::mount::fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        let context = context.as_fd();
        rustix::mount::fsconfig_set_string(context, c"source", c"overlay")?;
        for layer in &self.lower {
            self.set_layer(context, c"lowerdir+", layer.as_fd())?;
        }
        self.set_layer(context, c"upperdir", self.upper.as_fd())?;
        self.set_layer(context, c"workdir", self.work.as_fd())?;
        rustix::mount::fsconfig_set_flag(context, c"userxattr")?;
        rustix::mount::fsconfig_set_flag(context, c"volatile")?;
        rustix::mount::fsconfig_set_string(context, c"metacopy", c"off")?;
        // "off" may mean "follow" here, by a kernel setting, and that is refused beside userxattr.
        rustix::mount::fsconfig_set_string(context, c"redirect_dir", c"nofollow")?;
        rustix::mount::fsconfig_set_string(context, c"index", c"off")?;
        rustix::mount::fsconfig_set_string(context, c"xino", c"off")?;
        rustix::mount::fsconfig_create(context)?;
        rustix::mount::fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
    }

    /// Whether `mount` has already put the mount in a place.
    pub fn is_attached_by_mount(&self) -> bool {
        self.form == Form::OneString
    }

    fn set_layer(&self, context: BorrowedFd<'_>, key: &CStr, layer: BorrowedFd<'_>) -> Result<()> {
        match self.form {
            Form::Descriptors => rustix::mount::fsconfig_set_fd(context, key, layer),
            Form::Appended | Form::OneString => {
                let mut path = [0_u8; 32];
                let path = descriptor_path(layer.as_raw_fd(), &mut path).ok_or(Errno::BADF)?;
                rustix::mount::fsconfig_set_string(context, key, path)
            }
        }
    }
}

// "/proc/self/fd/N" without an allocation.
fn descriptor_path(fd: i32, buffer: &mut [u8; 32]) -> Option<&CStr> {
    const PREFIX: &[u8] = b"/proc/self/fd/";
    let mut digits = [0_u8; 10];
    let mut number = u32::try_from(fd).ok()?;
    let mut count = 0;
    loop {
        *digits.get_mut(count)? = b'0' + (number % 10) as u8;
        count += 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buffer.fill(0);
    buffer.get_mut(..PREFIX.len())?.copy_from_slice(PREFIX);
    for (place, digit) in buffer.iter_mut().skip(PREFIX.len()).zip(digits.iter().take(count).rev()) {
        *place = *digit;
    }
    CStr::from_bytes_until_nul(buffer).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_has_its_path_written_without_an_allocation() {
        for (fd, path) in [(0, c"/proc/self/fd/0"), (1207, c"/proc/self/fd/1207")] {
            assert_eq!(descriptor_path(fd, &mut [1; 32]), Some(path));
        }
        assert_eq!(descriptor_path(-1, &mut [0; 32]), None);
    }
}
