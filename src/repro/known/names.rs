//! Names that nobody chose: what mktemp and its like make up, and what has the time in it.

use std::sync::LazyLock;

use regex::Regex;

use super::pieces::has_date;

/// Forms that no other names have.
static FORMS: LazyLock<Regex> = LazyLock::new(|| {
    let uuid = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}";
    let forms = [
        // tempfile of Python; pip and others put their own word before.
        "tmp[a-z0-9_]{8}".to_string(),
        "pip-[a-z-]+-[a-z0-9_]{8}".to_string(),
        // gcc, go, npm, file systems in the network, scripts that take the number of their process.
        r"cc[A-Za-z0-9]{6}\.(?:o|s|c|i|res|ld|le|ltrans.*)".to_string(),
        "go-build[0-9]{5,}".to_string(),
        "npm-[0-9]+-[0-9a-f]{6,}".to_string(),
        r"\.nfs[0-9a-f]{16,}".to_string(),
        r"tmp[._-][0-9]{2,}(?:\..*)?".to_string(),
        format!("(?:.*[^0-9a-fA-F])?{uuid}(?:[^0-9a-fA-F].*)?"),
    ];
    Regex::new(&format!("^(?:{})$", forms.join("|"))).expect("a constant pattern")
});

/// Whether a component of a path looks as if made up by a program.
pub fn looks_made_up(name: &str) -> bool {
    FORMS.is_match(name) || has_chosen_end(name) || has_long_hex(name)
}

/// What mktemp makes: `tmp.XXXXXXXXXX`, or another name with six or more letters and digits in place of the X.
fn has_chosen_end(name: &str) -> bool {
    let end = name.rsplit(['.', '-', '_']).next().unwrap_or_default();
    let before = &name[..name.len() - end.len()];
    if before.is_empty() || !(6..=16).contains(&end.len()) || !end.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        return false;
    }
    let kind = |byte: &u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    let changes = end.as_bytes().windows(2).filter(|pair| kind(&pair[0]) != kind(&pair[1])).count();
    // After `tmp.`, hardly anything else is meant; elsewhere names such as `libQt5Core` are to be told from it.
    let least = if before.trim_start_matches('.').starts_with("tmp") { 1 } else { 4 };
    changes >= least && (least == 1 || end.len() >= 8 && end.bytes().any(|b| b.is_ascii_digit()))
}

/// Whether sixteen or more hexadecimal digits stand together, letters and numerals among them.
fn has_long_hex(name: &str) -> bool {
    name.split(|c: char| !c.is_ascii_hexdigit()).any(|run| {
        run.len() >= 16
            && run.bytes().any(|b| b.is_ascii_digit())
            && run.bytes().any(|b| b.is_ascii_alphabetic())
    })
}

/// Whether a component of a path has the time in it.
pub fn has_time(name: &str) -> bool {
    has_date(name) || has_seconds(name)
}

/// Whether seconds since 1970, or parts of them, stand in a name by themselves, and not as a part of a version.
fn has_seconds(name: &str) -> bool {
    let mut at = 0;
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        // All that ends a word is a byte or more; other bytes are no numerals.
        let start = at + name[at..].find(word).unwrap_or_default();
        at = start + word.len();
        let (before, after) = (&name[..start], &name[at..]);
        is_seconds(word) && !is_version(before, after)
    })
}

/// LIMIT: ours. From the year 2014 to 2033, as of two runs that anybody compares.
fn is_seconds(word: &str) -> bool {
    let digits = word.as_bytes();
    matches!(digits.len(), 10 | 13 | 16 | 19)
        && digits.iter().all(u8::is_ascii_digit)
        && digits[0] == b'1'
        && (b'4'..=b'9').contains(&digits[1])
}

/// Whether a number is a part of a version, by what stands before and after it.
fn is_version(before: &str, after: &str) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let before = before.strip_suffix('.').unwrap_or_default();
    digit(before.as_bytes().last())
        || before.ends_with(".so")
        || digit(after.strip_prefix('.').unwrap_or_default().as_bytes().first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_mktemp_and_its_like_are_made_up() {
        for name in [
            "tmp.AbCdEfGhIj",
            "tmp.0Q3zX1",
            "tmpk3j_9x2a",
            "pip-build-env-x8f2k1_q",
            "ccY5tR2a.o",
            "go-build1839201742",
            "npm-31-8fd3a1b2",
            "job-9b2f1c34-0a1b-4c2d-8e3f-0123456789ab.json",
            "snapshot-4f2a9c81d3e07b65",
            "work.aB3dE9xZq1",
        ] {
            assert!(looks_made_up(name), "{name}");
        }
    }

    #[test]
    fn names_that_somebody_chose_are_not() {
        for name in [
            "",
            "tmp",
            "tmp.",
            "tmpfiles.d",
            "README.Debian",
            "libQt5Core.so.5",
            "libFoo.Qt5Core",
            "jquery.min.js",
            "python3.11",
            "module-20260102",
            "x86_64-linux-gnu",
            "config-template",
            "ü-ßöäü",
            "deadbeefdeadbeef",
        ] {
            assert!(!looks_made_up(name), "{name}");
        }
    }

    #[test]
    fn a_name_has_a_time_and_not_only_a_version_that_is_a_date() {
        for name in [
            "backup-2026-01-02",
            "2026-01-02T03_04_05_678Z-debug-0",
            "dump.20260102030405",
            "dump.1796062599",
            "libs_1796062599.so",
            "x-1796062599123",
            "1796062599",
            "ü1-1796062599123456789-ü",
        ] {
            assert!(has_time(name), "{name}");
        }
        for name in [
            "certifi-2026.01.02",
            "libabsl_base.so.20260102",
            "x-1.2.3",
            "2026",
            "x-0.1796062599",
            "x-1796062599.1",
            "libx.so.1796062599",
            "x1796062599",
            "1796062599ab",
            "x-1096062599",
            "x-17960625991",
            "",
            "..",
        ] {
            assert!(!has_time(name), "{name}");
        }
    }
}
