//! Bytes that no compressor makes smaller: what is compressed, encrypted or random already.
//!
//! Finding nothing takes a compressor as long as finding something. This looks for the two things that it would find: bytes
//! that occur more often than others, and sequences that come again. What it says is a function of the bytes alone.

/// LIMIT: ours. Fewer bytes say little of how often each of them occurs, and are compressed soon.
const LEAST: usize = 64 << 10;
/// LIMIT: ours. In each of these parts alone all bytes must occur about as often: text between noise is found.
const PART: usize = 16 << 10;
/// LIMIT: how far back a sequence may lie, by the format.
const WINDOW: usize = 32 << 10;
/// Bytes from one remembered place to the next, and from one place that is looked up to the next. ORDER: with no common
/// factor, so that each repetition of a few of the first meets one of the second.
const REMEMBERED: usize = 16;
const LOOKED_UP: usize = 3;
const PLACES_BITS: u32 = 12;

/// Whether compressing `block` gains nothing that is worth its time.
pub fn is_noise(block: &[u8]) -> bool {
    block.len() >= LEAST && block.chunks(PART).all(is_even) && repeated(block) <= block.len() / 512
}

/// Whether all bytes occur about as often. Less would gain a code by length 0.2 % at most.
fn is_even(part: &[u8]) -> bool {
    // What is left over at the end is too little to judge, and to gain by.
    if part.len() < PART {
        return true;
    }
    // Several counts: equal bytes that follow each other would wait for one another.
    let mut counts = [[0_u32; 256]; 4];
    for bytes in part.chunks_exact(4) {
        for (count, byte) in counts.iter_mut().zip(bytes) {
            count[usize::from(*byte)] += 1;
        }
    }
    let of = |byte: usize| counts.iter().map(|count| u64::from(count[byte])).sum::<u64>();
    let squares: u64 = (0..256).map(|byte| of(byte) * of(byte)).sum();
    // For even bytes the sum is at its least, length² / 256; chance adds one length to it, 1.6 %.
    let length = PART as u64;
    squares * 256 <= length * length + length * length / 32
}

/// About how many bytes lie in sequences that were there before, not far back.
fn repeated(block: &[u8]) -> usize {
    let word =
        |at: usize| block.get(at..at + 8).and_then(|word| word.try_into().ok()).map(u64::from_le_bytes);
    let place = |word: u64| (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PLACES_BITS)) as usize;
    let mut places = [u32::MAX; 1 << PLACES_BITS];
    let (mut found, mut next) = (0, 0);
    for at in (0..block.len().saturating_sub(8)).step_by(LOOKED_UP) {
        while next + 8 <= at {
            if let Some(word) = word(next) {
                places[place(word)] = next as u32;
            }
            next += REMEMBERED;
        }
        let Some(here) = word(at) else { break };
        let before = places[place(here)] as usize;
        if before + WINDOW >= at && before < at && word(before) == Some(here) {
            // One of so many places is met in a sequence that comes again.
            found += REMEMBERED * LOOKED_UP;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
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
        let noise = noise(1 << 20);
        assert!(is_noise(&noise));
        assert!(!is_noise(&noise[..LEAST - 1]));
        assert!(!is_noise(&vec![0; 1 << 20]));
        let digits: Vec<u8> = noise.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
        assert!(!is_noise(&digits));
    }

    #[test]
    fn a_part_of_text_between_noise_is_found() {
        let mut mixed = noise(1 << 20);
        mixed[500_000..533_000].fill(b'x');
        assert!(!is_noise(&mixed));
    }

    #[test]
    fn noise_that_comes_again_within_reach_is_found_and_beyond_it_is_not() {
        for (length, found) in [(200, true), (4_000, true), (WINDOW - 100, true), (WINDOW + 1_000, false)] {
            let once = noise(length);
            let again: Vec<u8> = once.iter().copied().cycle().take(1 << 20).collect();
            // Few different bytes are not even in the first place.
            assert_eq!(!is_noise(&again), found, "{length}");
        }
    }

    #[test]
    fn what_is_called_noise_is_what_the_compressor_gains_nothing_of() {
        let noise = noise(1 << 20);
        let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::best());
        let mut out = vec![0; compressor.deflate_compress_bound(noise.len())];
        let length = compressor.deflate_compress(&noise, &mut out).expect("room");
        assert!(length >= noise.len(), "{length}");
    }
}
