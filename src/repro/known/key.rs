//! Private keys in text form: never shown, wherever they lie.

use super::pair::{Finding, Pair};

/// So far into the file its first line may be: a certificate may stand before the key.
const REACH: usize = 64 << 10;
const BEGIN: &[u8] = b"-----BEGIN ";
const KIND: &[u8] = b"PRIVATE KEY-----";

/// Says that one of both is a key.
pub fn look(pair: &Pair<'_>) -> Option<Finding> {
    (has_key(pair.first) || has_key(pair.second)).then(|| Finding::new("private-key", ""))
}

fn has_key(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..REACH).unwrap_or(bytes);
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.any(|line| line.starts_with(BEGIN) && line.ends_with(KIND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_and_none_of_it_is_said() {
        let key =
            |body: &str| format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n");
        let (first, second) = (key("c2VjcmV0"), key("aGlkZGVu"));
        let found = look(&Pair::new(b"srv/key.pem", first.as_bytes(), second.as_bytes(), true)).unwrap();
        assert_eq!(found, Finding::new("private-key", ""));
        assert_eq!(look(&Pair::new(b"x", b"-----BEGIN CERTIFICATE-----", b"", true)), None);
    }
}
