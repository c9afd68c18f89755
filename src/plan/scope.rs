//! The variables that one instruction sees, in the order in which a process gets them.

use std::collections::BTreeMap;

use crate::dockerfile::Env;

/// Variables by name. The order is that of the last assignment.
///
/// ORDER: the order is part of the key of every RUN; a variable that is set again moves to the end, as in BuildKit.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    values: BTreeMap<String, (usize, String)>,
    next: usize,
}

impl Scope {
    /// Sets `name`.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), (self.next, value.into()));
        self.next += 1;
    }

    /// The value of `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(_, value)| value.as_str())
    }

    /// How many bytes it holds, roughly.
    pub fn size(&self) -> usize {
        self.values.iter().map(|(name, (_, value))| name.len() + value.len() + 64).sum()
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// All variables in order.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = self.values.iter().collect();
        all.sort_by_key(|(_, (place, _))| *place);
        all.into_iter().map(|(name, (_, value))| (name.clone(), value.clone())).collect()
    }
}

impl Env for Scope {
    fn get(&self, name: &str) -> Option<&str> {
        self.value(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_set_again_moves_to_the_end() {
        let mut scope = Scope::default();
        for (name, value) in [("A", "1"), ("B", "2"), ("A", "3")] {
            scope.set(name, value);
        }
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(scope.pairs(), [pair("B", "2"), pair("A", "3")]);
    }
}
