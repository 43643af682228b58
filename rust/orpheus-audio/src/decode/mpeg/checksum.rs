//! The checksum that a frame may carry (ISO/IEC 11172-3 §2.4.1.4, §2.4.3.1): it covers what the rest of
//! the frame cannot be read without, not the samples themselves.

use super::header::{FrameHeader, HEADER_BYTES};
use super::subbands::allocation::layer2;
use crate::decode::demux::bits::BitsMsb;
use crate::decode::flac::crc::crc16;

const CHECKSUM_BYTES: usize = 2;
/// What it covers starts with the two header bytes behind the sync word.
const HEADER_COVERED: usize = 2;
/// More than any layer's covered bits need: thirty subbands of two channels, with four bits of
/// allocation and two of scale factor selection each, are 45 bytes.
const MOST_COVERED: usize = 64;

/// Whether the frame's checksum fits what it covers; `None` without one, or where it is not known what
/// is covered.
pub(super) fn fits(header: &FrameHeader, frame: &[u8]) -> Option<bool> {
    if frame.get(1)? & 1 == 1 {
        return None;
    }
    let stated = frame.get(HEADER_BYTES..HEADER_BYTES + CHECKSUM_BYTES)?;
    let body = &frame[HEADER_BYTES + CHECKSUM_BYTES..];
    let n_bits = match header.layer {
        1 => layer1_bits(header, frame[3]),
        2 => layer2_bits(header, frame[3], body)?,
        _ => 8 * header.side_info_bytes(),
    };
    Some(checksum(&frame[2..HEADER_BYTES], body, n_bits)? == [stated[0], stated[1]])
}

/// x¹⁶ + x¹⁵ + x² + 1 over the header's bytes and the first `n_bits` of `body`, start 0xffff: as if from
/// 0 with the first sixteen bits inverted.
fn checksum(header: &[u8], body: &[u8], n_bits: usize) -> Option<[u8; 2]> {
    let (n_whole, n_left) = (n_bits / 8, n_bits % 8);
    let mut covered = [0; MOST_COVERED];
    let bytes = covered.get_mut(..HEADER_COVERED + n_whole)?;
    bytes[0] = !header[0];
    bytes[1] = !header[1];
    bytes[HEADER_COVERED..].copy_from_slice(body.get(..n_whole)?);
    let mut sum = crc16(bytes);
    let last = if n_left == 0 { 0 } else { *body.get(n_whole)? };
    for bit in (8 - n_left..8).rev() {
        let carries = (sum >> 15) as u8 ^ (last >> bit & 1) == 1;
        sum = sum << 1 ^ if carries { 0x8005 } else { 0 };
    }
    Some(sum.to_be_bytes())
}

/// The subband from which on both channels share what is stored (§2.4.2.3, `mode_extension`).
fn bound(mode_byte: u8, n_subbands: usize) -> usize {
    let is_joint = mode_byte >> 6 == 1;
    let bound = if is_joint { 4 * (usize::from(mode_byte >> 4 & 3) + 1) } else { n_subbands };
    bound.min(n_subbands)
}

/// Four bits of allocation for every subband of a channel.
fn layer1_bits(header: &FrameHeader, mode_byte: u8) -> usize {
    const N_SUBBANDS: usize = 32;
    let bound = bound(mode_byte, N_SUBBANDS);
    4 * (bound * header.n_channels + N_SUBBANDS - bound)
}

/// The allocation, and two bits of scale factor selection wherever something is allocated.
fn layer2_bits(header: &FrameHeader, mode_byte: u8, body: &[u8]) -> Option<usize> {
    let runs = layer2(header);
    let n_subbands = runs.iter().map(|(n, ..)| n).sum();
    let bound = bound(mode_byte, n_subbands);
    let mut bits = BitsMsb::new(body);
    let (mut n_bits, mut n_selections) = (0, 0);
    let by_subband = runs.iter().flat_map(|&(n, width, _)| std::iter::repeat_n(width as usize, n));
    for (subband, width) in by_subband.enumerate() {
        let is_shared = subband >= bound;
        let n_stored = if is_shared { 1 } else { header.n_channels };
        for _ in 0..n_stored {
            if bits.read(width)? != 0 {
                n_selections += if is_shared { header.n_channels } else { 1 };
            }
            n_bits += width;
        }
    }
    Some(n_bits + 2 * n_selections)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of this CRC in every catalogue of them.
    #[test]
    fn the_polynomial_and_its_start_are_those_of_the_standard() {
        assert_eq!(checksum(b"12", b"3456789", 56), Some([0xae, 0xe7]));
    }

    #[test]
    fn bits_behind_the_last_whole_byte_count() {
        // Zero bits that are appended to a sum are what multiplying by x makes of it.
        let whole = checksum(b"ab", &[0x5a, 0xc0], 16).unwrap();
        let mut sum = u16::from_be_bytes(checksum(b"ab", &[0x5a, 0xc0], 10).unwrap());
        for _ in 0..6 {
            sum = sum << 1 ^ if sum >> 15 == 1 { 0x8005 } else { 0 };
        }
        assert_eq!(sum.to_be_bytes(), whole);
        assert_ne!(checksum(b"ab", &[0x5a, 0xc0], 9), checksum(b"ab", &[0x5a, 0x40], 9));
        assert_eq!(checksum(b"ab", &[0x5a, 0xc0], 8), checksum(b"ab", &[0x5a, 0x40], 8));
    }

    fn header(bytes: [u8; 4]) -> FrameHeader {
        FrameHeader::parse(&bytes).unwrap()
    }

    #[test]
    fn layer_1_covers_its_allocation() {
        assert_eq!(layer1_bits(&header([0xff, 0xfe, 0xe0, 0xc0]), 0xc0), 128);
        assert_eq!(layer1_bits(&header([0xff, 0xfe, 0xe0, 0x00]), 0x00), 256);
        assert_eq!(layer1_bits(&header([0xff, 0xfe, 0xe0, 0x50]), 0x50), 4 * (8 * 2 + 24));
    }

    #[test]
    fn layer_2_covers_the_selections_of_what_is_allocated() {
        // 192 kbit/s, 44.1 kHz, stereo: thirty subbands.
        let stereo = header([0xff, 0xfc, 0xa0, 0x00]);
        let n_allocation = 2 * (11 * 4 + 12 * 3 + 7 * 2);
        assert_eq!(layer2_bits(&stereo, 0x00, &[0; 60]), Some(n_allocation));
        let mut body = [0; 60];
        body[0] = 0x10;
        assert_eq!(layer2_bits(&stereo, 0x00, &body), Some(n_allocation + 2));
        // Joined from subband 4 on: one allocation, and a selection of each channel.
        let n_joined = 4 * 4 * 2 + 7 * 4 + 12 * 3 + 7 * 2;
        body[0] = 0;
        body[4] = 0x10;
        assert_eq!(layer2_bits(&stereo, 0x40, &body), Some(n_joined + 4));
    }
}
