//! Durations as Go writes them: `1m30s`, `1.5h`, `100ms`.

/// The nanoseconds in `text`, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<i64, &'static str> {
    const NOT_ONE: &str = "not a duration; write numbers with units, as in 1m30s";
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(NOT_ONE);
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number = rest.len() - rest.trim_start_matches(|ch: char| ch.is_ascii_digit() || ch == '.').len();
        let (number, behind) = rest.split_at(number);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return Err(NOT_ONE);
        }
        let unit = behind.find(|ch: char| ch.is_ascii_digit() || ch == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit);
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err("missing unit (ns, us, ms, s, m or h)"),
            _ => return Err("unknown unit (there are ns, us, ms, s, m and h)"),
        };
        // Far more digits than an i64 has nanoseconds cannot change the result, only overflow.
        if whole.trim_start_matches('0').len() > 19 {
            return Err("too long");
        }
        let digits = &fraction[..fraction.len().min(18)];
        let parsed =
            |digits: &str| digits.bytes().fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        total += parsed(whole) * scale + parsed(digits) * scale / 10_i128.pow(digits.len() as u32);
        rest = behind;
        if total > i128::from(i64::MAX) {
            return Err("too long");
        }
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| "too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_nanoseconds() {
        assert_eq!(parse("1m30s"), Ok(90_000_000_000));
        assert_eq!(parse("1.5h"), Ok(5_400_000_000_000));
        assert_eq!(parse("100ms"), Ok(100_000_000));
        assert_eq!(parse("-2us"), Ok(-2_000));
        assert_eq!(parse("+.5s"), Ok(500_000_000));
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse("1µs"), Ok(1_000));
        assert_eq!(parse("2562047h47m16.854775807s"), Ok(i64::MAX));
        for text in
            ["", "5", "s", ".s", "1.2.3s", "5x", "1 s", "-", "2562048h", "99999999999999999999h", "5s5"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
