//! What two pieces of text that differ look like: times, ids, numbers of processors and the like.

use std::sync::LazyLock;

use regex::Regex;

use super::names::looks_made_up;
use super::number::first_difference;

/// LIMIT: ours. So far to either side of the difference a piece is looked for; a line may be a whole file.
const REACH: usize = 160;

/// One look that pieces may have.
struct Look {
    rule: &'static str,
    pattern: Regex,
    /// Among what it is believed.
    among: &'static [Among],
    /// What both must have in common besides.
    also: fn(Found<'_>) -> bool,
}

/// Two pieces that stand at one place and differ.
#[derive(Clone, Copy)]
struct Found<'a> {
    first: &'a str,
    second: &'a str,
    /// How many bytes they share at their beginning.
    shared: usize,
}

/// Where the two pieces were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// In text.
    Text,
    /// In text between the other bytes of a program.
    Program,
    /// In text between other bytes, where less is believed.
    Bytes,
}

const ONLY_TEXT: &[Among] = &[Among::Text];
const ANYWHERE: &[Among] = &[Among::Text, Among::Program, Among::Bytes];

const MONTH: &str = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*";
const CLOCK: &str = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?";
const UUID: &str = r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b";

/// Times in the ways that programs write them; the longest first, since the first that fits is taken.
fn times() -> String {
    let day = "(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?[ ]+)?";
    let zone = "(?:Z|[ ]?[+-][0-9]{2}:?[0-9]{2}|[ ](?:AM|PM|[A-Z]{3,5})\\b)*";
    [
        // date, ctime, __DATE__.
        format!(r"\b{day}{MONTH}[ ]+[0-9]{{1,2}}\b(?:,?[ ]+{CLOCK})?{zone}(?:,?[ ]+[0-9]{{4}}\b)?(?:[ ]+{CLOCK})?{zone}"),
        // Mail, HTTP, Debian's changelogs.
        format!(r"\b{day}[0-9]{{1,2}}[ -]{MONTH}[ -][0-9]{{4}}\b(?:[ :]+{CLOCK})?{zone}"),
        // ISO 8601 and what is near it.
        format!(r"\b[12][0-9]{{3}}[-/.][0-9]{{2}}[-/.][0-9]{{2}}(?:[T _-]{{1,2}}[0-9]{{2}}[:_-][0-9]{{2}}(?:[:_-][0-9]{{2}}(?:[.,_][0-9]{{1,9}})?)?)?{zone}"),
        // The same without marks.
        r"\b20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[T._-]?[0-9]{6}(?:[0-9]{3})?)?Z?\b".to_string(),
        r"\b[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?\b".to_string(),
    ]
    .join("|")
}

static TIMES: LazyLock<Regex> = LazyLock::new(|| regex(&times()));

