//! `--chmod`: octal or symbolic permissions.
//!
//! A symbolic mode is taken down to the changes of bits that it stands for when it is read. They are what a key holds, so
//! that two modes share a key exactly where they do the same.
//!
//! COMPAT: the symbols mean what they mean to BuildKit, whose library follows BSD's `chmod` and not GNU's: `=` leaves
//! the sticky bit unless `t` is written, a copy (`g=u`) leaves the set-id bits, `X` asks for the mode before all changes.

use std::fmt;
use std::str::FromStr;

const EXECUTE: u32 = 0o111;
const STICKY: u32 = 0o1000;

/// A change of permission bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chmod {
    /// These bits, whatever was before.
    Octal(u32),
    /// What `u=rwX,go=rX` comes down to: changes, applied in order, with a umask of 0.
    Symbolic(Vec<Change>),
}

/// One change of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// These bits are set.
    Add(u32),
    /// These bits are cleared.
    Remove(u32),
    /// These bits of execution are set in a directory, and where anybody could execute before the first change.
    AddSearch(u32),
    /// The permissions of one class, as they are now, for others.
    Copy {
        /// 0o700, 0o070 or 0o007.
        from: u32,
        /// A mask of the same three.
        to: u32,
        /// What is done with them.
        operator: Operator,
    },
}

/// What is done with bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Remove,
    /// `=`
    Set,
}

impl Chmod {
    /// The permission bits that `mode` becomes.
    pub fn apply(&self, mode: u32, is_directory: bool) -> u32 {
        match self {
            Chmod::Octal(bits) => *bits,
            Chmod::Symbolic(changes) => {
                let searched = is_directory || mode & EXECUTE != 0;
                changes.iter().fold(mode, |now, change| change.apply(now, searched))
            }
        }
    }
}

