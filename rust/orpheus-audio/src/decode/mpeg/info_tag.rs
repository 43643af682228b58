//! The Xing/Info frame with LAME's extension, VBRI, and the tags behind the last frame.

use super::header::{FrameHeader, HEADER_BYTES};
use crate::error::Result;
use crate::source::Input;

/// Samples by which every layer III decoder lags (LAME's tag specification, "encoder delays").
const DECODER_DELAY: usize = 529;

/// What the encoder noted in a first frame that holds no audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct InfoTag {
    /// Frames behind this one; `None` if not said, or said to be 0.
    pub(super) n_frames: Option<u64>,
    /// Samples to drop at the start.
    pub(super) delay: usize,
    /// Samples to drop at the end.
    pub(super) padding: usize,
}

impl InfoTag {
    pub(crate) fn parse(frame: &[u8], header: &FrameHeader) -> Option<Self> {
        let crc_bytes = if frame[1] & 1 == 0 { 2 } else { 0 };
        let at = HEADER_BYTES + header.side_info_bytes();
        [at, at + crc_bytes]
            .into_iter()
            .find_map(|at| Self::parse_xing(frame.get(at..)?))
            .or_else(|| Self::parse_vbri(frame.get(HEADER_BYTES + 32..)?))
    }

    fn parse_xing(bytes: &[u8]) -> Option<Self> {
        if !matches!(bytes.get(..4)?, b"Xing" | b"Info") {
            return None;
        }
        let flags = be_u32(bytes, 4)?;
        let n_frames = if flags & 1 != 0 { be_u32(bytes, 8).map(u64::from) } else { None };
        let sizes = [(1, 4), (2, 4), (4, 100), (8, 4)];
        let lame_at =
            8 + sizes.iter().filter(|(bit, _)| flags & bit != 0).map(|s| s.1).sum::<usize>();
        let mut tag = Self { n_frames: n_frames.filter(|&n| n > 0), delay: 0, padding: 0 };
        // Encoder name (9 bytes), then twelve bytes of settings, then delay and padding of 12 bits each.
        if let Some(&[a, b, c]) = bytes.get(lame_at + 21..lame_at + 24) {
            let named = bytes[lame_at..lame_at + 4].iter().all(u8::is_ascii_graphic);
            if named {
                let delay = usize::from(a) << 4 | usize::from(b >> 4);
                let padding = usize::from(b & 0xf) << 8 | usize::from(c);
                tag.delay = delay + DECODER_DELAY;
                tag.padding = padding.saturating_sub(DECODER_DELAY);
            }
        }
        Some(tag)
    }

    fn parse_vbri(bytes: &[u8]) -> Option<Self> {
        if bytes.get(..4)? != b"VBRI" {
            return None;
        }
        let n_frames = be_u32(bytes, 14).map(u64::from).filter(|&n| n > 0);
        Some(Self { n_frames, delay: 0, padding: 0 })
    }

    /// Samples per channel that the tag promises.
    pub(crate) fn n_samples(&self, header: &FrameHeader) -> Option<u64> {
        let all = self.n_frames?.saturating_mul(u64::from(header.n_samples));
        Some(all.saturating_sub((self.delay + self.padding) as u64))
    }
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(four.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
}

/// Offset behind the last byte that can be audio: `ID3v1`, `Lyrics3` and APE tags stand after it.
pub(in crate::decode) fn audio_end(input: &mut Input) -> Result<u64> {
    let mut end = input.len();
    for _ in 0..4 {
        let n = trailing_tag_bytes(input, end)?;
        if n == 0 || n > end {
            break;
        }
        end -= n;
    }
    Ok(end)
}

fn trailing_tag_bytes(input: &mut Input, end: u64) -> Result<u64> {
    let mut tail = [0_u8; 128];
    let from = end.saturating_sub(128);
    let n = input.read_at(from, &mut tail[..(end - from) as usize])?;
    let tail = &tail[..n];
    if n == 128 && tail.starts_with(b"TAG") {
        return Ok(128);
    }
    let Some(footer) = n.checked_sub(32).map(|at| &tail[at..]) else { return Ok(0) };
    if footer.starts_with(b"APETAGEX") {
        let size =
            footer[12..16].iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        let header = if footer[23] & 0x80 != 0 { 32 } else { 0 };
        return Ok(size + header);
    }
    if footer.ends_with(b"LYRICS200") {
        let digits = std::str::from_utf8(&footer[32 - 15..32 - 9]).ok();
        return Ok(digits.and_then(|text| text.parse::<u64>().ok()).map_or(0, |size| size + 15));
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lame_delay_and_padding_are_read() {
        let header = FrameHeader::parse(&[0xff, 0xfb, 0x90, 0x64]).unwrap();
        let mut frame = vec![0xff, 0xfb, 0x90, 0x64];
        frame.resize(417, 0);
        frame[36..44].copy_from_slice(b"Info\0\0\0\x01");
        frame[44..48].copy_from_slice(&100_u32.to_be_bytes());
        frame[48..57].copy_from_slice(b"LAME3.100");
        frame[48 + 21..48 + 24].copy_from_slice(&[0x24, 0x04, 0x65]);
        let tag = InfoTag::parse(&frame, &header).unwrap();
        assert_eq!(tag, InfoTag { n_frames: Some(100), delay: 576 + 529, padding: 1125 - 529 });
        assert_eq!(tag.n_samples(&header), Some(100 * 1152 - 1105 - 596));
    }

    #[test]
    fn a_count_of_zero_frames_is_not_believed() {
        let header = FrameHeader::parse(&[0xff, 0xfb, 0x90, 0x64]).unwrap();
        let mut frame = vec![0xff, 0xfb, 0x90, 0x64];
        frame.resize(417, 0);
        frame[36..44].copy_from_slice(b"Xing\0\0\0\x01");
        assert_eq!(InfoTag::parse(&frame, &header).unwrap().n_frames, None);
    }
}
