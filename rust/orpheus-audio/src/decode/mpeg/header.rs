//! Frame headers of MPEG-1/2/2.5 audio (ISO/IEC 11172-3 §2.4.2.3, ISO/IEC 13818-3 §2.4.2.3).

/// Bytes of a frame header.
pub(crate) const HEADER_BYTES: usize = 4;

/// What one frame says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// 1, 2 or 3.
    pub(crate) layer: u8,
    /// MPEG-1: the full rates. MPEG-2 and 2.5: the halved and quartered ones.
    pub(crate) mpeg1: bool,
    pub(crate) sample_rate: u32,
    pub(crate) n_channels: usize,
    pub(crate) kbit_per_second: u16,
    /// Samples per channel.
    pub(crate) n_samples: u32,
    /// Length of the whole frame.
    pub(crate) n_bytes: usize,
}

/// kbit/s by bitrate index 1..=14.
const BITRATES: [[u16; 14]; 5] = [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448], // MPEG-1 layer I
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],    // MPEG-1 layer II
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],     // MPEG-1 layer III
    [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],    // MPEG-2 layer I
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],         // MPEG-2 layers II, III
];

/// The bitrate index of frames that may have any rate.
const FREE_FORMAT: u8 = 0;
/// Bytes that a frame of free format may have. Encoders write up to 640 kbit/s, 2880 bytes at 32 kHz.
const FREE_BYTES: std::ops::RangeInclusive<usize> = 24..=4096;
/// So many frames of one length make a stream of free format.
const FREE_CHAIN: usize = 4;
/// Headers of free format that are looked behind before a file is none: each costs a search.
const MOST_FREE_STARTS: usize = 256;

impl FrameHeader {
    /// Reads the header at the start of `bytes`; `None` if there is none, or one of free format, which
    /// does not tell how long its frame is.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        Self::parse_with(bytes, None)
    }

    /// Like [`FrameHeader::parse`] in a stream whose frames of free format, if it has any, are
    /// `n_free_bytes` long without padding.
    pub(crate) fn parse_with(bytes: &[u8], n_free_bytes: Option<usize>) -> Option<Self> {
        let &[b0, b1, b2, b3, ..] = bytes else { return None };
        if b0 != 0xff || b1 & 0xe0 != 0xe0 {
            return None;
        }
        let (mpeg1, rate_shift) = version(b1)?;
        let layer = layer(b1)?;
        let sample_rate = [44_100_u32, 48_000, 32_000].get(usize::from((b2 >> 2) & 3))?;
        let sample_rate = sample_rate >> rate_shift;
        let n_samples = match (layer, mpeg1) {
            (1, _) => 384_u64,
            (3, false) => 576,
            _ => 1152,
        };
        let slot_bytes = if layer == 1 { 4 } else { 1 };
        let padding = u32::from((b2 >> 1) & 1) * slot_bytes;
        let (kbit_per_second, n_bytes) = if b2 >> 4 == FREE_FORMAT {
            let n_bytes = u32::try_from(n_free_bytes?).ok()?;
            let bits_per_second = u64::from(n_bytes) * 8 * u64::from(sample_rate) / n_samples;
            (u16::try_from(bits_per_second / 1000).ok()?, n_bytes)
        } else {
            let kbit_per_second = kbit_per_second(mpeg1, layer, b2)?;
            let n_slots = n_samples as u32 / 8 / slot_bytes * u32::from(kbit_per_second) * 1000;
            (kbit_per_second, n_slots / sample_rate * slot_bytes)
        };
        let n_bytes = n_bytes.checked_add(padding)?;
        let n_channels = if b3 >> 6 == 3 { 1 } else { 2 };
        let (n_bytes, n_samples) = (n_bytes as usize, n_samples as u32);
        let header =
            Self { layer, mpeg1, sample_rate, n_channels, kbit_per_second, n_samples, n_bytes };
        (n_bytes > HEADER_BYTES).then_some(header)
    }

    /// Whether `other` can follow in the same stream.
    pub(crate) fn same_stream(&self, other: &Self) -> bool {
        self.layer == other.layer
            && self.mpeg1 == other.mpeg1
            && self.sample_rate == other.sample_rate
    }

    /// Bytes of side information in a layer III frame: a Xing tag stands behind them.
    pub(crate) fn side_info_bytes(&self) -> usize {
        match (self.mpeg1, self.n_channels) {
            (true, 1) | (false, 2) => 17,
            (true, _) => 32,
            (false, _) => 9,
        }
    }
}

