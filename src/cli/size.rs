//! Sizes and times for people.

/// `12B`, `3.4kB`, `28.2MB`: decimal, as docker writes them.
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB"] {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    match unit {
        "B" => format!("{count}B"),
        _ if value < 10.0 => format!("{value:.2}{unit}"),
        _ if value < 100.0 => format!("{value:.1}{unit}"),
        _ => format!("{value:.0}{unit}"),
    }
}

/// How long ago, in the largest unit that fits: `3 days ago`.
pub fn ago(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => return "less than a minute ago".to_string(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// Reads `10GB`, `512m`, `1.5 GiB`, `1024`: units of 1000 with a `B` alone, of 1024 with `iB` and as one letter.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..at].parse().ok()?;
    let unit = text[at..].trim().to_ascii_lowercase();
    let (letter, base) = match unit.as_str() {
        "" | "b" => return (number.fract() == 0.0).then_some(number as u64),
        unit if unit.len() == 1 || unit.ends_with("ib") => (unit.chars().next()?, 1024_f64),
        unit if unit.len() == 2 && unit.ends_with('b') => (unit.chars().next()?, 1000_f64),
        _ => return None,
    };
    let power = "kmgt".find(letter)? as i32 + 1;
    Some((number * base.powi(power)) as u64)
}

/// Reads `90s`, `30m`, `24h`, `7d`, `1h30m` into seconds.
pub fn parse_age(text: &str) -> Option<u64> {
    let mut seconds = 0_u64;
    let mut number = String::new();
    for c in text.trim().chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    (number.is_empty() && !text.trim().is_empty()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (count, want) in
            [(0, "0B"), (999, "999B"), (1234, "1.23kB"), (28_200_000, "28.2MB"), (5_000_000_000, "5.00GB")]
        {
            assert_eq!(bytes(count), want);
        }
    }

    #[test]
    fn ages_have_units() {
        for (text, want) in [
            ("24h", Some(86_400)),
            ("7d", Some(604_800)),
            ("1h30m", Some(5400)),
            ("5", None),
            ("", None),
            ("h", None),
        ] {
            assert_eq!(parse_age(text), want, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_in_both_bases() {
        for (text, want) in [
            ("1024", Some(1024)),
            ("10GB", Some(10_000_000_000)),
            ("1g", Some(1 << 30)),
            ("1.5KiB", Some(1536)),
            ("x", None),
            ("5xb", None),
        ] {
            assert_eq!(parse_bytes(text), want, "{text}");
        }
    }
}
