//! The comma-separated form that `--output` and `--secret` share: one line of CSV, fields may be quoted.

/// Splits `a,b="c,d"` or `a,"b=c,d"` into fields. A quote doubled inside quotes is a quote.
pub fn fields(text: &str) -> Result<Vec<String>, String> {
    let mut fields = vec![String::new()];
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        let field = fields.last_mut().expect("never empty");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    if quoted { Err(format!("{text:?} ends inside quotes")) } else { Ok(fields) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_belong_to_the_field() {
        assert_eq!(
            fields("type=oci,\"name=a,b\",x=\"1,2\""),
            Ok(vec!["type=oci".into(), "name=a,b".into(), "x=1,2".into()])
        );
        assert_eq!(fields("\"a\"\"b\""), Ok(vec!["a\"b".into()]));
        assert!(fields("\"a").is_err());
    }
}
