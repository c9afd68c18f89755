//! An overlay of directories that are given as descriptors, so that neither path length nor number of layers matters.
//!
//! The options are fixed: `userxattr` (the same tree for root and for an ordinary user), no metacopy, no redirects, no
//! index, no xino, and `volatile`, since unmounting would otherwise sync the whole file system.
//!
//! ORDER: the kernel takes layers only from the mount namespace of whoever mounts, so an overlay is mounted, attached
//! nowhere, before the child leaves the namespace in which its directories were opened.
//!
//! LIMIT: the kernel takes 500 lower layers; below Linux 6.5 about 200, since there all options share one page.

use std::ffi::{CStr, CString};
use std::fmt::Write as _;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags, StatVfsMountFlags};
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
        // The kernel stays the same; a refusal may not.
        static FORM: OnceLock<Form> = OnceLock::new();
        if let Some(form) = FORM.get() {
            return Ok(*form);
        }
        let form = Form::ask()?;
        Ok(*FORM.get_or_init(|| form))
    }

    fn ask() -> Result<Form> {
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
    one_string: Option<OneString>,
}

// What `Form::OneString` needs more: all options, and the path of each descriptor that they name.
#[derive(Debug)]
struct OneString {
    options: CString,
    reopened: Vec<(CString, i32)>,
    place: CString,
}

impl Overlay {
    /// Prepares the overlay: `lower` topmost first, at least one.
    pub fn new(lower: Vec<OwnedFd>, upper: OwnedFd, work: OwnedFd, form: Form) -> Result<Overlay> {
        let one_string =
            if form == Form::OneString { Some(OneString::new(&lower, &upper, &work)?) } else { None };
        Ok(Overlay { lower, upper, work, form, one_string })
    }

    /// The upper directory.
    pub fn upper(&self) -> BorrowedFd<'_> {
        self.upper.as_fd()
    }

    /// Mounts it, attached nowhere; `None` where this kernel can only mount in a place, see
    /// [`Overlay::mount_in_place`]. In the child, in the mount namespace where the directories were opened.
    pub fn mount(&self) -> Result<Option<OwnedFd>> {
        if self.one_string.is_some() {
            return Ok(None);
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
        let mounted =
            rustix::mount::fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
        self.writable(mounted).map(Some)
    }

    /// Mounts it over its own upper directory, for kernels that know no other way. In the child, in a mount namespace of
    /// its own.
    pub fn mount_in_place(&self) -> Result<OwnedFd> {
        let one_string = self.one_string.as_ref().ok_or(Errno::INVAL)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        for (path, number) in &one_string.reopened {
            // The options name descriptors by number; the same numbers now lead into this namespace.
            super::process::replace(rustix::fs::open(path.as_c_str(), flags, Mode::empty())?, *number)?;
        }
        let place = one_string.place.as_c_str();
        let options = one_string.options.as_c_str();
        rustix::mount::mount(c"overlay", place, c"overlay", MountFlags::empty(), options)?;
        self.writable(rustix::fs::open(place, flags, Mode::empty())?)
    }

    /// The kernel makes an overlay read-only, and says so in its log alone, where it cannot make a directory in the work
    /// directory: on a full disk, that is.
    fn writable(&self, mounted: OwnedFd) -> Result<OwnedFd> {
        if !rustix::fs::fstatvfs(&mounted)?.f_flag.contains(StatVfsMountFlags::RDONLY) {
            return Ok(mounted);
        }
        match rustix::fs::fstatvfs(&self.upper)?.f_flag.contains(StatVfsMountFlags::RDONLY) {
            true => Err(Errno::ROFS),
            false => Err(Errno::NOSPC),
        }
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

impl OneString {
    fn new(lower: &[OwnedFd], upper: &OwnedFd, work: &OwnedFd) -> Result<OneString> {
        let mut options = String::from("lowerdir=");
        let mut reopened = Vec::new();
        let mut add = |options: &mut String, key: &str, directory: &OwnedFd| -> Result<CString> {
            let number = directory.as_raw_fd();
            let _ = write!(options, "{key}/proc/self/fd/{number}");
            let path = rustix::fs::readlink(format!("/proc/self/fd/{number}"), Vec::new())?;
            reopened.push((path.clone(), number));
            Ok(path)
        };
        for (index, layer) in lower.iter().enumerate() {
            add(&mut options, if index == 0 { "" } else { ":" }, layer)?;
        }
        let place = add(&mut options, ",upperdir=", upper)?;
        add(&mut options, ",workdir=", work)?;
        options.push_str(",userxattr,metacopy=off,index=off,xino=off,volatile");
        let options = CString::new(options).map_err(|_| Errno::INVAL)?;
        Ok(OneString { options, reopened, place })
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

    #[test]
    fn every_form_of_telling_the_kernel_about_layers_gives_the_same_overlay() {
        if crate::sys::privilege() == crate::sys::Privilege::NeedsUserNamespace {
            assert!(std::env::var_os("RBUILD_REQUIRE").is_none(), "SKIPPED: mounting needs privilege");
            return eprintln!("SKIPPED: mounting needs privilege");
        }
        let directory = tempfile::tempdir().unwrap();
        let open = |name: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
        };
        for form in [Form::Descriptors, Form::Appended, Form::OneString] {
            let lower = vec![open("top"), open("bottom")];
            std::fs::write(directory.path().join("top/f"), "top").unwrap();
            std::fs::write(directory.path().join("bottom/f"), "bottom").unwrap();
            let (upper, work) = (open(&format!("{form:?}-upper")), open(&format!("{form:?}-work")));
            let overlay = Overlay::new(lower, upper, work, form).unwrap();
            let mut seen = Err(Errno::NOSYS);
            let mut bytes = [0; 8];
            let mut look = || {
                let mounted = overlay.mount()?;
                crate::sys::process::unshare_mounts()?;
                crate::sys::mount::make_all_private()?;
                let mounted = match mounted {
                    Some(mounted) => mounted,
                    None => overlay.mount_in_place()?,
                };
                let file = rustix::fs::openat(&mounted, c"f", OFlags::RDONLY, Mode::empty())?;
                let made = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
                rustix::fs::openat(&mounted, c"new", made, Mode::from_raw_mode(0o644))?;
                rustix::io::read(file, &mut bytes)
            };
            let child =
                crate::sys::clone::spawn(crate::sys::clone::Namespaces::NONE, &mut || seen = look()).unwrap();
            crate::sys::process::wait(child.pidfd).unwrap();
            assert_eq!((seen, &bytes), (Ok(3), b"top\0\0\0\0\0"), "{form:?}");
            assert!(directory.path().join(format!("{form:?}-upper/new")).exists(), "{form:?}");
        }
    }
}