/// Whether it is MPEG-1, and how often the sample rates of that are halved.
fn version(byte: u8) -> Option<(bool, u32)> {
    match (byte >> 3) & 3 {
        3 => Some((true, 0)),
        2 => Some((false, 1)),
        0 => Some((false, 2)),
        _ => None,
    }
}

fn layer(byte: u8) -> Option<u8> {
    4_u8.checked_sub((byte >> 1) & 3).filter(|&layer| layer < 4)
}

fn kbit_per_second(mpeg1: bool, layer: u8, byte: u8) -> Option<u16> {
    let row = match (mpeg1, layer) {
        (true, layer) => usize::from(layer) - 1,
        (false, 1) => 3,
        (false, _) => 4,
    };
    // Index 15 is forbidden.
    let index = usize::from(byte >> 4).checked_sub(1)?;
    BITRATES[row].get(index).copied()
}

/// Offset of the first frame in `bytes` that starts a stream of free format.
pub(crate) fn find_free_chain(bytes: &[u8]) -> Option<usize> {
    let starts = (0..bytes.len()).filter(|&start| is_free(&bytes[start..]));
    starts.take(MOST_FREE_STARTS).find(|&start| free_bytes(&bytes[start..]).is_some())
}

fn is_free(bytes: &[u8]) -> bool {
    let length = *FREE_BYTES.end();
    bytes.get(2).is_some_and(|byte| byte >> 4 == FREE_FORMAT)
        && FrameHeader::parse_with(bytes, Some(length)).is_some()
}

/// How long the frames of free format are that `bytes` starts with, without their padding: the distance
/// from header to header (ISO/IEC 11172-3 §2.4.2.3, `bitrate_index`).
pub(crate) fn free_bytes(bytes: &[u8]) -> Option<usize> {
    if !is_free(bytes) {
        return None;
    }
    FREE_BYTES.into_iter().find(|&n_bytes| {
        let first = FrameHeader::parse_with(bytes, Some(n_bytes));
        let mut offset = 0;
        (0..FREE_CHAIN).all(|_| {
            let rest = bytes.get(offset..).filter(|rest| is_free(rest)).unwrap_or(&[]);
            let Some((first, next)) = first.zip(FrameHeader::parse_with(rest, Some(n_bytes)))
            else {
                return false;
            };
            offset += next.n_bytes;
            first.same_stream(&next) && first.n_channels == next.n_channels
        })
    })
}

/// Offset of the first frame in `bytes` that `n_chained` frames of the same stream start at.
///
/// Where `at_end` says that the file ends with `bytes`, a shorter chain will do that reaches its
/// end: a clip may hold a single frame, but one in the middle of something else is chance.
pub(crate) fn find_chain(bytes: &[u8], n_chained: usize, at_end: bool) -> Option<usize> {
    find_chain_with(bytes, n_chained, at_end, None)
}

/// Like [`find_chain`], with what [`FrameHeader::parse_with`] needs to know.
pub(crate) fn find_chain_with(
    bytes: &[u8],
    n_chained: usize,
    at_end: bool,
    n_free_bytes: Option<usize>,
) -> Option<usize> {
    let parse = |bytes: &[u8]| FrameHeader::parse_with(bytes, n_free_bytes);
    (0..bytes.len().saturating_sub(HEADER_BYTES)).find(|&start| {
        let n_least = if start == 0 { 1 } else { 2 };
        bytes[start] == 0xff
            && is_chain(&bytes[start..], n_chained, at_end.then_some(n_least), parse)
    })
}

