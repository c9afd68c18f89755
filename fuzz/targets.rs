//! What is run: the parser and the planner behind it, the expansion of words, the patterns of ignore files.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rbuild::dockerfile::{
    Env, Heredoc, Kind, Span, Word, expand, expand_for_display, expand_heredoc, expand_words, parse,
    parse_mount, parse_trigger,
};
use rbuild::oci::Platform;
use rbuild::plan::{Outcome, Request, plan};
use rbuild::tree::{Matched, Patterns, RootPath};

use super::slow_patterns::left_out;

/// What to begin with.
pub fn seeds(target: &str) -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut texts = Vec::new();
    for folder in ["dockerfile", "plan"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("testdata is there") {
            let file = entry.expect("readable").path().join("Dockerfile");
            texts.extend(std::fs::read_to_string(file));
        }
    }
    texts.sort();
    match target {
        "expansion" => {
            let words =
                texts.iter().flat_map(|text| text.split_whitespace()).filter(|word| word.contains('$'));
            words.map(str::to_string).collect()
        }
        "patterns" => {
            ["a/**\n!a/b\n\na/b/c", "**/x\n\ny/x", "*.a\n[a-c]?\n\\*\n\na.a"].map(str::to_string).into()
        }
        _ => texts,
    }
}

/// Pieces that mean something.
pub fn tokens(target: &str) -> &'static [&'static str] {
    match target {
        "expansion" => &[
            "$", "${", "}", "a", "b", "none", ":-", ":+", "-", "+", ":?", "?", "#", "##", "%", "%%", "/",
            "//", "*", "\\", "'", "\"", " ", "$a", "${b:-", "é", "@", "1", "!", "\n", "`", "\0",
        ],
        "patterns" => &[
            "*",
            "**",
            "**/",
            "/",
            "?",
            "[",
            "]",
            "[^",
            "-",
            "!",
            "\\",
            "a",
            "b",
            "\n",
            "\n\n",
            "#",
            ".",
            "..",
            " ",
            "\r",
            "é",
            "(",
            "{2}",
            "[[:alpha:]]",
            "\\pL",
            "\\Q",
            "|",
            "^",
            "$",
            "\u{feff}",
        ],
        _ => &[
            "FROM a\n",
            "RUN ",
            "COPY ",
            "ADD ",
            "ENV ",
            "ARG ",
            "ONBUILD ",
            "HEALTHCHECK ",
            "CMD ",
            "SHELL ",
            "LABEL ",
            "VOLUME ",
            "EXPOSE ",
            "<<EOF",
            "<<-'E'",
            "\nEOF\n",
            "\n",
            "\\\n",
            "`\n",
            "# escape=`\n",
            "# check=skip=all\n",
            "#",
            "[\"",
            "\"]",
            ", ",
            "\\u00e9",
            "\\ud800",
            "--mount=",
            "--from=",
            "--link",
            "--",
            "type=cache,",
            "target=/x",
            "$a",
            "${a:-",
            "}",
            "\"",
            "'",
            "=",
            " ",
            "\t",
            "\r\n",
            "\u{feff}",
            "\u{a0}",
            "\0",
            "é",
            " AS b",
            "scratch",
            "--interval=",
            "1h2m",
            "NONE",
            "0-65535/tcp",
        ],
    }
}

/// A result without what is only size: letters, digits and repetitions are one.
fn shape(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut last = None;
    for c in text.chars().take(100_000) {
        let c = if c.is_alphanumeric() { '0' } else { c };
        if Some(c) != last {
            c.hash(&mut hasher);
        }
        last = Some(c);
    }
    hasher.finish()
}

