//! The name of a user, read from `/etc/passwd` by hand: a static binary must not call NSS.

/// The name that `/etc/passwd` gives a user id.
pub fn name_of(uid: u32) -> Option<String> {
    let file = std::fs::read(FILE).ok()?;
    find(&String::from_utf8_lossy(&file), uid).map(str::to_owned)
}

const FILE: &str = "/etc/passwd";

fn find(file: &str, uid: u32) -> Option<&str> {
    file.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid) && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number_and_damaged_lines_are_passed_over() {
        let file = "root:x:0:0::/root:/bin/sh\nbroken\n:x:7:7::/:\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(find(file, 1000), Some("ada"));
        assert_eq!(find(file, 7), None);
        assert_eq!(find(file, 8), None);
    }
}
