//! Standard input that can be read a second time, by this program in a user namespace.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Standard input, from its beginning. What is no file is copied into one without a name below `near`, which then *is*
/// standard input.
pub fn rewindable(near: &Path) -> std::io::Result<Box<dyn Read + Send>> {
    let stdin = std::io::stdin();
    let mut input = File::from(rustix::io::dup(&stdin)?);
    if !input.metadata()?.is_file() {
        let mut spool = tempfile::tempfile_in(near)?;
        std::io::copy(&mut input, &mut spool)?;
        rustix::stdio::dup2_stdin(&spool)?;
        input = spool;
        input.seek(SeekFrom::Start(0))?;
    }
    // The two share one position: whoever reads next begins where this reader began.
    let start = input.stream_position()?;
    Ok(Box::new(Rewinding { input, start }))
}

struct Rewinding {
    input: File,
    start: u64,
}

impl Read for Rewinding {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Drop for Rewinding {
    fn drop(&mut self) {
        // If this fails, the next reader finds the end and says so.
        let _ = self.input.seek(SeekFrom::Start(self.start));
    }
}