/// ORDER: what holds others comes before them: a path may have an id in it, an id may have what looks like a date.
static LOOKS: LazyLock<Vec<Look>> = LazyLock::new(|| {
    let look = |rule, pattern: &str, among| Look { rule, pattern: regex(pattern), among, also: |_| true };
    vec![
        look(
            "text-temporary-path",
            r#"(?:/var/tmp|/tmp|/dev/shm)/[^\s"':;,<>)\]]+|\btmp\.[A-Za-z0-9]{6,}"#,
            ANYWHERE,
        ),
        look("text-uuid", UUID, ANYWHERE),
        look("text-time", &times(), ANYWHERE),
        // Seconds since 1970, or parts of them: of two runs, the first digits are the same.
        Look {
            also: |found| found.shared >= 3,
            ..look(
                "text-time",
                r"\b1[4-9][0-9]{8}(?:[0-9]{3}|[0-9]{6}|[0-9]{9})?(?:\.[0-9]{1,9})?\b",
                ONLY_TEXT,
            )
        },
        // A program has many numbers: fewer forms are believed of what compilers were told.
        Look {
            also: |found| found.shared >= 3,
            ..look("text-time", r"\b1[4-9][0-9]{8}\b", &[Among::Program])
        },
        look("text-address", r"\b0x[0-9a-fA-F]{6,16}\b", ONLY_TEXT),
        look(
            "text-duration",
            r"\b[0-9]+m[0-9.]+s\b|\b[0-9]+(?:\.[0-9]+)?[ ]?(?:ms|µs|us|ns|s|secs?|seconds?|mins?|minutes?)\b",
            ONLY_TEXT,
        ),
        look(
            "text-process",
            r"(?i)\bpid[^0-9a-z\n]{0,4}[0-9]+|/proc/[0-9]+|\b[a-z_-]+\[[0-9]+\]:",
            ONLY_TEXT,
        ),
        look(
            "text-processors",
            r"(?i)(?:\b(?:nproc|n?cpus?|cores?|processors?|processing units|jobs|threads|workers|parallel(?:ism)?|load-average)\b[^0-9a-z\n]{0,6}|(?:^|[\s=])-[jl][ ]?)[0-9]{1,4}\b|\bcpus_allowed(?:_list)?:[ \t]*[0-9a-f,-]+|\b[0-9]{1,4}[ ]+(?:cpus?|cores?|processors?|threads|jobs|workers)\b",
            ONLY_TEXT,
        ),
        look(
            "text-host",
            r"(?i)\b(?:host(?:[_-]?name)?|nodename|uname|build[_-]host)\b[^0-9a-z\n]{1,4}[0-9a-z._-]+|\blinux version [^ \n]+|\b[0-9]+\.[0-9]+\.[0-9]+-[0-9a-z.+_-]*(?:generic|amd64|arm64|cloud|azure|aws|gcp|lts|microsoft|el[0-9]+|fc[0-9]+)[0-9a-z._-]*",
            ONLY_TEXT,
        ),
        look(
            "text-checksum",
            r"(?i)\b(?:sha-?[0-9]{1,3}|md5|digest|checksum|integrity|hash|etag)(?:sum)?\b[^\n]{0,12}?[0-9a-z+/=_-]{16,}",
            ONLY_TEXT,
        ),
        Look {
            also: |found| found.first.len() == found.second.len(),
            ..look("text-token", r"\b[0-9a-fA-F]{16,}\b", ONLY_TEXT)
        },
        Look {
            also: |found| {
                found.first.len().abs_diff(found.second.len()) <= 2
                    && is_mixed(found.first)
                    && is_mixed(found.second)
            },
            ..look(
                "text-token",
                r"[A-Za-z0-9+/_-]{20,}={0,2}|\$[0-9][a-z]?\$[A-Za-z0-9./$=,-]{16,}",
                ONLY_TEXT,
            )
        },
        Look { also: has_made_up_part, ..look("text-path", r"(?:/[A-Za-z0-9_.+@~-]+){2,}", ANYWHERE) },
        look("text-version", r"\bv?[0-9]+(?:\.[0-9]+){2,}(?:[-+~.:][0-9A-Za-z.+~-]+)?", ONLY_TEXT),
    ]
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

/// Whether capitals, small letters and numerals are all there, as in base64 of chance.
fn is_mixed(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
}

/// Whether the first component in which two paths differ was made up by a program, in both.
fn has_made_up_part(found: Found<'_>) -> bool {
    let mut parts = found.first.split('/').zip(found.second.split('/'));
    parts
        .find(|(first, second)| first != second)
        .is_some_and(|(first, second)| looks_made_up(first) && looks_made_up(second))
}

/// Whether a date with more than its numerals stands in a name. Versions are dates too, so more is asked for than of what
/// differs in a text.
pub fn has_date(name: &str) -> bool {
    TIMES.find_iter(name).any(|found| found.len() > "20260102".len() && !found.as_str().contains('.'))
}

/// The rule that says what stands where two texts begin to differ.
pub fn look(first: &str, second: &str, among: Among) -> Option<&'static str> {
    let at = first_difference(first.as_bytes(), second.as_bytes())?;
    // Both texts are the same up to there, so one place serves for both.
    let start = floor(first, at.saturating_sub(REACH));
    let (first, second) = (reach(first, start, at), reach(second, start, at));
    let at = at - start;
    let fits = |look: &&Look| {
        let (Some(one), Some(other)) = (piece(&look.pattern, first, at), piece(&look.pattern, second, at))
        else {
            return false;
        };
        let starts_alike = one.start() == other.start() && one.as_str() != other.as_str();
        let found =
            Found { first: one.as_str(), second: other.as_str(), shared: at.saturating_sub(one.start()) };
        starts_alike && (look.also)(found)
    };
    let believed = |look: &&Look| look.among.contains(&among);
    LOOKS.iter().filter(believed).find(fits).map(|look| look.rule)
}

/// The piece of such a look that holds the place, or ends there.
fn piece<'a>(pattern: &Regex, text: &'a str, at: usize) -> Option<regex::Match<'a>> {
    pattern.find_iter(text).take_while(|found| found.start() <= at).find(|found| found.end() >= at)
}

fn reach(text: &str, start: usize, at: usize) -> &str {
    let end = floor(text, at.saturating_add(REACH));
    text.get(start..end).unwrap_or_default()
}

