//! What time it is by the clock that stamps files.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, fstat, makedev, openat};
use rustix::time::{ClockId, clock_gettime};

use super::walk::Stamp;

/// A point in time before a scan: what changed before it is settled, what changes later bears a later stamp.
///
/// A file that changed in the same tick of the clock as the scan may change once more within that tick and bear the same
/// stamp. Such a file is too young to be believed by its stamp.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    device: Option<u64>,
    here: Stamp,
    elsewhere: Stamp,
}

impl Probe {
    /// Asks the file system of `directory` for its time, by a file without a name: nothing in the directory changes.
    pub(super) fn take(directory: &OwnedFd) -> Probe {
        // LIMIT: two seconds, the coarsest stamp of a file system in use (FAT), where the clock cannot be asked: a
        // read-only or remote file system, or another one mounted in the context.
        let now = clock_gettime(ClockId::Realtime);
        let elsewhere = Stamp { seconds: now.tv_sec - 2, nanoseconds: 0 };
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let stat = openat(directory, c".", flags, Mode::RUSR | Mode::WUSR).and_then(fstat);
        match stat {
            Ok(stat) => Probe {
                device: Some(stat.st_dev),
                here: Stamp { seconds: stat.st_ctime, nanoseconds: stat.st_ctime_nsec as u32 },
                elsewhere,
            },
            Err(_) => Probe { device: None, here: elsewhere, elsewhere },
        }
    }

    /// Whether a file last changed at `changed` on that device can be believed by its stamp from now on.
    pub(super) fn settled(&self, device: (u32, u32), changed: Stamp) -> bool {
        let here = self.device == Some(makedev(device.0, device.1));
        changed < if here { self.here } else { self.elsewhere }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_settled_only_when_the_file_systems_clock_has_moved_on() {
        let stamp = |seconds, nanoseconds| Stamp { seconds, nanoseconds };
        let probe = Probe { device: Some(makedev(8, 1)), here: stamp(100, 500), elsewhere: stamp(98, 0) };
        assert!(probe.settled((8, 1), stamp(100, 499)));
        assert!(!probe.settled((8, 1), stamp(100, 500)), "the same tick");
        assert!(!probe.settled((8, 1), stamp(101, 0)), "the future");
        assert!(!probe.settled((8, 2), stamp(100, 0)), "another device has another clock");
        assert!(probe.settled((8, 2), stamp(97, 999)));
    }
}
