//! One text made of others.

/// Changes texts at random, the same way for the same seed.
pub struct Mutator {
    state: u64,
}

/// LIMIT: longer inputs find nothing that shorter ones do not, and take longer.
const LONGEST: usize = 4096;

impl Mutator {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Mutator {
        Mutator { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % limit.max(1) as u64).expect("it is below the limit")
    }

    /// Some place between two characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// The next input.
    pub fn next(&mut self, corpus: &[String], tokens: &[&str]) -> String {
        let mut text = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(4) {
            let (one, other) = (self.place(&text), self.place(&text));
            let (start, end) = (one.min(other), one.max(other));
            match self.below(8) {
                0 => text.replace_range(start..end, ""),
                1..=3 => text.insert_str(start, tokens[self.below(tokens.len())]),
                4 => {
                    let piece = text[start..end].to_string();
                    let at = self.place(&text);
                    text.insert_str(at, &piece);
                }
                5 => {
                    let from = &corpus[self.below(corpus.len())];
                    let (a, b) = (self.place(from), self.place(from));
                    text.replace_range(start..end, &from[a.min(b)..a.max(b)]);
                }
                6 => {
                    let any = char::from_u32(u32::try_from(self.below(0x2ff)).expect("small")).unwrap_or('x');
                    text.insert(start, any);
                }
                _ => {
                    let token = tokens[self.below(tokens.len())].repeat(1 + self.below(200));
                    text.insert_str(start, &token);
                }
            }
        }
        let mut cut = text.len().min(LONGEST);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        text.truncate(cut);
        text
    }
}
