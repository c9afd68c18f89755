//! Whether bytes begin like a tar.

/// What the first 512 bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// The header of a member.
    Member,
    /// Zeros: the end of a tar, here of an empty one.
    End,
    /// No tar.
    None,
}

/// Looks at the first block of some bytes. SPEC: POSIX pax, "ustar Interchange Format": the checksum counts its own
/// field as spaces. Old tars without a magic have it too.
pub(super) fn header(block: &[u8]) -> Header {
    let Some(block) = block.first_chunk::<512>() else { return Header::None };
    if block.iter().all(|b| *b == 0) {
        return Header::End;
    }
    let text: Vec<u8> = block[148..156].iter().copied().skip_while(|b| *b == b' ').collect();
    let digits = text.iter().take_while(|b| (b'0'..=b'7').contains(b)).count();
    let rest_is_padding = text[digits..].iter().all(|b| matches!(b, 0 | b' '));
    if digits == 0 || !rest_is_padding {
        return Header::None;
    }
    let claimed = text[..digits].iter().fold(0, |sum, b| sum * 8 + i64::from(b - b'0'));
    let bytes = || block.iter().enumerate().map(|(at, b)| if (148..156).contains(&at) { b' ' } else { *b });
    let unsigned: i64 = bytes().map(i64::from).sum();
    // Some old writers summed signed bytes.
    let signed: i64 = bytes().map(|b| i64::from(b as i8)).sum();
    if claimed == unsigned || claimed == signed { Header::Member } else { Header::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_known_by_its_sum_whatever_its_age() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut old = tar::Header::new_old();
        old.set_size(0);
        tar.append_data(&mut old, "a", std::io::empty()).unwrap();
        let mut bytes = tar.into_inner().unwrap();
        assert_eq!(header(&bytes), Header::Member);
        bytes[0] ^= 1;
        assert_eq!(header(&bytes), Header::None);
        assert_eq!(header(&bytes[512..]), Header::End);
        assert_eq!(header(b"FROM scratch\n"), Header::None);
        assert_eq!(header(&[b' '; 512]), Header::None);
    }
}
