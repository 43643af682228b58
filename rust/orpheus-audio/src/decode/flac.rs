//! Native FLAC (RFC 9639). The decoder is shown STREAMINFO and the frames, nothing else: a broken
//! picture or comment block then costs no audio.

use super::Backend;
use super::symphonia::Symphonia;
use crate::error::{Error, Result};
use crate::sniff::Sniffed;
use crate::source::Input;

const STREAM_INFO: u8 = 0;
const STREAM_INFO_BYTES: usize = 34;
const MAX_BLOCKS: usize = 4096;
const SEARCH_BYTES: usize = 1 << 20;

pub(super) fn open(mut input: Input, sniffed: Sniffed) -> Result<impl Backend> {
    let (stream_info, frames_at) = read_metadata(&mut input, sniffed.start + 4)?;
    let mut head = b"fLaC".to_vec();
    head.extend([0x80 | STREAM_INFO, 0, 0, STREAM_INFO_BYTES as u8]);
    head.extend(stream_info);
    Symphonia::open(input, head, Sniffed { start: frames_at, ..sniffed })
}

/// STREAMINFO and the offset of the first frame.
fn read_metadata(input: &mut Input, mut at: u64) -> Result<([u8; STREAM_INFO_BYTES], u64)> {
    let mut stream_info = None;
    let mut sound_until = at;
    for _ in 0..MAX_BLOCKS {
        let mut header = [0_u8; 4];
        if input.read_at(at, &mut header)? < header.len() || header[0] & 0x7f == 127 {
            break;
        }
        let n_bytes = u64::from(u32::from_be_bytes([0, header[1], header[2], header[3]]));
        let next = at + 4 + n_bytes;
        if header[0] & 0x7f == STREAM_INFO && n_bytes == STREAM_INFO_BYTES as u64 {
            let mut bytes = [0; STREAM_INFO_BYTES];
            if input.read_at(at + 4, &mut bytes)? == STREAM_INFO_BYTES {
                stream_info = Some(bytes);
                sound_until = next;
            }
        }
        if header[0] & 0x80 != 0 && next < input.len() && is_frame(input, next)? {
            return found(stream_info, next);
        }
        if header[0] & 0x80 != 0 || next >= input.len() {
            break;
        }
        at = next;
    }
    // The chain of blocks does not lead to a frame: one of their lengths is wrong.
    let frames_at = search_frame(input, sound_until)?;
    found(stream_info, frames_at.unwrap_or(sound_until))
}

fn found(
    stream_info: Option<[u8; STREAM_INFO_BYTES]>,
    frames_at: u64,
) -> Result<([u8; STREAM_INFO_BYTES], u64)> {
    match stream_info {
        Some(stream_info) => Ok((stream_info, frames_at)),
        None => Err(Error::damaged("FLAC without a STREAMINFO block")),
    }
}

fn is_frame(input: &mut Input, at: u64) -> Result<bool> {
    let mut bytes = [0_u8; 4];
    Ok(input.read_at(at, &mut bytes)? == bytes.len() && looks_like_frame(&bytes))
}

/// Sync code, reserved bits, and no reserved block size, sample rate or channel assignment
/// (RFC 9639 §9.1).
fn looks_like_frame(bytes: &[u8]) -> bool {
    bytes[0] == 0xff
        && bytes[1] & 0xfe == 0xf8
        && bytes[2] >> 4 != 0
        && bytes[2] & 0xf != 0xf
        && bytes[3] >> 4 < 11
        && bytes[3] & 1 == 0
}

fn search_frame(input: &mut Input, from: u64) -> Result<Option<u64>> {
    const OVERLAP: u64 = 3;
    let mut bytes = vec![0; SEARCH_BYTES];
    let mut at = from;
    while at < input.len() {
        let n = input.read_at(at, &mut bytes)?;
        if let Some(offset) = bytes[..n].windows(4).position(looks_like_frame) {
            return Ok(Some(at + offset as u64));
        }
        if (n as u64) <= OVERLAP {
            break;
        }
        at += n as u64 - OVERLAP;
    }
    Ok(None)
}
