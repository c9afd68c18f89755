//! What is known of each step at this moment: the state that displays draw from.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::escape::{escape, escape_line};
use crate::oci::Digest;
use crate::progress::{Event, StepNumber, Stream};

/// LIMIT: a line that never ends is shown in pieces of this many bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Its result was there.
    Cached,
    /// It was done.
    Done,
    /// It failed.
    Failed(String),
    /// It was ended.
    Canceled,
}

/// One step.
pub struct Row {
    /// Safe to print.
    pub name: String,
    /// When it was first mentioned.
    pub started: Instant,
    /// How and when it ended.
    pub ended: Option<(End, Instant)>,
    /// Output that no line end has closed yet, of both streams.
    partial: [Vec<u8>; 2],
    /// The last lines, safe to print.
    pub tail: Vec<String>,
    /// Bytes moved for each thing.
    pub transfers: BTreeMap<Digest, (u64, Option<u64>)>,
}

impl Row {
    /// How long it has taken, or took.
    pub fn elapsed(&self, now: Instant) -> Duration {
        self.ended.as_ref().map_or(now, |(_, at)| *at).duration_since(self.started)
    }

    /// Takes output in; gives the lines that it completed, safe to print.
    pub fn output(&mut self, stream: Stream, bytes: &[u8]) -> Vec<String> {
        let partial = &mut self.partial[stream as usize];
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") || partial.len() >= LONGEST_LINE {
                lines.push(escape_line(&std::mem::take(partial)));
            }
        }
        self.remember(&lines);
        lines
    }

    /// The lines that were never ended.
    pub fn rest(&mut self) -> Vec<String> {
        let rest = self.partial.iter_mut().filter(|partial| !partial.is_empty());
        let lines: Vec<String> = rest.map(|partial| escape_line(&std::mem::take(partial))).collect();
        self.remember(&lines);
        lines
    }

    fn remember(&mut self, lines: &[String]) {
        self.tail.extend_from_slice(lines);
        let surplus = self.tail.len().saturating_sub(Board::TAIL);
        self.tail.drain(..surplus);
    }
}

/// All steps, in the order in which they were first mentioned.
#[derive(Default)]
pub struct Board {
    /// By number.
    pub rows: BTreeMap<StepNumber, Row>,
}

impl Board {
    /// Lines kept of each step's output.
    const TAIL: usize = 64;

    /// The row of a step that has started.
    pub fn row(&mut self, step: StepNumber) -> &mut Row {
        self.rows.entry(step).or_insert_with(|| Row {
            name: String::new(),
            started: Instant::now(),
            ended: None,
            partial: Default::default(),
            tail: Vec::new(),
            transfers: BTreeMap::new(),
        })
    }

    /// Notes what `event` says of a step's name, transfers or end. Output is taken with [`Row::output`].
    pub fn note(&mut self, event: &Event) {
        let now = Instant::now();
        match event {
            Event::Started { step, name } => self.row(*step).name = escape(&name.replace('\n', " ")),
            Event::Cached { step } => self.row(*step).ended = Some((End::Cached, now)),
            Event::Done { step } => self.row(*step).ended = Some((End::Done, now)),
            Event::Failed { step, message } => {
                self.row(*step).ended = Some((End::Failed(escape(message)), now));
            }
            Event::Canceled { step } => self.row(*step).ended = Some((End::Canceled, now)),
            Event::Transfer { step, what, current, total } => {
                self.row(*step).transfers.insert(*what, (*current, *total));
            }
            Event::Output { .. } | Event::Notice { .. } | Event::Warned(_) => {}
        }
    }
}
