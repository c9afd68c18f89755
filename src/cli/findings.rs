//! What the build checks found, as a person reads it.

use std::fmt::Write as _;

use super::display::escape;
use super::failure::lines_around;
use crate::build::Finding;
use crate::plan::Checks;

/// Each finding with its lines, in the order of the file, and how many there are. COMPAT: `docker build --check`'s words.
pub fn findings_text(findings: &[Finding]) -> String {
    let mut findings: Vec<&Finding> = findings.iter().collect();
    findings.sort_by_key(|finding| finding.warning.location.map(|location| location.first));
    let mut text = String::new();
    for Finding { warning, excerpt } in &findings {
        let page =
            if Checks::is_own(warning.rule) { String::new() } else { format!(" - {}", page(warning.rule)) };
        writeln!(text, "WARNING: {}{page}\n{}", warning.rule, escape(&warning.message)).expect("memory");
        if let Some(excerpt) = excerpt {
            text.push_str(&lines_around(excerpt));
        }
        text.push('\n');
    }
    text.push_str(&match findings.len() {
        0 => "Check complete, no warnings found.\n".to_string(),
        1 => "Check complete, 1 warning has been found!\n".to_string(),
        count => format!("Check complete, {count} warnings have been found!\n"),
    });
    text
}

/// Where a rule is explained: its name in small letters, a hyphen between two words.
fn page(rule: &str) -> String {
    let letters: Vec<char> = rule.chars().collect();
    let mut name = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let begins = letter.is_uppercase()
            && at > 0
            && (letters[at - 1].is_lowercase()
                || letters.get(at + 1).is_some_and(|next| next.is_lowercase()));
        if begins {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    format!("https://docs.docker.com/go/dockerfile/rule/{name}/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Excerpt;
    use crate::graph::Location;
    use crate::plan::Warning;

    fn finding(rule: &'static str, line: Option<usize>) -> Finding {
        let location = line.map(|line| Location { first: line, last: line });
        let excerpt = location.map(|location| {
            Box::new(Excerpt { name: "Dockerfile".into(), text: "FROM a\nCMD b\n".into(), location })
        });
        Finding { warning: Warning { rule, message: "so it is".into(), location }, excerpt }
    }

    #[test]
    fn findings_come_in_the_order_of_the_file() {
        let text = findings_text(&[finding("JSONArgsRecommended", Some(2)), finding("UnusedBuildArg", None)]);
        assert_eq!(
            text,
            "WARNING: UnusedBuildArg\nso it is\n\n\
             WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n\
             so it is\nDockerfile:2\n--------------------\n   1 |     FROM a\n   2 | >>> CMD b\n--------------------\n\n\
             Check complete, 2 warnings have been found!\n"
        );
        assert_eq!(findings_text(&[]), "Check complete, no warnings found.\n");
    }

    #[test]
    fn the_page_of_a_rule_has_its_name_in_words() {
        let page = |rule| page(rule).rsplit('/').nth(1).unwrap().to_string();
        assert_eq!(page("JSONArgsRecommended"), "json-args-recommended");
        assert_eq!(page("SecretsUsedInArgOrEnv"), "secrets-used-in-arg-or-env");
        assert_eq!(page("FromPlatformFlagConstDisallowed"), "from-platform-flag-const-disallowed");
    }
}