impl Change {
    fn apply(self, mode: u32, searched: bool) -> u32 {
        match self {
            Change::Add(bits) => mode | bits,
            Change::Remove(bits) => mode & !bits,
            Change::AddSearch(bits) => mode | if searched { bits } else { 0 },
            Change::Copy { from, to, operator } => {
                // 0o111 times the three bits of a class gives them to each class.
                let bits = ((mode & from) / (from & EXECUTE) * EXECUTE) & to;
                match operator {
                    Operator::Add => mode | bits,
                    Operator::Remove => mode & !bits,
                    Operator::Set => mode & !to | bits,
                }
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
        let mut changes = Vec::new();
        for clause in text.split(',') {
            read_clause(clause, &mut changes).ok_or_else(wrong)?;
        }
        Ok(Chmod::Symbolic(changes))
    }
}

/// Reads `ugo+rw-x`: one "who" and one or more operations.
fn read_clause(text: &str, changes: &mut Vec<Change>) -> Option<()> {
    let is_operator = |c: char| matches!(c, '+' | '-' | '=');
    let at = text.find(is_operator)?;
    let mut who = Who::default();
    for c in text[..at].chars() {
        who.0 |= match c {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o0007,
            'a' => 0o6777,
            _ => return None,
        };
    }
    let mut rest = &text[at..];
    while let Some(first) = rest.chars().next() {
        let operator = match first {
            '+' => Operator::Add,
            '-' => Operator::Remove,
            _ => Operator::Set,
        };
        let end = rest[1..].find(is_operator).map_or(rest.len(), |at| at + 1);
        read_operation(who, operator, &rest[1..end], changes)?;
        rest = &rest[end..];
    }
    Some(())
}

/// Whose bits an operation is about; none where nobody is named.
#[derive(Clone, Copy, Default)]
struct Who(u32);

impl Who {
    /// What of `bits` the operation reaches.
    fn of(self, bits: u32) -> u32 {
        if self.0 == 0 { bits } else { bits & self.0 }
    }

    /// What `=` clears: the sticky bit only where `t` put it in.
    fn cleared(self) -> u32 {
        self.of(0o6777 | self.0)
    }

    /// `s` and `t` are nothing to others.
    fn has_special(self) -> bool {
        self.0 != 0o007
    }
}

/// Reads `rwx` behind an operator. Letters act together, those before a copy before it.
fn read_operation(mut who: Who, operator: Operator, letters: &str, changes: &mut Vec<Change>) -> Option<()> {
    let (mut bits, mut search) = (0, 0);
    // Whether something has been cleared, so that an `=` is done.
    let mut done = operator != Operator::Set;
    for letter in letters.chars() {
        match letter {
            'r' => bits |= 0o444,
            'w' => bits |= 0o222,
            'x' => bits |= EXECUTE,
            'X' if operator == Operator::Remove => bits |= EXECUTE,
            'X' => search = EXECUTE,
            's' if who.has_special() => bits |= 0o6000,
            // Where nobody is named, a `t` makes the operation one about the sticky bit and nothing else.
            't' if who.has_special() => (who.0, bits) = (who.0 | STICKY, bits | STICKY),
            's' | 't' => {}
            'u' | 'g' | 'o' => {
                flush(who, operator, std::mem::take(&mut bits), true, changes);
                add_search(who, std::mem::take(&mut search), changes);
                let from = match letter {
                    'u' => 0o700,
                    'g' => 0o070,
                    _ => 0o007,
                };
                let to = who.of(0o777);
                changes.extend((to != 0).then_some(Change::Copy { from, to, operator }));
                done = true;
            }
            _ => return None,
        }
    }
    flush(who, operator, bits, done, changes);
    add_search(who, search, changes);
    Some(())
}

/// Does what letters say; an `=` without any clears, unless that is `done`.
fn flush(who: Who, operator: Operator, bits: u32, done: bool, changes: &mut Vec<Change>) {
    if bits == 0 && done {
        return;
    }
    let all = match operator {
        Operator::Add => [None, Some(Change::Add(who.of(bits)))],
        Operator::Remove => [None, Some(Change::Remove(who.of(bits)))],
        Operator::Set => [Some(Change::Remove(who.cleared())), Some(Change::Add(who.of(bits)))],
    };
    changes.extend(all.into_iter().flatten().filter(|change| !matches!(change, Change::Add(0))));
}

fn add_search(who: Who, bits: u32, changes: &mut Vec<Change>) {
    changes.extend((who.of(bits) != 0).then(|| Change::AddSearch(who.of(bits))));
}

impl fmt::Display for Chmod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chmod::Octal(bits) => write!(f, "{bits:04o}"),
            Chmod::Symbolic(changes) => {
                f.write_str("change")?;
                changes.iter().try_for_each(|change| write!(f, " {change}"))
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Add(bits) => write!(f, "+{bits:04o}"),
            Change::Remove(bits) => write!(f, "-{bits:04o}"),
            Change::AddSearch(bits) => write!(f, "X{bits:04o}"),
            Change::Copy { from, to, operator } => {
                let operator = match operator {
                    Operator::Add => '+',
                    Operator::Remove => '-',
                    Operator::Set => '=',
                };
                write!(f, "{to:04o}{operator}{from:04o}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbolic_modes_do_what_they_do_in_buildkit() {
        for (text, mode, directory, want) in [
            ("755", 0o600, false, 0o755),
            ("u=rwX,go=rX", 0o600, false, 0o644),
            ("u=rwX,go=rX", 0o600, true, 0o755),
            ("a+x", 0o644, false, 0o755),
            ("+x", 0o644, false, 0o755),
            ("go-w", 0o666, false, 0o644),
            ("-", 0o7777, false, 0o7777),
            ("u+s", 0o755, false, 0o4755),
            ("g+s", 0o755, true, 0o2755),
            ("o+s", 0o755, true, 0o755),
            ("o=", 0o777, false, 0o770),
            ("u=rw-x+r", 0o700, false, 0o600),
            ("a=r=w", 0o777, false, 0o222),
            // `=` clears set-id bits of the classes that it names, and the sticky bit only with a `t`.
            ("a=rX", 0o1755, false, 0o1555),
            ("a=", 0o7777, false, 0o1000),
            ("=", 0o7777, true, 0o1000),
            ("g=", 0o7777, false, 0o5707),
            ("go=", 0o7777, false, 0o5700),
            ("a=s", 0o1644, false, 0o7000),
            ("u=rwxt", 0o644, false, 0o1744),
            ("u=t", 0o7777, false, 0o3077),
            // `t` is not for others; where nobody is named it is all that the operation is about.
            ("+t", 0o777, true, 0o1777),
            ("o+t", 0o777, true, 0o777),
            ("o=t", 0o111, true, 0o110),
            ("o-t", 0o1644, false, 0o1644),
            ("go-t", 0o1644, false, 0o644),
            ("=t", 0o644, false, 0o1644),
            ("=rwxst", 0o644, false, 0o1644),
            ("+rt", 0o000, false, 0o1000),
            ("+t+r", 0o000, false, 0o1444),
            ("o+t,u+s", 0o000, false, 0o4000),
            // Copies leave set-id and sticky bits.
            ("g=u", 0o640, false, 0o660),
            ("g=u", 0o2755, false, 0o2775),
            ("u=o", 0o4755, false, 0o4555),
            ("a=u", 0o1755, false, 0o1777),
            ("=u", 0o2010, false, 0o2000),
            ("u=g-w", 0o7777, false, 0o7577),
            ("g+u", 0o700, false, 0o770),
            ("o-u", 0o707, false, 0o700),
            // Letters and copies: what comes later stands on what came before.
            ("u=rg", 0o020, false, 0o220),
            ("u=gr", 0o020, false, 0o420),
            ("u+rg", 0o020, false, 0o620),
            ("u+sg", 0o020, false, 0o4220),
            ("u=gX", 0o060, false, 0o660),
            ("u=gX", 0o060, true, 0o760),
            ("u=go", 0o024, false, 0o424),
            // `X` looks at what was there at first; with `-` it is `x`.
            ("a-x+X", 0o711, false, 0o711),
            ("a-x+X", 0o644, false, 0o644),
            ("a-x+X", 0o644, true, 0o755),
            ("a+X,a-x", 0o755, false, 0o644),
            ("u+x,a+X", 0o644, false, 0o744),
            ("a=X", 0o1644, true, 0o1111),
            ("a-X", 0o755, false, 0o644),
        ] {
            let chmod: Chmod = text.parse().expect(text);
            let got = chmod.apply(mode, directory);
            assert_eq!(got, want, "{text} on {mode:o} gave {got:o}, not {want:o}");
        }
    }

    #[test]
    fn a_key_has_what_a_mode_does_and_not_how_it_is_written() {
        let shown = |text: &str| text.parse::<Chmod>().unwrap().to_string();
        assert_eq!(shown("u=rwX"), "change -4700 +0600 X0100");
        assert_eq!(shown("g=u"), "change 0070=0700");
        assert_eq!(shown("o+t"), shown("u+"));
        assert_eq!(shown("+x"), shown("a+x"));
        assert_ne!(shown("=t"), shown("a=t"));
        assert_ne!(shown("u+"), Chmod::Octal(0).to_string());
    }

    #[test]
    fn what_is_neither_octal_nor_symbolic_is_refused() {
        for text in ["", "8", "17777", "u", "z+x", "u+q", "rwx", "u+x,,", "u=rw,", "X", "-1", "0o755", "+x,"]
        {
            let parsed = text.parse::<Chmod>();
            assert!(parsed.is_err(), "{text:?} gave {parsed:?}");
        }
    }
}
