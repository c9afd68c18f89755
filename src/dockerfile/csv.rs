//! One line of comma-separated fields with double quotes, as the values of `--mount` and `--device` are.

/// The fields of `line`, or what is wrong with it.
pub(super) fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    const STRAY: &str = "a quote inside a field that does not start with one";
    const UNEVEN: &str = "a quote that is not closed, or text behind a closing quote";
    if line.is_empty() {
        return Err("no options");
    }
    let mut fields = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let Some(mut quoted) = text.strip_prefix('"') else {
            let (field, behind) =
                text.split_once(',').map_or((text, None), |(field, behind)| (field, Some(behind)));
            if field.contains('"') {
                return Err(STRAY);
            }
            fields.push(field.to_owned());
            rest = behind;
            continue;
        };
        let mut field = String::new();
        rest = loop {
            let (part, behind) = quoted.split_once('"').ok_or(UNEVEN)?;
            field.push_str(part);
            match behind.chars().next() {
                None => break None,
                Some(',') => break Some(&behind[1..]),
                Some('"') => {
                    field.push('"');
                    quoted = &behind[1..];
                }
                Some(_) => return Err(UNEVEN),
            }
        };
        fields.push(field);
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_commas() {
        assert_eq!(
            fields(r#"a=1,"b=2,3","c=""d""",,e"#).expect("well-formed"),
            ["a=1", "b=2,3", "c=\"d\"", "", "e"]
        );
        assert_eq!(fields("a,").expect("well-formed"), ["a", ""]);
        for line in ["", "a\"b", "\"a", "\"a\"b"] {
            assert!(fields(line).is_err(), "{line}");
        }
    }
}
