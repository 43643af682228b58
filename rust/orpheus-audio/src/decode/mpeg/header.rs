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

impl FrameHeader {
    /// Reads the header at the start of `bytes`; `None` if there is none.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[b0, b1, b2, b3, ..] = bytes else { return None };
        if b0 != 0xff || b1 & 0xe0 != 0xe0 {
            return None;
        }
        let (mpeg1, rate_shift) = version(b1)?;
        let layer = layer(b1)?;
        let sample_rate = [44_100_u32, 48_000, 32_000].get(usize::from((b2 >> 2) & 3))?;
        let sample_rate = sample_rate >> rate_shift;
        let kbit_per_second = kbit_per_second(mpeg1, layer, b2)?;
        let n_samples = match (layer, mpeg1) {
            (1, _) => 384,
            (3, false) => 576,
            _ => 1152,
        };
        let padding = u32::from((b2 >> 1) & 1);
        let per_second = u32::from(kbit_per_second) * 1000;
        let n_bytes = if layer == 1 {
            (12 * per_second / sample_rate + padding) * 4
        } else {
            n_samples / 8 * per_second / sample_rate + padding
        };
        let n_channels = if b3 >> 6 == 3 { 1 } else { 2 };
        let n_bytes = n_bytes as usize;
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
    // Index 0 is free format, index 15 is forbidden.
    let index = usize::from(byte >> 4).checked_sub(1)?;
    BITRATES[row].get(index).copied()
}

/// Offset of the first frame in `bytes` that `n_chained` frames of the same stream start at.
///
/// Where `at_end` says that the file ends with `bytes`, a shorter chain will do that reaches its
/// end: a clip may hold a single frame, but one in the middle of something else is chance.
pub(crate) fn find_chain(bytes: &[u8], n_chained: usize, at_end: bool) -> Option<usize> {
    (0..bytes.len().saturating_sub(HEADER_BYTES)).find(|&start| {
        let n_least = if start == 0 { 1 } else { 2 };
        bytes[start] == 0xff && is_chain(&bytes[start..], n_chained, at_end.then_some(n_least))
    })
}

/// `n_at_end`: how few whole frames will do if `bytes` ends before the chain is complete.
fn is_chain(bytes: &[u8], n_chained: usize, n_at_end: Option<usize>) -> bool {
    let Some(first) = FrameHeader::parse(bytes) else { return false };
    let mut offset = first.n_bytes;
    for n_found in 1..n_chained {
        match bytes.get(offset..).filter(|rest| rest.len() >= HEADER_BYTES) {
            None => {
                let n_whole = if offset <= bytes.len() { n_found } else { n_found - 1 };
                return n_at_end.is_some_and(|n_least| n_whole >= n_least);
            }
            Some(rest) => match FrameHeader::parse(rest) {
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
