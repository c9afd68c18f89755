//! Bytes that no compressor makes smaller: what is compressed, encrypted or random already.
//!
//! Finding nothing takes a compressor as long as finding something. This looks for the two things that it would find: bytes
//! that occur more often than others, and sequences that come again. What it says is a function of the bytes alone.

use std::ops::Range;

/// LIMIT: ours. A run of noise that is shorter is not worth a member of its own.
const LEAST: usize = 256 << 10;
/// LIMIT: ours. In each of these parts alone all bytes must occur about as often: text between noise is found.
const PART: usize = 16 << 10;
/// LIMIT: ours. So many bytes of a part are enough to know text by.
const SAMPLE: usize = 1 << 10;
/// LIMIT: how far back a sequence may lie, by the format.
const WINDOW: usize = 32 << 10;
/// Bytes from one remembered place to the next, and from one place that is looked up to the next. ORDER: with no common
/// factor, so that each repetition of a few of the first meets one of the second.
const REMEMBERED: usize = 16;
const LOOKED_UP: usize = 3;
const PLACES_BITS: u32 = 12;

/// The longest run in `block` that compressing gains nothing of that is worth its time; none if it is short.
pub fn noise(block: &[u8]) -> Option<Range<usize>> {
    let (mut longest, mut start) = (0..0, 0);
    for (number, part) in block.chunks_exact(PART).enumerate() {
        if !is_even(part) {
            start = number + 1;
        } else if number + 1 - start > longest.len() {
            longest = start..number + 1;
        }
    }
    let run = longest.start * PART..longest.end * PART;
    (run.len() >= LEAST && repeated(&block[run.clone()]) <= run.len() / 512).then_some(run)
}

/// Whether all bytes occur about as often. Less would gain a code by length 0.2 % at most.
fn is_even(part: &[u8]) -> bool {
    // For even bytes the sum of squares is at its least, length² / 256; chance adds one length to it: 1.6 % of a whole part.
    let sample = part.get(..SAMPLE).unwrap_or(part);
    squares(sample) * 256 <= 2 * square(sample.len())
        && squares(part) * 256 <= square(part.len()) + square(part.len()) / 32
}

fn square(number: usize) -> u64 {
    (number as u64).pow(2)
}

/// The sum over all bytes of how often each occurs, squared.
fn squares(part: &[u8]) -> u64 {
    // Several counts: equal bytes that follow each other would wait for one another.
    let mut counts = [[0_u32; 256]; 4];
    for word in part.as_chunks::<8>().0 {
        for (number, byte) in word.iter().enumerate() {
            counts[number % 4][usize::from(*byte)] += 1;
        }
    }
    let of = |byte: usize| counts.iter().map(|count| u64::from(count[byte])).sum::<u64>();
    (0..256).map(|byte| of(byte).pow(2)).sum()
}

/// About how many bytes lie in sequences that were there before, not far back.
fn repeated(block: &[u8]) -> usize {
    let word =
        |at: usize| block.get(at..at + 8).and_then(|word| word.try_into().ok()).map(u64::from_le_bytes);
    let hash = |word: u64| word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let place = |hash: u64| (hash >> (64 - PLACES_BITS)) as usize;
    // Where a sequence was, and what of its hash does not say the place: another sequence at the same place is mostly known by
    // that, without a look at bytes that are not at hand.
    let mut places = [(u32::MAX, 0_u32); 1 << PLACES_BITS];
    let (mut found, mut next) = (0, 0);
    for at in (0..block.len().saturating_sub(8)).step_by(LOOKED_UP) {
        while next + 8 <= at {
            if let Some(word) = word(next) {
                let hash = hash(word);
                places[place(hash)] = (next as u32, hash as u32);
            }
            next += REMEMBERED;
        }
        let Some(here) = word(at) else { break };
        let hash = hash(here);
        let (before, rest) = places[place(hash)];
        let before = before as usize;
        if rest == hash as u32 && before + WINDOW >= at && before < at && word(before) == Some(here) {
            // One of so many places is met in a sequence that comes again.
            found += REMEMBERED * LOOKED_UP;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn noise_is_noise_and_text_zeros_and_few_bytes_are_not() {
        let random = random(1 << 20);
        assert_eq!(noise(&random), Some(0..1 << 20));
        assert_eq!(noise(&random[..LEAST - 1]), None);
        assert_eq!(noise(&vec![0; 1 << 20]), None);
        let digits: Vec<u8> = random.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
        assert_eq!(noise(&digits), None);
    }

    #[test]
    fn text_before_between_and_after_noise_is_found() {
        let mut mixed = random(1 << 20);
        mixed[..700].fill(b'x');
        mixed[500_000..533_000].fill(b'x');
        mixed[(1 << 20) - 10..].fill(b'x');
        assert_eq!(noise(&mixed), Some(33 * PART..64 * PART));
        mixed[(1 << 20) - 9_000..].fill(b'x');
        assert_eq!(noise(&mixed), Some(33 * PART..63 * PART));
    }

    #[test]
    fn noise_that_comes_again_within_reach_is_found_and_beyond_it_is_not() {
        for (length, found) in [(200, true), (4_000, true), (WINDOW - 100, true), (WINDOW + 1_000, false)] {
            let once = random(length);
            let again: Vec<u8> = once.iter().copied().cycle().take(1 << 20).collect();
            // Few different bytes are not even in the first place.
            assert_eq!(noise(&again).is_none(), found, "{length}");
        }
    }

    #[test]
    fn what_is_called_noise_is_what_the_compressor_gains_nothing_of() {
        let random = random(1 << 20);
        let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::best());
        let mut out = vec![0; compressor.deflate_compress_bound(random.len())];
        let length = compressor.deflate_compress(&random, &mut out).expect("room");
        assert!(length >= random.len(), "{length}");
    }
}
