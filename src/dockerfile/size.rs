//! Amounts of memory: `64m`, `1.5 GiB`, all in powers of 1024.

/// The bytes in `text`.
pub(super) fn parse(text: &str) -> Option<u64> {
    let split = text.rfind(|ch: char| ch.is_ascii_digit() || ch == '.' || ch == ' ')? + 1;
    let (number, unit) = text.split_at(split);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = if plain { number.parse().ok()? } else { return None };
    let exponent = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    let bytes = number * 1024_f64.powi(exponent);
    (bytes < i64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("100"), Some(100));
        assert_eq!(parse("64m"), Some(64 << 20));
        assert_eq!(parse("1.5 GiB"), Some(3 << 29));
        assert_eq!(parse("2KB"), Some(2048));
        for text in ["", "m", "-1", "1x", "1mm", "1e3", "1..2", "99999999p", "1kbi", " "] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
