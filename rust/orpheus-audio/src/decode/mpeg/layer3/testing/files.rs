//! Random frames as files, for those who find their way in them.

use super::random::Random;
use super::streams::{Allowed, stream};
use super::writer::Format;
use crate::decode::mpeg::header::{FrameHeader, HEADER_BYTES};

/// A stretch of a stream at one bit rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    /// Index of the bit rate.
    pub(crate) bitrate: usize,
    pub(crate) n_frames: usize,
}

/// The frames of a stream whose bit rate changes from piece to piece; `rate` is the number of the
/// sample rate.
pub(crate) fn random_pieces(rate: usize, n_channels: usize, pieces: &[Piece]) -> Vec<Vec<u8>> {
    random_frames(rate, n_channels, pieces, false)
}

/// The same with checksums, all of them wrong.
pub(crate) fn mischecked_pieces(rate: usize, pieces: &[Piece]) -> Vec<Vec<u8>> {
    random_frames(rate, 2, pieces, true)
}

fn random_frames(rate: usize, n_channels: usize, pieces: &[Piece], crc: bool) -> Vec<Vec<u8>> {
    let mut random = Random::new(11);
    let allowed = Allowed { joint: &[None, Some(2), Some(3)], mismatched: true, disputed: true };
    let mut frames = Vec::new();
    for piece in pieces {
        let format = Format { rate, n_channels, bitrate: piece.bitrate, crc };
        frames.extend(stream(&mut random, format, &allowed, piece.n_frames).1);
    }
    frames
}

/// A frame like `frame` that holds no audio but the count, delay and padding of a stream.
pub(crate) fn info_frame(frame: &[u8], n_frames: u32, delay: u16, padding: u16) -> Vec<u8> {
    let mut header = [frame[0], frame[1], 0x90 | frame[2] & 0xf, frame[3]];
    header[1] |= 1;
    let parsed = FrameHeader::parse(&header).unwrap();
    let mut bytes = header.to_vec();
    bytes.resize(parsed.n_bytes, 0);
    let at = HEADER_BYTES + parsed.side_info_bytes();
    bytes[at..at + 8].copy_from_slice(b"Info\0\0\0\x01");
    bytes[at + 8..at + 12].copy_from_slice(&n_frames.to_be_bytes());
    bytes[at + 12..at + 21].copy_from_slice(b"LAME3.100");
    let both = u32::from(delay) << 12 | u32::from(padding);
    bytes[at + 33..at + 36].copy_from_slice(&both.to_be_bytes()[1..]);
    bytes
}
