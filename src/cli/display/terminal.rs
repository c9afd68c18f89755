//! A terminal that redraws: one row a step, the last lines of those that run.

use std::io::Write;
use std::time::{Duration, Instant};

use super::board::{Board, End, Row};
use super::watch::Display;
use crate::cli::size::bytes;
use crate::progress::Event;

/// Lines of output under a running step, as docker shows them.
const LOG_LINES: usize = 6;
/// Redraws are at least this far apart.
const REDRAW: Duration = Duration::from_millis(80);

/// Draws the board over itself.
pub struct Terminal<W: Write + Send> {
    out: W,
    board: Board,
    began: Instant,
    drawn: usize,
    last: Option<Instant>,
    size: fn() -> (usize, usize),
    colour: bool,
    /// Rows of the last drawing, so that an equal one is not drawn again.
    finished: bool,
}

impl<W: Write + Send> Terminal<W> {
    /// Draws on `out`; `size` tells columns and rows of the terminal now.
    pub fn new(out: W, size: fn() -> (usize, usize), colour: bool) -> Terminal<W> {
        Terminal {
            out,
            board: Board::default(),
            began: Instant::now(),
            drawn: 0,
            last: None,
            size,
            colour,
            finished: false,
        }
    }

    fn draw(&mut self, everything: bool) {
        let now = Instant::now();
        let (columns, rows) = (self.size)();
        let mut lines = vec![self.head(now)];
        for row in self.board.rows.values() {
            lines.push(self.line(row, now, columns));
            if row.ended.is_none() {
                lines.extend(details(row, columns));
            }
        }
        // What does not fit on the screen cannot be drawn over: the first rows give way, and come back at the end.
        let room = rows.saturating_sub(1).max(2);
        if !everything && lines.len() > room {
            let surplus = lines.len() - room;
            lines.drain(1..=surplus);
        }
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        text.push_str("\r\x1b[J");
        for line in &lines {
            text.push_str(line);
            text.push('\n');
        }
        // A broken standard error must not end a build.
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
        self.drawn = lines.len();
        self.last = Some(now);
    }

    fn head(&self, now: Instant) -> String {
        let ended = self.board.rows.values().filter(|row| row.ended.is_some()).count();
        let state = if self.finished { " FINISHED" } else { "" };
        let took = (now - self.began).as_secs_f64();
        format!("[+] Building {took:.1}s ({ended}/{}){state}", self.board.rows.len())
    }

    fn line(&self, row: &Row, now: Instant, columns: usize) -> String {
        let mark = match row.ended.as_ref().map(|(end, _)| end) {
            Some(End::Cached) => "CACHED ",
            Some(End::Failed(_)) => "ERROR ",
            Some(End::Canceled) => "CANCELED ",
            Some(End::Done) | None => "",
        };
        let time = format!("{:.1}s", row.elapsed(now).as_secs_f64());
        let width = columns.saturating_sub(time.len() + 5).max(10);
        let text = fit(&format!("{mark}{}", row.name), width);
        let padding = " ".repeat(width.saturating_sub(text.chars().count()));
        let line = format!(" => {text}{padding} {time}");
        let colour = match row.ended.as_ref().map(|(end, _)| end) {
            Some(End::Failed(_)) => "31",
            Some(End::Canceled) => "33",
            Some(End::Cached | End::Done) => "34",
            None => return line,
        };
        if self.colour { format!("\x1b[{colour}m{line}\x1b[0m") } else { line }
    }
}

/// What is under a running step: transfers, then its last lines.
fn details(row: &Row, columns: usize) -> Vec<String> {
    let width = columns.saturating_sub(8).max(10);
    let mut lines = Vec::new();
    for (what, (current, total)) in
        row.transfers.iter().filter(|(_, (current, total))| Some(*current) != *total)
    {
        let total = total.map_or_else(|| "?".to_string(), bytes);
        lines.push(format!(" => => {}", fit(&format!("{what} {} / {total}", bytes(*current)), width)));
    }
    let first = row.tail.len().saturating_sub(LOG_LINES);
    lines.extend(
        row.tail[first..].iter().map(|line| format!(" => => # {}", fit(line, width.saturating_sub(2)))),
    );
    lines
}

/// `text` in at most `width` characters, tabs as spaces.
fn fit(text: &str, width: usize) -> String {
    let text = text.replace('\t', " ");
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width.saturating_sub(1)).chain(std::iter::once('…')).collect()
}

impl<W: Write + Send> Display for Terminal<W> {
    fn event(&mut self, event: Event) {
        self.board.note(&event);
        let ends = matches!(
            event,
            Event::Done { .. } | Event::Cached { .. } | Event::Failed { .. } | Event::Canceled { .. }
        );
        match event {
            Event::Output { step, stream, bytes } => {
                self.board.row(step).output(stream, &bytes);
            }
            Event::Notice { step, message } => {
                let line = super::escape::escape(&message);
                self.board.row(step).tail.push(line);
            }
            _ => {}
        }
        if self.last.is_none_or(|last| last.elapsed() > REDRAW) || ends && self.last.is_none() {
            self.draw(false);
        }
    }

    fn tick(&mut self) {
        // Until something is known to happen here, nothing is drawn.
        if !self.board.rows.is_empty() {
            self.draw(false);
        }
    }

    fn finish(&mut self) {
        self.finished =
            self.board.rows.values().all(|row| matches!(row.ended, Some((End::Done | End::Cached, _))));
        self.draw(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_never_wraps() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("a\tb", 4), "a b");
        assert_eq!(fit("äöü", 3), "äöü");
    }
}
