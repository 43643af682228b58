//! What an ASF file says about its own size and length: libav believes neither where they disagree
//! with the file, and guesses the length from the bit rate.

use crate::error::Result;
use crate::source::Input;

/// The file properties object (ASF specification 01.20.06 §3.2).
const FILE_PROPERTIES: [u8; 16] =
    *b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65";
const SEARCH_BYTES: usize = 256 << 10;
/// The sizes below were not known when the header was written.
const BROADCAST: u32 = 1;

/// The stated size of a file and the length of what it plays.
#[derive(Debug, PartialEq)]
pub(super) struct Stated {
    pub(super) n_bytes: u64,
    pub(super) seconds: f64,
}

/// `None` where nothing is stated.
pub(super) fn stated(input: &mut Input, start: u64) -> Result<Option<Stated>> {
    let mut bytes = vec![0; SEARCH_BYTES.min(input.len() as usize)];
    let n = input.read_at(start, &mut bytes)?;
    Ok(parse(&bytes[..n]))
}

fn parse(bytes: &[u8]) -> Option<Stated> {
    let at = bytes.windows(16).position(|guid| guid == FILE_PROPERTIES)?;
    let u64_at = |offset: usize| {
        let field = bytes.get(at + offset..at + offset + 8)?;
        Some(u64::from_le_bytes(field.try_into().ok()?))
    };
    let n_bytes = u64_at(40)?;
    let play_seconds = u64_at(64)? as f64 * 1e-7;
    let preroll_seconds = u64_at(80)? as f64 * 1e-3;
    let flags = u64_at(88)? as u32;
    let seconds = (play_seconds - preroll_seconds).max(0.0);
    (flags & BROADCAST == 0 && n_bytes > 0).then_some(Stated { n_bytes, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(flags: u32) -> Vec<u8> {
        let mut bytes = vec![7; 30];
        bytes.extend(FILE_PROPERTIES);
        bytes.extend([0; 24]);
        for value in [5000_u64, 0, 0, 61_000_000, 0, 3_100] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend(flags.to_le_bytes());
        bytes.extend([0; 12]);
        bytes
    }

    #[test]
    fn size_and_length_are_read_unless_they_were_not_known() {
        assert_eq!(parse(&header(2)), Some(Stated { n_bytes: 5000, seconds: 3.0 }));
        assert_eq!(parse(&header(1)), None);
        assert_eq!(parse(&header(2)[..100]), None);
        assert_eq!(parse(b""), None);
    }
}