/// Text to a syntax tree, and to a plan or a question.
pub fn parser(text: &str) -> Result<u64, String> {
    drop(parse_trigger(text));
    let file = match parse(text) {
        Ok(file) => file,
        Err(error) => {
            let span = error.span.unwrap_or_default();
            if span.end > text.len() || !text.is_char_boundary(span.start) || !text.is_char_boundary(span.end)
            {
                return Err(format!("the span {span:?} of an error is not in the text"));
            }
            let message = error.to_string();
            return Ok(shape(message.split([':', '"']).take(3).collect::<String>().as_str()));
        }
    };
    let mut kinds = String::new();
    let mut end = 0;
    for instruction in &file.instructions {
        let Span { start, end: last } = instruction.span;
        if start < end || last < start || text.get(start..last).is_none() {
            return Err(format!("the span {:?} does not follow {end}", instruction.span));
        }
        end = last;
        kinds += &format!("{:?}", std::mem::discriminant(&instruction.kind));
        if let Kind::OnBuild(on_build) = &instruction.kind
            && file.escape == '\\'
            && let Err(error) = parse_trigger(&on_build.trigger)
        {
            // What the file accepts acts later: the text that is kept must be read again.
            return Err(format!("a trigger cannot be read again: {error}: {:?}", on_build.trigger));
        }
        if let Kind::Run(run) = &instruction.kind {
            for mount in &run.mounts {
                drop(parse_mount(mount, &mut |word| Ok(word.raw.clone())));
            }
        }
    }
    let request = Request::new(file, Platform::new("linux", "amd64", None));
    let planned = match plan(&request, &BTreeMap::new()) {
        Ok(Outcome::Ready(plan)) => {
            format!("{} {:?}", plan.graph.steps.len(), plan.target.config.config.cmd.is_some())
        }
        Ok(Outcome::Needs(needs)) => format!("asks {}", needs.len()),
        Err(error) => error.to_string().split([':', '"']).take(2).collect(),
    };
    Ok(shape(&format!("{kinds}{planned}")))
}

struct Variables;

impl Env for Variables {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "a" => Some("x/y.z*?"),
            "b" => Some("  two words "),
            "e" => Some(""),
            _ => None,
        }
    }
}

/// A word, in every way in which words are expanded.
pub fn expansion(text: &str) -> Result<u64, String> {
    let word = Word { raw: text.to_string(), span: Span::default() };
    let mut result = String::new();
    for escape in ['\\', '`'] {
        let one = expand(&word, escape, &Variables);
        let many = expand_words(&word, escape, &Variables);
        if one.is_err() != many.is_err() {
            return Err(format!("as one word {one:?}, as several {many:?}"));
        }
        drop(expand_for_display(text, escape, &Variables));
        if let Ok(expanded) = one {
            let most = (text.len() + 1) * 20 * (text.len() + 1);
            if expanded.text.len() > most {
                return Err(format!("{} bytes became {}", text.len(), expanded.text.len()));
            }
            result += &expanded.text;
        } else {
            result += "error";
        }
    }
    let heredoc = Heredoc {
        name: "E".to_string(),
        expand: true,
        chomp: false,
        fd: 0,
        body: text.to_string(),
        span: Span::default(),
    };
    result += if expand_heredoc(&heredoc, &Variables).is_ok() { "h" } else { "e" };
    Ok(shape(&result))
}

/// An ignore file above a blank line, paths below it.
pub fn patterns(text: &str) -> Result<u64, String> {
    let (file, paths) = text.split_once("\n\n").unwrap_or((text, "a/b"));
    let lines: Vec<&str> = file.lines().collect();
    drop(Patterns::new(&lines));
    let Ok(patterns) = Patterns::parse(file) else { return Ok(0) };
    // What the slow matcher knows.
    let clean = |line: &&str| {
        !line.is_empty()
            && !line.contains(['\\', '[', ']', '^', ' ', '\r', '\t', '\u{feff}'])
            && !line.starts_with('#')
            && !line.chars().any(char::is_whitespace)
            && line.strip_prefix('!').unwrap_or(line).split('/').all(|name| !matches!(name, "" | "." | ".."))
    };
    let known = file.split('\n').all(|line| line.is_empty() || clean(&line));
    let list: Vec<String> = file.split('\n').filter(|line| !line.is_empty()).map(str::to_string).collect();
    let mut answers = String::new();
    for path in paths.split('\n') {
        let Ok(path) = RootPath::clean(path) else { continue };
        if path.is_root() {
            continue;
        }
        let left = patterns.matches(&path);
        let above = path.parent().unwrap_or_default();
        let parent: Option<Matched> = (!above.is_root()).then(|| patterns.step(&above, None));
        drop(patterns.step(&path, parent.as_ref()));
        let plain = String::from_utf8_lossy(path.as_bytes()).into_owned();
        // The slow one takes for ever on long ones.
        if known && plain.len() < 24 && file.len() < 64 && left != left_out(&list, &plain) {
            return Err(format!("{list:?} of {plain:?}: {left}, the slow matcher says the opposite"));
        }
        answers += if left { "x" } else { "-" };
    }
    Ok(shape(&format!("{}{answers}", file.replace(|c: char| c.is_alphanumeric(), "a"))))
}
