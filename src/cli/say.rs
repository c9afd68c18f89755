//! Text for a person or a pipe: standard output whole or an error, standard error as far as it goes.

use std::io::{ErrorKind, Write};

use super::ending::Ending;

/// Writes to standard output. A reader that went away, as `head` does, has what it wanted: that ends the command well.
pub fn out(text: &str) -> Result<(), Ending> {
    match written(text)? {
        true => Ok(()),
        false => Err(Ending::Code(0)),
    }
}

/// The same of a report whose exit code is its verdict, whoever reads it to its end.
pub fn report(text: &str) -> Result<(), Ending> {
    written(text).map(|_| ())
}

/// Whether somebody read all of it.
fn written(text: &str) -> Result<bool, Ending> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(Ending::Failed(format!("standard output: {e}"))),
    }
}

/// Writes a line to standard error. What cannot be said there cannot be said anywhere.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
