//! Two JSON documents, value by value.

use serde_json::Value;

/// A place at which two documents differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueDifference {
    /// Where: a JSON pointer. SPEC: RFC 6901.
    pub pointer: String,
    /// What the first has there, if anything.
    pub first: Option<Value>,
    /// What the second has there, if anything.
    pub second: Option<Value>,
}

/// Every place at which two documents differ, as deep as possible, in the order of the first. Lists are compared place by
/// place.
pub fn value_differences(first: &Value, second: &Value) -> Vec<ValueDifference> {
    let mut differences = Vec::new();
    // LIMIT: no stack but this one; the documents are from outside.
    let mut left = vec![(String::new(), Some(first), Some(second))];
    while let Some((pointer, first, second)) = left.pop() {
        let below = left.len();
        match (first, second) {
            (first, second) if first == second => {}
            (Some(Value::Object(one)), Some(Value::Object(two))) => {
                let at = |key: &String| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                left.extend(one.iter().map(|(key, value)| (at(key), Some(value), two.get(key))));
                let more = two.iter().filter(|(key, _)| !one.contains_key(*key));
                left.extend(more.map(|(key, value)| (at(key), None, Some(value))));
            }
            (Some(Value::Array(one)), Some(Value::Array(two))) => {
                let places = 0..one.len().max(two.len());
                left.extend(places.map(|at| (format!("{pointer}/{at}"), one.get(at), two.get(at))));
            }
            (first, second) => {
                differences.push(ValueDifference { pointer, first: first.cloned(), second: second.cloned() });
            }
        }
        left[below..].reverse();
    }
    differences
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_difference_has_its_pointer() {
        let first = json!({"a": 1, "b": {"x/y": [1, 2], "same": true}, "c": null});
        let second = json!({"a": 2, "b": {"x/y": [1, 3, 4], "same": true}, "d": []});
        let found = value_differences(&first, &second);
        let found: Vec<_> = found.iter().map(|d| (d.pointer.as_str(), &d.first, &d.second)).collect();
        assert_eq!(
            found,
            [
                ("/a", &Some(json!(1)), &Some(json!(2))),
                ("/b/x~1y/1", &Some(json!(2)), &Some(json!(3))),
                ("/b/x~1y/2", &None, &Some(json!(4))),
                ("/c", &Some(Value::Null), &None),
                ("/d", &None, &Some(json!([]))),
            ]
        );
        assert_eq!(value_differences(&first, &first), []);
    }
}
