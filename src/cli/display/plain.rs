//! Plain lines in BuildKit's shape, one step at a time: `#5 [build 2/4] RUN make`, `#5 0.312 text`, `#5 DONE 1.2s`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::{Duration, Instant};

use super::board::{Board, End};
use super::escape::escape;
use super::watch::Display;
use crate::cli::size::bytes;
use crate::progress::{Event, StepNumber};

/// A step that says nothing for this long lets another speak.
const PATIENCE: Duration = Duration::from_millis(500);
/// A step that speaks without end lets others speak after this long.
const FLOOR: Duration = Duration::from_secs(5);

/// Writes lines; steps that run side by side take turns, so that lines of one stay together.
pub struct Plain<W: Write + Send> {
    out: W,
    board: Board,
    /// Lines that wait for their step's turn.
    waiting: BTreeMap<StepNumber, Vec<String>>,
    finished: BTreeSet<StepNumber>,
    current: Option<Turn>,
    any: bool,
}

struct Turn {
    step: StepNumber,
    since: Instant,
    spoke: Instant,
}

impl<W: Write + Send> Plain<W> {
    /// Writes to `out`, as a rule standard error.
    pub fn new(out: W) -> Plain<W> {
        Plain {
            out,
            board: Board::default(),
            waiting: BTreeMap::new(),
            finished: BTreeSet::new(),
            current: None,
            any: false,
        }
    }

    fn say(&mut self, step: StepNumber, line: String) {
        self.waiting.entry(step).or_default().push(line);
    }

    /// Prints what waits, as far as it is somebody's turn.
    fn flush(&mut self, all: bool) {
        let now = Instant::now();
        loop {
            let turn = match &mut self.current {
                Some(turn) => {
                    let step = turn.step;
                    if let Some(lines) = self.waiting.remove(&step) {
                        turn.spoke = now;
                        self.print(step, lines);
                    }
                    if self.finished.contains(&step) {
                        self.current = None;
                        continue;
                    }
                    self.current.as_ref().expect("set above")
                }
                None => match self.next() {
                    Some(step) => {
                        self.begin(step, now);
                        continue;
                    }
                    None => return,
                },
            };
            let others = self.waiting.keys().any(|step| *step != turn.step);
            let yields = all || now - turn.spoke > PATIENCE || now - turn.since > FLOOR;
            if !others || !yields {
                return;
            }
            self.print(turn.step, vec!["...".to_string()]);
            self.current = None;
        }
    }

    /// Finished steps first, so that lines come in the order of time as far as may be.
    fn next(&self) -> Option<StepNumber> {
        let finished = self.waiting.keys().find(|step| self.finished.contains(step));
        finished.or_else(|| self.waiting.keys().next()).copied()
    }

    fn begin(&mut self, step: StepNumber, now: Instant) {
        // A broken standard error must not end a build.
        if self.any {
            let _ = writeln!(self.out);
        }
        self.any = true;
        let name = self.board.row(step).name.clone();
        self.print(step, vec![name]);
        self.current = Some(Turn { step, since: now, spoke: now });
    }

    fn print(&mut self, step: StepNumber, lines: Vec<String>) {
        let mut text = String::new();
        for line in lines {
            text.push_str(&format!("#{} {line}\n", step.0));
        }
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

impl<W: Write + Send> Display for Plain<W> {
    fn event(&mut self, event: Event) {
        self.board.note(&event);
        match event {
            Event::Started { step, .. } => {
                // The name is printed when the step's turn comes; make sure that it does.
                self.waiting.entry(step).or_default();
            }
            Event::Output { step, stream, bytes } => {
                let row = self.board.row(step);
                let at = row.started.elapsed().as_secs_f64();
                for line in row.output(stream, &bytes) {
                    self.say(step, format!("{at:.3} {line}"));
                }
            }
            Event::Notice { step, message } => self.say(step, escape(&message)),
            Event::Transfer { step, what, current, total: Some(total) } if current == total => {
                self.say(step, format!("{what} {} / {} done", bytes(current), bytes(total)));
            }
            Event::Transfer { .. } | Event::Warned(_) => {}
            Event::Cached { step }
            | Event::Done { step }
            | Event::Failed { step, .. }
            | Event::Canceled { step } => {
                let row = self.board.row(step);
                let took = row.elapsed(Instant::now()).as_secs_f64();
                let rest = row.rest();
                let end = match row.ended.as_ref().map(|(end, _)| end.clone()) {
                    Some(End::Cached) => "CACHED".to_string(),
                    Some(End::Failed(message)) => format!("ERROR: {message}"),
                    Some(End::Canceled) => "CANCELED".to_string(),
                    Some(End::Done) | None => format!("DONE {took:.1}s"),
                };
                for line in rest {
                    self.say(step, format!("{took:.3} {line}"));
                }
                self.say(step, end);
                self.finished.insert(step);
            }
        }
        self.flush(false);
    }

    fn tick(&mut self) {
        self.flush(false);
    }

    fn finish(&mut self) {
        self.flush(true);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::progress::Stream;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("one thread").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(events: Vec<Event>) -> String {
        let out = Shared::default();
        let mut plain = Plain::new(out.clone());
        events.into_iter().for_each(|event| plain.event(event));
        plain.finish();
        let bytes = out.0.lock().expect("one thread").clone();
        let text = String::from_utf8(bytes).expect("text");
        // Times are the machine's.
        let times = regex::Regex::new(r"\d+\.\d+").expect("a pattern");
        times.replace_all(&text, "T").into_owned()
    }

    fn started(step: u32, name: &str) -> Event {
        Event::Started { step: StepNumber(step), name: name.to_string() }
    }

    fn output(step: u32, text: &str) -> Event {
        Event::Output { step: StepNumber(step), stream: Stream::Stdout, bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn a_step_has_its_name_its_lines_and_its_end() {
        let events = vec![
            started(1, "[1/2] RUN make"),
            output(1, "one\ntw"),
            output(1, "o\nrest"),
            Event::Done { step: StepNumber(1) },
            started(2, "[2/2] COPY a b"),
            Event::Cached { step: StepNumber(2) },
        ];
        let want =
            "#1 [1/2] RUN make\n#1 T one\n#1 T two\n#1 T rest\n#1 DONE Ts\n\n#2 [2/2] COPY a b\n#2 CACHED\n";
        assert_eq!(shown(events), want);
    }

    #[test]
    fn lines_of_one_step_stay_together() {
        let events = vec![
            started(1, "a"),
            started(2, "b"),
            output(1, "a1\n"),
            output(2, "b1\n"),
            output(1, "a2\n"),
            Event::Done { step: StepNumber(1) },
            Event::Failed { step: StepNumber(2), message: "no\x1b[2J".into() },
        ];
        let want = "#1 a\n#1 T a1\n#1 T a2\n#1 DONE Ts\n\n#2 b\n#2 T b1\n#2 ERROR: no^[[2J\n";
        assert_eq!(shown(events), want);
    }
}
