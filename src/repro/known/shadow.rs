//! The file of passwords: which user, and which field. What a field holds is never said, but for the day.

use super::number::first_difference;
use super::pair::{Finding, Pair};

const NAMES: &[&[u8]] = &[b"etc/shadow", b"etc/shadow-", b"etc/gshadow", b"etc/gshadow-"];

/// Whether it is one, by its name.
pub fn is_one(pair: &Pair<'_>) -> bool {
    NAMES.contains(&pair.name)
}

/// Says which user's password or day differs.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    let at = first_difference(pair.first, pair.second)?;
    let (first, second) = (fields(pair.first, at), fields(pair.second, at));
    let user = String::from_utf8_lossy(first.first()?);
    if first.first() != second.first() {
        return Some(Finding::new("shadow", "not the same users in the same order"));
    }
    // SPEC: shadow(5): name, password, day of the last change.
    let field = |fields: &[&[u8]], number: usize| fields.get(number).map(|field| field.to_vec());
    if field(&first, 1) == field(&second, 1) && field(&first, 2) != field(&second, 2) {
        let day = |fields| String::from_utf8_lossy(&field(fields, 2).unwrap_or_default()).into_owned();
        let detail = format!("user {user}: day {}, then {}", day(&first), day(&second));
        return Some(Finding::new("shadow-day", detail));
    }
    Some(Finding::new("shadow", format!("user {user}")))
}

/// The fields of the line in which this place is.
fn fields(bytes: &[u8], at: usize) -> Vec<&[u8]> {
    let at = at.min(bytes.len());
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = bytes[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.split(|byte| *byte == b':').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(first: &str, second: &str) -> Finding {
        look(&Pair::new(b"etc/shadow", first.as_bytes(), second.as_bytes(), true)).unwrap()
    }

    #[test]
    fn the_user_and_the_day_are_said_and_the_password_is_not() {
        let file = |password: &str, day: u32| format!("root:*:19000:0:::::\nalice:{password}:{day}:0:::::\n");
        let finding = found(&file("$6$aa$xx", 20_455), &file("$6$bb$yy", 20_455));
        assert_eq!((finding.rule, finding.detail.as_str()), ("shadow", "user alice"));
        let finding = found(&file("!", 20_455), &file("!", 20_456));
        assert_eq!(
            (finding.rule, finding.detail.as_str()),
            ("shadow-day", "user alice: day 20455, then 20456")
        );
        assert_eq!(
            found("a:x:1:\nb:y:1:\n", "b:y:1:\na:x:1:\n").detail,
            "not the same users in the same order"
        );
        assert_eq!(found("a:x:1:\n", "a:x:1:\nb:secret:1:\n").rule, "shadow");
    }
}
