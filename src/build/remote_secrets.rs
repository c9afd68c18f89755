//! Secrets that servers are shown: `GIT_AUTH_TOKEN`, `GIT_AUTH_HEADER`, `HTTP_AUTH_TOKEN_<host>`, `HTTP_AUTH_HEADER_<host>`.

use super::error::Error;
use crate::http::{Secret, Url};
use crate::worker::Secrets;

/// LIMIT: headers of servers end far below.
const LONGEST: usize = 16 << 10;

/// The value of `Authorization` for a URL; none if there is no secret for its host.
pub fn url_authorization(url: &str, secrets: &Secrets) -> Result<Option<Secret>, Error> {
    let host = Url::parse(url).map_err(crate::source::Error::from)?.host().to_string();
    if let Some(header) = text(secrets, &format!("HTTP_AUTH_HEADER_{host}"))? {
        return Ok(Some(Secret::new(header)));
    }
    Ok(text(secrets, &format!("HTTP_AUTH_TOKEN_{host}"))?.map(|token| Secret::bearer(&token)))
}

/// The values of `Authorization` for repositories by host; the empty name is for all. A header comes before a token.
pub fn git_authorization(secrets: &Secrets) -> Result<Vec<(String, Secret)>, Error> {
    let mut found: Vec<(String, Secret)> = Vec::new();
    for (prefix, is_token) in [("GIT_AUTH_HEADER", false), ("GIT_AUTH_TOKEN", true)] {
        let ids: Vec<String> =
            secrets.ids().filter(|id| id.starts_with(prefix)).map(str::to_string).collect();
        for id in ids {
            let host = match id[prefix.len()..].strip_prefix('.') {
                Some(host) => host.to_ascii_lowercase(),
                None if id == prefix => String::new(),
                None => continue,
            };
            let Some(value) = text(secrets, &id)? else { continue };
            // COMPAT: what the hosts of today take for a token's user.
            let secret = if is_token { Secret::basic("x-access-token", &value) } else { Secret::new(value) };
            if found.iter().all(|(other, _)| *other != host) {
                found.push((host, secret));
            }
        }
    }
    Ok(found)
}

/// A secret as one line of a header.
fn text(secrets: &Secrets, id: &str) -> Result<Option<String>, Error> {
    let named = |source| crate::worker::Error::Secret { id: id.to_string(), source };
    let Some(bytes) = secrets.value(id).map_err(named)? else { return Ok(None) };
    let text = String::from_utf8(bytes).ok().map(|text| text.trim().to_string());
    let is_line =
        |text: &String| !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    match text.filter(is_line) {
        Some(text) => Ok(Some(text)),
        None => {
            Err(Error::Usage(format!("the secret {id} is not one line of text, so it cannot be a header")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(all: &[(&str, &str)]) -> Secrets {
        let mut secrets = Secrets::default();
        all.iter().for_each(|(id, value)| secrets.add_value(id, value.as_bytes().to_vec()));
        secrets
    }

    #[test]
    fn a_secret_is_shown_to_its_host_alone() {
        let secrets =
            secrets(&[("HTTP_AUTH_TOKEN_h.example", "t\n"), ("HTTP_AUTH_HEADER_g.example", "Basic x")]);
        let of = |url: &str| url_authorization(url, &secrets).expect("valid");
        assert_eq!(of("https://h.example:8443/x"), Some(Secret::bearer("t")));
        assert_eq!(of("https://g.example/x"), Some(Secret::new("Basic x")));
        assert_eq!(of("https://h.example.org/x"), None);
    }

    #[test]
    fn a_header_comes_before_a_token_and_a_host_before_all() {
        let all = git_authorization(&secrets(&[
            ("GIT_AUTH_TOKEN", "t"),
            ("GIT_AUTH_TOKEN.h.example", "u"),
            ("GIT_AUTH_HEADER.H.example", "Bearer v"),
            ("GIT_AUTH_TOKENS", "no"),
        ]));
        let want = [
            ("h.example".to_string(), Secret::new("Bearer v")),
            (String::new(), Secret::basic("x-access-token", "t")),
        ];
        assert_eq!(all.expect("valid"), want);
    }

    #[test]
    fn a_secret_with_a_line_break_would_be_another_header() {
        let secrets = secrets(&[("GIT_AUTH_HEADER", "a\nb: c")]);
        assert!(matches!(git_authorization(&secrets), Err(Error::Usage(_))));
    }
}
