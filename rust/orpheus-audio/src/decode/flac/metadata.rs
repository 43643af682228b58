//! The blocks in front of the frames (RFC 9639 §8), of which only STREAMINFO matters here: a broken
//! picture or comment then costs no audio.

use super::stream_info::{STREAM_INFO_BYTES, StreamInfo};
use crate::error::Result;
use crate::source::Input;

const STREAM_INFO: u8 = 0;
const MAX_BLOCKS: usize = 4096;

/// What the blocks say, and from where on frames are to be looked for.
pub(super) struct Metadata {
    pub(super) stream_info: Option<StreamInfo>,
    pub(super) frames_from: u64,
}

/// Walks from block to block, as far as their lengths lead.
pub(super) fn read(input: &mut Input, mut at: u64) -> Result<Metadata> {
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
                stream_info.get_or_insert(StreamInfo::parse(&bytes));
                sound_until = next;
            }
        }
        if next >= input.len() {
            break;
        }
        if header[0] & 0x80 != 0 {
            if starts_frame(input, next)? {
                sound_until = next;
            }
            break;
        }
        at = next;
    }
    // Where the chain does not lead to a frame, one of the lengths is wrong: the frames are
    // somewhere behind STREAMINFO.
    Ok(Metadata { stream_info, frames_from: sound_until })
}

fn starts_frame(input: &mut Input, at: u64) -> Result<bool> {
    let mut bytes = [0_u8; 2];
    Ok(input.read_at(at, &mut bytes)? == bytes.len() && bytes[0] == 0xff && bytes[1] & 0xfe == 0xf8)
}
