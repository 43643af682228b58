//! The metadata block that every stream begins with (RFC 9639 §8.2).

use super::header::FrameHeader;

pub(super) const STREAM_INFO_BYTES: usize = 34;

/// What all frames of a stream have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) sample_rate: u32,
    pub(super) n_channels: usize,
    /// Bits per sample, 4 to 32.
    pub(super) n_bits: u32,
}

impl Format {
    /// That of a frame which leaves nothing to STREAMINFO.
    pub(super) fn of(header: &FrameHeader) -> Option<Self> {
        Some(Self {
            sample_rate: header.sample_rate?,
            n_channels: header.channels.count(),
            n_bits: header.n_bits?,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamInfo {
    pub(super) min_block_size: u16,
    pub(super) max_block_size: u16,
    pub(super) format: Format,
    /// Samples per channel, where the encoder knew.
    pub(super) n_samples: Option<u64>,
    /// Of all samples, interleaved, little-endian, in whole bytes; where the encoder knew.
    pub(super) md5: Option<[u8; 16]>,
}

impl StreamInfo {
    pub(super) fn parse(bytes: &[u8; STREAM_INFO_BYTES]) -> Self {
        let number = |from: usize, n: usize| {
            bytes[from..from + n].iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte))
        };
        let shape = number(10, 8);
        let mut md5 = [0; 16];
        md5.copy_from_slice(&bytes[18..]);
        Self {
            min_block_size: number(0, 2) as u16,
            max_block_size: number(2, 2) as u16,
            format: Format {
                sample_rate: (shape >> 44) as u32,
                n_channels: (shape >> 41 & 7) as usize + 1,
                n_bits: (shape >> 36 & 31) as u32 + 1,
            },
            n_samples: Some(shape & ((1 << 36) - 1)).filter(|&n| n > 0),
            md5: Some(md5).filter(|md5| md5 != &[0; 16]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_share_bytes_are_taken_apart() {
        let mut bytes = [0; STREAM_INFO_BYTES];
        bytes[..4].copy_from_slice(&[0x12, 0x00, 0x10, 0x00]);
        // 44100 Hz, 2 channels, 24 bits, 2³⁵ + 5 samples.
        bytes[10..18].copy_from_slice(&[0x0a, 0xc4, 0x43, 0x78, 0, 0, 0, 5]);
        let info = StreamInfo::parse(&bytes);
        assert_eq!((info.min_block_size, info.max_block_size), (0x1200, 0x1000));
        assert_eq!(info.format, Format { sample_rate: 44_100, n_channels: 2, n_bits: 24 });
        assert_eq!((info.n_samples, info.md5), (Some((1 << 35) + 5), None));
    }
}
