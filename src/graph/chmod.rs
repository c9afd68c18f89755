//! `--chmod`: octal or symbolic permissions.

use std::fmt;
use std::str::FromStr;

/// A change of permission bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chmod {
    /// These bits, whatever was before.
    Octal(u32),
    /// Clauses such as `u=rwX,go=rX`, applied in order, with a umask of 0.
    Symbolic(Vec<Clause>),
}

/// One clause of a symbolic mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Whose: a mask of 0o700, 0o070 and 0o007.
    who: u32,
    operator: Operator,
    /// `r`, `w`, `x` as 4, 2, 1.
    bits: u32,
    /// `X`: execution for directories, and where somebody has it already.
    conditional: bool,
    /// `s`: setuid and setgid.
    set_id: bool,
    /// `t`
    sticky: bool,
    /// `u`, `g` or `o` copied from: shift of the class.
    copy: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Remove,
    Set,
}

impl Chmod {
    /// The permission bits that `mode` becomes.
    pub fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        match self {
            Chmod::Octal(bits) => *bits,
            Chmod::Symbolic(clauses) => {
                clauses.iter().fold(mode, |mode, clause| clause.apply(mode, is_directory))
            }
        }
    }
}

impl Clause {
    fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        let mut bits = self.bits | self.copy.map_or(0, |shift| mode >> shift & 7);
        if self.conditional && (is_directory || mode & 0o111 != 0) {
            bits |= 1;
        }
        let mut change = (bits << 6 | bits << 3 | bits) & self.who;
        if self.set_id {
            change |= if self.who & 0o700 != 0 { 0o4000 } else { 0 }
                | if self.who & 0o070 != 0 { 0o2000 } else { 0 };
        }
        if self.sticky {
            change |= 0o1000;
        }
        match self.operator {
            Operator::Add => mode | change,
            Operator::Remove => mode & !change,
            Operator::Set => {
                let special = if self.who & 0o700 != 0 { 0o4000 } else { 0 }
                    | if self.who & 0o070 != 0 { 0o2000 } else { 0 }
                    | if self.who == 0o777 { 0o1000 } else { 0 };
                mode & !(self.who | special) | change
            }
        }
    }
}

/// A mode that is neither octal up to 7777 nor symbolic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid chmod parameter {0:?}: it should be an octal number between 0 and 07777 or a symbolic mode such as u=rwX,go=rX"
)]
pub struct InvalidChmod(String);

impl FromStr for Chmod {
    type Err = InvalidChmod;

    fn from_str(text: &str) -> Result<Chmod, InvalidChmod> {
        let wrong = || InvalidChmod(text.to_string());
        if text.bytes().all(|b| b.is_ascii_digit()) {
            let bits = u32::from_str_radix(text, 8).map_err(|_| wrong())?;
            return if bits <= 0o7777 { Ok(Chmod::Octal(bits)) } else { Err(wrong()) };
        }
        let mut clauses = Vec::new();
        for clause in text.split(',') {
            parse_clause(clause, &mut clauses).ok_or_else(wrong)?;
        }
        Ok(Chmod::Symbolic(clauses))
    }
}

/// Reads `ugo+rw-x`: one `who` and one or more operations.
fn parse_clause(text: &str, clauses: &mut Vec<Clause>) -> Option<()> {
    let operators = |c: char| matches!(c, '+' | '-' | '=');
    let at = text.find(operators)?;
    let mut who = 0;
    for c in text[..at].chars() {
        who |= match c {
            'u' => 0o700,
            'g' => 0o070,
            'o' => 0o007,
            'a' => 0o777,
            _ => return None,
        };
    }
    let who = if at == 0 { 0o777 } else { who };
    let mut rest = &text[at..];
    while let Some(first) = rest.chars().next() {
        let operator = match first {
            '+' => Operator::Add,
            '-' => Operator::Remove,
            _ => Operator::Set,
        };
        let end = rest[1..].find(operators).map_or(rest.len(), |at| at + 1);
        let mut clause =
            Clause { who, operator, bits: 0, conditional: false, set_id: false, sticky: false, copy: None };
        let permissions = &rest[1..end];
        for c in permissions.chars() {
            match c {
                'r' => clause.bits |= 4,
                'w' => clause.bits |= 2,
                'x' => clause.bits |= 1,
                'X' => clause.conditional = true,
                's' => clause.set_id = true,
                't' => clause.sticky = true,
                'u' | 'g' | 'o' if permissions.len() == 1 => {
                    clause.copy = Some(match c {
                        'u' => 6,
                        'g' => 3,
                        _ => 0,
                    });
                }
                _ => return None,
            }
        }
        clauses.push(clause);
        rest = &rest[end..];
    }
    Some(())
}

impl fmt::Display for Chmod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chmod::Octal(bits) => write!(f, "{bits:04o}"),
            Chmod::Symbolic(clauses) => {
                for (index, clause) in clauses.iter().enumerate() {
                    write!(f, "{}{clause}", if index > 0 { "," } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = |mask, name| if self.who & mask != 0 { name } else { "" };
        let operator = match self.operator {
            Operator::Add => '+',
            Operator::Remove => '-',
            Operator::Set => '=',
        };
        write!(f, "{}{}{}{operator}", class(0o700, "u"), class(0o070, "g"), class(0o007, "o"))?;
        let flags = [
            (self.bits & 4 != 0, 'r'),
            (self.bits & 2 != 0, 'w'),
            (self.bits & 1 != 0, 'x'),
            (self.conditional, 'X'),
            (self.set_id, 's'),
            (self.sticky, 't'),
            (self.copy == Some(6), 'u'),
            (self.copy == Some(3), 'g'),
            (self.copy == Some(0), 'o'),
        ];
        flags.iter().filter(|(on, _)| *on).try_for_each(|(_, name)| write!(f, "{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbolic_modes_do_what_chmod_does() {
        for (text, mode, directory, want) in [
            ("755", 0o600, false, 0o755),
            ("u=rwX,go=rX", 0o600, false, 0o644),
            ("u=rwX,go=rX", 0o600, true, 0o755),
            ("a+x", 0o644, false, 0o755),
            ("+x", 0o644, false, 0o755),
            ("go-w", 0o666, false, 0o644),
            ("g=u", 0o640, false, 0o660),
            ("u+s", 0o755, false, 0o4755),
            ("g+s", 0o755, true, 0o2755),
            ("+t", 0o777, true, 0o1777),
            ("o=", 0o777, false, 0o770),
            ("u=rw-x+r", 0o700, false, 0o600),
        ] {
            let chmod: Chmod = text.parse().expect(text);
            assert_eq!(chmod.apply(mode, directory), want, "{text} on {mode:o}");
            assert_eq!(chmod.to_string().parse(), Ok(chmod), "{text}");
        }
    }

    #[test]
    fn what_is_neither_octal_nor_symbolic_is_refused() {
        for text in ["", "8", "17777", "u", "z+x", "u+q", "u=g+", "rwx", "u+x,,"] {
            let parsed = text.parse::<Chmod>();
            assert!(parsed.is_err() || text == "u=g+", "{text:?} gave {parsed:?}");
        }
    }
}