/// The last place that lies between two characters, up to this one.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_known_by_their_look() {
        for (rule, first, second) in [
            (
                "text-time",
                "built Fri Jan  2 03:04:05 UTC 2026 by x",
                "built Fri Jan  2 03:04:06 UTC 2026 by x",
            ),
            ("text-time", "Fri Jan  2 03:04:05 AM UTC 2026", "Sat Jan  3 03:04:05 AM UTC 2026"),
            ("text-time", "Jan  2 2026", "Jan  3 2026"),
            ("text-time", "at=2026-01-02T03:04:05.123456Z;", "at=2026-01-02T03:04:05.123457Z;"),
            ("text-time", "2026-01-02 03:04:05 status", "2026-01-02 03:04:09 status"),
            ("text-time", "Fri, 02 Jan 2026 03:04:05 +0000", "Fri, 02 Jan 2026 03:05:05 +0000"),
            ("text-time", "20260102030405", "20260102030406"),
            ("text-time", "[03:04:05] done", "[03:04:06] done"),
            ("text-time", "{\"at\":1767323045123}", "{\"at\":1767323047001}"),
            ("text-time", "t 1767323045.5", "t 1767323049.25"),
            (
                "text-uuid",
                "id 9b2f1c34-0a1b-4c2d-8e3f-0123456789ab",
                "id 1c342f9b-0a1b-4c2d-8e3f-0123456789ab",
            ),
            ("text-temporary-path", "in /tmp/tmp.AbCdEf/x", "in /tmp/tmp.GhIjKl/x"),
            ("text-temporary-path", "dir=/tmp/pip-req-build-x8f2k1_q", "dir=/tmp/pip-req-build-a9f2k1_q"),
            ("text-address", "<object at 0x7f12a4b3c2d0>", "<object at 0x7f9ca4b3c2d0>"),
            ("text-duration", "finished in 3.21s", "finished in 3.4s"),
            ("text-duration", "real\t0m1.234s", "real\t0m1.300s"),
            ("text-process", "pid: 123", "pid: 144"),
            ("text-process", "sshd[12]: x", "sshd[17]: x"),
            ("text-processors", "MAKEFLAGS=-j8", "MAKEFLAGS=-j16"),
            ("text-processors", "built with 8 CPUs", "built with 64 CPUs"),
            ("text-processors", "nproc=2", "nproc=1"),
            ("text-processors", "Cpus_allowed:\tff", "Cpus_allowed:\t01"),
            ("text-processors", "Cpus_allowed_list:\t0-7", "Cpus_allowed_list:\t3"),
            ("text-host", "hostname: a1b2", "hostname: c3d4"),
            ("text-host", "on 6.1.0-18-amd64", "on 6.1.0-21-amd64"),
            ("text-checksum", "sha256=0123456789abcdef01", "sha256=f123456789abcdef01"),
            ("text-token", "key 0123456789abcdef", "key fedcba9876543210"),
            ("text-token", "s=aGVsbG8gd29ybGQgMTIz=", "s=Zm9vYmFyYmF6cXV4cXV1eA="),
            ("text-path", "/build/tmpk3j_9x2a/src", "/build/tmpq8x_1a2b/src"),
            ("text-version", "curl 7.88.1-10", "curl 7.88.1-11"),
        ] {
            assert_eq!(look(first, second, Among::Text), Some(rule), "{first} {second}");
        }
    }

    #[test]
    fn what_has_no_such_look_is_nothing() {
        for (first, second) in [
            ("alpha", "beta"),
            ("3", "4"),
            ("count: 1234567890", "count: 1834567890"),
            ("1.5", "1.6"),
            ("", "x"),
            ("/usr/lib/a", "/usr/lib/b"),
            // The time stands in both, and is not what differs.
            ("2026-01-02 a", "2026-01-02 b"),
            ("a 2026-01-02", "b 2026-01-02"),
            ("naïve ü", "naïve ö"),
        ] {
            assert_eq!(look(first, second, Among::Text), None, "{first} {second}");
        }
    }

    #[test]
    fn less_is_believed_between_other_bytes() {
        assert_eq!(look("x 12:30:01", "x 12:30:02", Among::Bytes), Some("text-time"));
        assert_eq!(look("1767323045", "1767323046", Among::Bytes), None);
        assert_eq!(look("3s", "4s", Among::Bytes), None);
    }

    #[test]
    fn seconds_are_believed_in_a_program_if_they_are_near() {
        let found = |first, second| look(first, second, Among::Program);
        assert_eq!(found("1767323045", "1767323046"), Some("text-time"));
        assert_eq!(found("at 1767323045;", "at 1767323099;"), Some("text-time"));
        for (first, second) in [
            ("1767323045", "1467323045"),
            ("1067323045", "1067323046"),
            ("17673230451", "17673230452"),
            ("x1767323045", "x1767323046"),
            ("12 cpus", "14 cpus"),
        ] {
            assert_eq!(found(first, second), None, "{first} {second}");
        }
    }

    #[test]
    fn a_line_of_a_megabyte_is_looked_at_near_the_difference() {
        let line = |end: &str| format!("{}{end}{}", "é".repeat(500_000), "ü".repeat(500_000));
        assert_eq!(look(&line(" 03:04:05 "), &line(" 03:04:06 "), Among::Text), Some("text-time"));
        assert_eq!(look(&line(" é "), &line(" ê "), Among::Text), None);
    }
}
