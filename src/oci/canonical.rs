//! The one way in which a document becomes bytes.

use serde::Serialize;

/// The canonical JSON of `value`: members sorted by name, no white space, no HTML escapes, UTF-8.
///
/// ORDER: every digest of a manifest, config or index hangs on this function.
///
/// # Panics
///
/// If `value` cannot be JSON (a map with keys that are not strings): a defect, not an input.
pub fn canonical<T: Serialize>(value: &T) -> Vec<u8> {
    // `serde_json::Value` keeps members sorted as long as its `preserve_order` feature is off (a test below holds it).
    let value = serde_json::to_value(value).expect("a document has only string keys");
    serde_json::to_vec(&value).expect("a JSON value can be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_sorted_and_nothing_is_escaped_for_html() {
        let value = serde_json::json!({"b": "<&>", "a": [1, {"d": null, "c": "ü"}]});
        assert_eq!(canonical(&value), "{\"a\":[1,{\"c\":\"ü\",\"d\":null}],\"b\":\"<&>\"}".as_bytes());
    }
}