/// `n_at_end`: how few whole frames will do if `bytes` ends before the chain is complete.
fn is_chain(
    bytes: &[u8],
    n_chained: usize,
    n_at_end: Option<usize>,
    parse: impl Fn(&[u8]) -> Option<FrameHeader>,
) -> bool {
    let Some(first) = parse(bytes) else { return false };
    let mut offset = first.n_bytes;
    for n_found in 1..n_chained {
        match bytes.get(offset..).filter(|rest| rest.len() >= HEADER_BYTES) {
            None => {
                let n_whole = if offset <= bytes.len() { n_found } else { n_found - 1 };
                return n_at_end.is_some_and(|n_least| n_whole >= n_least);
            }
            Some(rest) => match parse(rest) {
                Some(next) if first.same_stream(&next) => offset += next.n_bytes,
                _ => return false,
            },
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MPEG-1 layer III, 128 kbit/s, 44.1 kHz, joint stereo.
    const CBR128: [u8; 4] = [0xff, 0xfb, 0x90, 0x64];

    fn frames(n: usize) -> Vec<u8> {
        let mut frame = CBR128.to_vec();
        frame.resize(417, 0);
        frame.repeat(n)
    }

    #[test]
    fn a_common_header_is_read() {
        let header = FrameHeader::parse(&CBR128).unwrap();
        assert_eq!(
            header,
            FrameHeader {
                layer: 3,
                mpeg1: true,
                sample_rate: 44_100,
                n_channels: 2,
                kbit_per_second: 128,
                n_samples: 1152,
                n_bytes: 417
            }
        );
    }

    #[test]
    fn reserved_and_free_format_headers_are_refused() {
        for bytes in [[0xff, 0xfb, 0x00, 0x64], [0xff, 0xfb, 0xf0, 0x64], [0xff, 0xfb, 0x9c, 0x64]]
        {
            assert_eq!(FrameHeader::parse(&bytes), None, "{bytes:?}");
        }
    }

    /// As `CBR128`, of free format, in frames of 500 bytes and one more where there is padding.
    fn free_frames(n: usize) -> Vec<u8> {
        let frame = |at: usize| {
            let padding = u8::from(at.is_multiple_of(3));
            let mut frame = vec![0xff, 0xfb, padding << 1, 0x64];
            frame.resize(500 + usize::from(padding), 0);
            frame
        };
        (0..n).flat_map(frame).collect()
    }

    #[test]
    fn the_length_of_free_frames_is_their_distance() {
        let bytes = free_frames(5);
        assert_eq!(free_bytes(&bytes), Some(500));
        let header = FrameHeader::parse_with(&bytes, Some(500)).unwrap();
        assert_eq!((header.n_bytes, header.kbit_per_second), (501, 153));
        assert_eq!(find_free_chain(&[&[0xff, 0xfb, 0, 1, 2, 3], &bytes[..]].concat()), Some(6));
        assert_eq!(free_bytes(&free_frames(3)), None);
        assert_eq!(free_bytes(&frames(5)), None);
        let foreign = [free_frames(3), frames(5)].concat();
        assert_eq!(find_free_chain(&foreign), None);
    }

    #[test]
    fn a_chain_is_found_behind_junk() {
        let mut bytes = vec![0xff, 0xfb, 0x90, 0x64, 1, 2, 3];
        bytes.extend(frames(4));
        assert_eq!(find_chain(&bytes, 4, false), Some(7));
    }

    #[test]
    fn a_single_whole_frame_is_a_chain_only_where_the_file_ends() {
        assert_eq!(find_chain(&frames(1), 3, true), Some(0));
        assert_eq!(find_chain(&frames(1), 3, false), None);
        assert_eq!(find_chain(&frames(1)[..400], 3, true), None);
    }
}
