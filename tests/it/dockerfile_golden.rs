//! Each folder of `testdata/dockerfile` is a Dockerfile and what the parser makes of it.
//!
//! `expected` begins with a line that says what the case shows; the rest is rewritten with `RBUILD_BLESS=1`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rbuild::dockerfile::{
    Command, Dockerfile, Error, Healthcheck, Heredoc, Instruction, Kind, Lines, Script, Source, Span,
    Transfer, Word, decode, parse,
};

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/dockerfile");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(root)
        .expect("testdata is there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_case_parses_as_recorded() {
    let bless = std::env::var_os("RBUILD_BLESS").is_some();
    let mut wrong = String::new();
    let cases = cases();
    assert!(cases.len() > 40, "only {} cases found", cases.len());
    for case in cases {
        let bytes = std::fs::read(case.join("Dockerfile")).expect("a case has a Dockerfile");
        let recorded = std::fs::read_to_string(case.join("expected")).unwrap_or_default();
        let name = case.file_name().expect("a case has a name").to_string_lossy().into_owned();
        let (title, recorded) = recorded.split_once('\n').unwrap_or((&recorded, ""));
        if !title.starts_with("# ") {
            let _ = writeln!(
                wrong,
                "{name}: `expected` does not begin with a line that says what the case shows"
            );
            continue;
        }
        let found = match decode(&bytes).and_then(parse) {
            Ok(file) => tree(&file),
            Err(error) => refusal(&error),
        };
        if bless {
            std::fs::write(case.join("expected"), format!("{title}\n{found}")).expect("writable");
        } else if found != recorded {
            let _ = writeln!(wrong, "{name}: expected\n{recorded}\nfound\n{found}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nRBUILD_BLESS=1 records what was found");
}

fn refusal(error: &Error) -> String {
    let mut out = format!("error: {error}\n");
    if let Some(lines) = &error.lines {
        let _ = writeln!(out, "lines: {}-{}", lines.start(), lines.end());
    }
    if let Some(hint) = &error.hint {
        let _ = writeln!(out, "hint: {hint}");
    }
    out
}

fn tree(file: &Dockerfile) -> String {
    let mut out = String::new();
    let directives = [
        ("syntax", &file.directives.syntax),
        ("escape", &file.directives.escape),
        ("check", &file.directives.check),
    ];
    for (name, value) in directives {
        if let Some(value) = value {
            let _ = writeln!(out, "{name}={} {}", value.value, place(&file.lines, value.span));
        }
    }
    for instruction in &file.instructions {
        let mut dump = Dump { lines: &file.lines, out: String::new() };
        dump.instruction(instruction);
        out.push_str(&dump.out);
    }
    for warning in &file.warnings {
        let _ = writeln!(
            out,
            "warning {} {}: {}",
            place(&file.lines, warning.span),
            warning.rule,
            warning.message
        );
        if let Some(hint) = &warning.hint {
            let _ = writeln!(out, "  hint: {hint}");
        }
    }
    out
}

fn place(lines: &Lines, span: Span) -> String {
    let at = |offset| format!("{}:{}", lines.line_of(offset), lines.column_of(offset));
    format!("[{}-{}]", at(span.start), at(span.end))
}

struct Dump<'a> {
    lines: &'a Lines,
    out: String,
}

impl Dump<'_> {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "  {text}");
    }

    fn word(&mut self, name: &str, word: &Word) {
        self.line(&format!("{name} {:?} {}", word.raw, place(self.lines, word.span)));
    }

    fn option(&mut self, name: &str, word: &Option<Word>) {
        if let Some(word) = word {
            self.word(name, word);
        }
    }

    fn heredoc(&mut self, heredoc: &Heredoc) {
        let Heredoc { name, expand, chomp, fd, body, span } = heredoc;
        let place = place(self.lines, *span);
        self.line(&format!("heredoc {name:?} expand={expand} chomp={chomp} fd={fd} {place} {body:?}"));
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Exec(words) => self.line(&format!("exec {words:?}")),
            Command::Shell(text) => {
                self.line(&format!("shell {:?} {}", text.text, place(self.lines, text.span)));
                text.heredocs.iter().for_each(|heredoc| self.heredoc(heredoc));
                match text.script() {
                    Script::Shell(_) if text.heredocs.is_empty() => {}
                    Script::Shell(script) => self.line(&format!("script {script:?}")),
                    Script::File { name, content } => self.line(&format!("script file {name:?} {content:?}")),
                }
            }
        }
    }

    fn transfer(&mut self, transfer: &Transfer) {
        for source in &transfer.sources {
            match source {
                Source::Path(word) => self.word("source", word),
                Source::Heredoc(heredoc) => self.heredoc(heredoc),
            }
        }
        self.word("dest", &transfer.dest);
        self.option("from", &transfer.from);
        self.option("chown", &transfer.chown);
        self.option("chmod", &transfer.chmod);
        self.option("checksum", &transfer.checksum);
        transfer.exclude.iter().for_each(|word| self.word("exclude", word));
        for (name, set) in [
            ("link", transfer.link.then_some(true)),
            ("parents", transfer.parents.then_some(true)),
            ("keep-git-dir", transfer.keep_git_dir),
            ("unpack", transfer.unpack),
        ] {
            if let Some(set) = set {
                self.line(&format!("{name}={set}"));
            }
        }
    }

    fn instruction(&mut self, instruction: &Instruction) {
        let place = place(self.lines, instruction.span);
        let _ = writeln!(self.out, "{} {place} {:?}", instruction.keyword.value, instruction.original);
        if !instruction.comments.is_empty() {
            self.line(&format!("comments {:?}", instruction.comments));
        }
        if let Some(check) = &instruction.check {
            self.line(&format!("check {:?}", check.value));
        }
        match &instruction.kind {
            Kind::From(from) => {
                self.word("image", &from.image);
                self.option("platform", &from.platform);
                if let Some(alias) = &from.alias {
                    self.word("as", &Word { raw: alias.value.clone(), span: alias.span });
                }
                from.doc.iter().for_each(|doc| self.line(&format!("doc {doc:?}")));
            }
            Kind::Arg(declarations) => {
                for declaration in declarations {
                    self.word("name", &declaration.name);
                    self.option("default", &declaration.value);
                    declaration.doc.iter().for_each(|doc| self.line(&format!("doc {doc:?}")));
                }
            }
            Kind::Env(pairs) | Kind::Label(pairs) => {
                for pair in &pairs.pairs {
                    self.word("key", &pair.key);
                    self.word("value", &pair.value);
                }
                if pairs.legacy {
                    self.line("legacy");
                }
            }
            Kind::Run(run) => {
                run.mounts.iter().for_each(|word| self.word("mount", word));
                if (run.network, run.security) != Default::default() {
                    self.line(&format!("network {:?} security {:?}", run.network, run.security));
                }
                for device in &run.devices {
                    self.line(&format!("device {:?} required={}", device.name, device.required));
                }
                self.command(&run.command);
            }
            Kind::Copy(transfer) | Kind::Add(transfer) => self.transfer(transfer),
            Kind::Workdir(word) | Kind::User(word) | Kind::StopSignal(word) => self.word("value", word),
            Kind::Cmd(command) | Kind::Entrypoint(command) => self.command(command),
            Kind::Shell(words) => self.line(&format!("exec {words:?}")),
            Kind::Expose(words) | Kind::Volume(words) => {
                words.iter().for_each(|word| self.word("word", word))
            }
            Kind::Healthcheck(Healthcheck::None) => self.line("none"),
            Kind::Healthcheck(Healthcheck::Cmd(check)) => {
                self.line(&format!(
                    "interval={} timeout={} start-period={} start-interval={} retries={}",
                    check.interval, check.timeout, check.start_period, check.start_interval, check.retries
                ));
                self.command(&check.command);
            }
            Kind::Maintainer(name) => self.line(&format!("name {name:?}")),
            Kind::OnBuild(trigger) => {
                self.line(&format!("trigger {:?}", trigger.trigger));
                let mut inner = Dump { lines: self.lines, out: String::new() };
                inner.instruction(&trigger.instruction);
                inner.out.lines().for_each(|line| self.line(line));
            }
        }
    }
}
