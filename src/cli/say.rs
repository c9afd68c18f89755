//! Text for a person or a pipe: standard output whole or an error, standard error as far as it goes.

use std::io::{ErrorKind, Write};

use super::ending::Ending;

/// Writes to standard output. A reader that went away, as `head` does, has what it wanted: that ends the command well.
pub fn out(text: &str) -> Result<(), Ending> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(Ending::Code(0)),
        Err(e) => Err(Ending::Failed(format!("standard output: {e}"))),
    }
}

/// Writes a line to standard error. What cannot be said there cannot be said anywhere.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
