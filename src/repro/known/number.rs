//! Numbers in untrusted bytes.

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The one that counts least.
    Low,
    /// The one that counts most.
    High,
}

/// The number of `width` bytes (8 at most) at a place; none beyond the end.
pub fn number(bytes: &[u8], at: usize, width: usize, first: First) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    Some(match first {
        First::Low => bytes.iter().rev().fold(0, push),
        First::High => bytes.iter().fold(0, push),
    })
}

/// As [`number`], as a place or a length in memory.
pub fn place(bytes: &[u8], at: usize, width: usize, first: First) -> Option<usize> {
    number(bytes, at, width, first).and_then(|number| usize::try_from(number).ok())
}

/// So many bytes from a place on; none beyond the end.
pub fn slice(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// Where two first differ; none if they are the same.
pub fn first_difference(first: &[u8], second: &[u8]) -> Option<usize> {
    let shorter = first.len().min(second.len());
    let differs = first.iter().zip(second).position(|(a, b)| a != b);
    differs.or((first.len() != second.len()).then_some(shorter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_either_end_and_never_beyond() {
        let bytes = [1, 2, 3, 4];
        assert_eq!(number(&bytes, 0, 4, First::Low), Some(0x0403_0201));
        assert_eq!(number(&bytes, 1, 2, First::High), Some(0x0203));
        assert_eq!(number(&bytes, 1, 4, First::High), None);
        assert_eq!(number(&bytes, usize::MAX, 4, First::High), None);
        assert_eq!(slice(&bytes, 3, usize::MAX), None);
        assert_eq!(number(&[0xff; 8], 0, 8, First::Low), Some(u64::MAX));
    }

    #[test]
    fn the_first_difference_is_where_one_ends_or_a_byte_is_another() {
        assert_eq!(first_difference(b"abc", b"abd"), Some(2));
        assert_eq!(first_difference(b"ab", b"abd"), Some(2));
        assert_eq!(first_difference(b"ab", b"ab"), None);
    }
}
