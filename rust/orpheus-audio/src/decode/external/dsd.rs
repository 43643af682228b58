//! How long DSF and DSDIFF files say that they are: libav guesses it from the size of the file, and
//! with it from the size of its tag.

use crate::error::Result;
use crate::source::Input;

/// The DSD chunk, and of the format chunk behind it all up to the count of bits (DSF File Format
/// Specification 1.01).
const DSF_HEADER_BYTES: usize = 28 + 44;
/// One value comes out for this many bits.
const BITS_PER_VALUE: u64 = 8;
/// Chunks of a DSDIFF file that may stand before its sound.
const MAX_CHUNKS: usize = 64;

/// Samples per channel of a DSF file; `None` where nothing is stated.
pub(super) fn samples_of_dsf(input: &mut Input, start: u64) -> Result<Option<u64>> {
    let mut header = [0; DSF_HEADER_BYTES];
    let n = input.read_at(start, &mut header)?;
    Ok(parse_dsf(&header[..n]))
}

fn parse_dsf(header: &[u8]) -> Option<u64> {
    let is_format = header.get(28..32)? == b"fmt ";
    let n_bits = u64::from_le_bytes(header.get(64..72)?.try_into().ok()?);
    (is_format && n_bits > 0).then_some(n_bits / BITS_PER_VALUE)
}

/// Samples per channel of a DSDIFF file (DSDIFF 1.5 §3): its sound chunk holds a byte of each channel
/// in turn. `None` where there is none, but compressed sound, whose length libav reads.
pub(super) fn samples_of_dsdiff(
    input: &mut Input,
    start: u64,
    n_channels: usize,
) -> Result<Option<u64>> {
    // Behind `FRM8`, its size and `DSD `.
    let mut at = start.saturating_add(16);
    for _ in 0..MAX_CHUNKS {
        let mut header = [0; 12];
        if input.read_at(at.min(input.len()), &mut header)? < header.len() {
            break;
        }
        let [name @ .., s0, s1, s2, s3, s4, s5, s6, s7] = header;
        let size = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
        if &name == b"DSD " {
            return Ok(size.checked_div(n_channels as u64));
        }
        at = at.saturating_add(12).saturating_add(size).saturating_add(size % 2);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::source::Source;

    #[test]
    fn the_count_of_a_dsf_file_is_an_eighth_of_its_bits() {
        let mut header = vec![9; DSF_HEADER_BYTES];
        header[28..32].copy_from_slice(b"fmt ");
        header[64..].copy_from_slice(&2_822_400_u64.to_le_bytes());
        assert_eq!(parse_dsf(&header), Some(352_800));
        assert_eq!(parse_dsf(&header[..71]), None);
        header[28] = b'F';
        assert_eq!(parse_dsf(&header), None);
    }

    fn dsdiff(chunks: &[(&[u8; 4], u64, usize)]) -> Option<u64> {
        let mut bytes = b"FRM8\0\0\0\0\0\0\0\0DSD ".to_vec();
        for (name, size, n_there) in chunks {
            bytes.extend(*name);
            bytes.extend(size.to_be_bytes());
            bytes.resize(bytes.len() + n_there, 7);
        }
        let source = Source::Bytes(bytes.into());
        let mut input = Input::open(&source, &Limits::default()).unwrap();
        samples_of_dsdiff(&mut input, 0, 2).unwrap()
    }

    #[test]
    fn the_count_of_a_dsdiff_file_is_that_of_the_bytes_that_its_sound_chunk_states() {
        assert_eq!(dsdiff(&[(b"FVER", 4, 4), (b"PROP", 3, 4), (b"DSD ", 10_000, 2)]), Some(5_000));
        assert_eq!(dsdiff(&[(b"FVER", 4, 4), (b"DST ", 4, 4)]), None);
        assert_eq!(dsdiff(&[(b"FVER", u64::MAX, 4), (b"DSD ", 4, 4)]), None);
        assert_eq!(dsdiff(&[(b"FVER", 0, 0); 100]), None);
        assert_eq!(dsdiff(&[]), None);
    }
}
