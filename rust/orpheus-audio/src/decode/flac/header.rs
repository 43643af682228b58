//! What stands in front of each frame (RFC 9639 §9.1).

use super::crc::crc8;
use super::stream_info::Format;

/// The longest header: four fixed bytes, seven of the number, two each of block size and sample
/// rate, and the checksum.
pub(super) const MAX_HEADER_BYTES: usize = 16;

/// How the channels are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    Independent(usize),
    LeftSide,
    SideRight,
    MidSide,
}

impl Channels {
    pub(super) fn count(self) -> usize {
        match self {
            Self::Independent(n) => n,
            _ => 2,
        }
    }

    /// Which subframe, if any, is a difference and needs one bit more.
    pub(super) fn side(self) -> Option<usize> {
        match self {
            Self::Independent(_) => None,
            Self::SideRight => Some(0),
            Self::LeftSide | Self::MidSide => Some(1),
        }
    }
}

/// A header whose checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Whether the encoder says that `number` counts samples, not frames.
    pub(super) counts_samples: bool,
    /// Of the first sample, or of the frame.
    pub(super) number: u64,
    /// Samples per channel, 1 to 65535.
    pub(super) block_size: usize,
    pub(super) channels: Channels,
    /// `None`: what STREAMINFO says.
    pub(super) sample_rate: Option<u32>,
    /// Bits per sample; `None`: what STREAMINFO says.
    pub(super) n_bits: Option<u32>,
    pub(super) n_bytes: usize,
}

impl FrameHeader {
    /// Reads the header that `bytes` begin with; `None` if they do not.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[0xff, second, sizes, shape, ..] = bytes else { return None };
        if second & 0xfe != 0xf8 || shape & 1 != 0 {
            return None;
        }
        let mut at = 4;
        let number = coded_number(bytes, &mut at)?;
        let block_size = block_size(sizes >> 4, bytes, &mut at)?;
        let sample_rate = sample_rate(sizes & 15, bytes, &mut at)?;
        let channels = match shape >> 4 {
            n @ 0..8 => Channels::Independent(usize::from(n) + 1),
            8 => Channels::LeftSide,
            9 => Channels::SideRight,
            10 => Channels::MidSide,
            _ => return None,
        };
        let n_bits = match shape >> 1 & 7 {
            0 => None,
            3 => return None,
            code => Some([0, 8, 12, 0, 16, 20, 24, 32][usize::from(code)]),
        };
        if *bytes.get(at)? != crc8(&bytes[..at]) {
            return None;
        }
        Some(Self {
            counts_samples: second & 1 != 0,
            number,
            block_size,
            channels,
            sample_rate: Some(sample_rate).filter(|&rate| rate > 0),
            n_bits,
            n_bytes: at + 1,
        })
    }

    /// Whether the frame belongs to a stream of this format; otherwise what differs.
    pub(super) fn fits(&self, format: &Format) -> Result<(), super::FrameError> {
        if self.channels.count() != format.n_channels {
            return Err(super::FrameError::Channels);
        }
        if self.sample_rate.is_some_and(|rate| rate != format.sample_rate)
            || self.n_bits.is_some_and(|n_bits| n_bits != format.n_bits)
        {
            return Err(super::FrameError::Format);
        }
        Ok(())
    }

    /// More bytes than a sensible encoder spends on the frame: twice what its samples take as they
    /// are.
    pub(super) fn usual_bytes(&self, n_bits: u32) -> usize {
        const SLACK: usize = 4096;
        self.block_size * self.channels.count() * (n_bits as usize + 1) / 4 + SLACK
    }
}

/// The first place from `from` on where a header begins.
pub(super) fn find_header(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        if FrameHeader::parse(&bytes[at..]).is_some() {
            return Some(at);
        }
        at += 1;
    }
}

/// A number of up to 36 bits, coded as UTF-8 codes characters (RFC 9639 §9.1.5).
fn coded_number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let first = take(bytes, at)?;
    let n_more = match first.leading_ones() {
        0 => return Some(u64::from(first)),
        1 | 8 => return None,
        n => n - 1,
    };
    let mut number = u64::from(first & (0x3f >> n_more));
    for _ in 0..n_more {
        let byte = take(bytes, at)?;
        if byte & 0xc0 != 0x80 {
            return None;
        }
        number = number << 6 | u64::from(byte & 0x3f);
    }
    Some(number)
}

fn block_size(code: u8, bytes: &[u8], at: &mut usize) -> Option<usize> {
    let size = match code {
        0 => return None,
        1 => 192,
        2..=5 => 144 << code,
        6 => usize::from(take(bytes, at)?) + 1,
        7 => usize::from(take_u16(bytes, at)?) + 1,
        _ => 1 << code,
    };
    // 65536 could be written, but is forbidden (RFC 9639 §9.1.6).
    (size <= 65_535).then_some(size)
}

/// 0: what STREAMINFO says.
fn sample_rate(code: u8, bytes: &[u8], at: &mut usize) -> Option<u32> {
    const RATES: [u32; 12] = [
        0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000,
    ];
    Some(match code {
        0..=11 => RATES[usize::from(code)],
        12 => u32::from(take(bytes, at)?) * 1000,
        13 => u32::from(take_u16(bytes, at)?),
        14 => u32::from(take_u16(bytes, at)?) * 10,
        _ => return None,
    })
}

fn take(bytes: &[u8], at: &mut usize) -> Option<u8> {
    let byte = *bytes.get(*at)?;
    *at += 1;
    Some(byte)
}

fn take_u16(bytes: &[u8], at: &mut usize) -> Option<u16> {
    Some(u16::from_be_bytes([take(bytes, at)?, take(bytes, at)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.push(crc8(&bytes));
        bytes
    }

    #[test]
    fn a_header_with_every_optional_field_is_read() {
        // Sample number 2³⁶ − 1, block size 4000, 12345 Hz, mid and side, 24 bits.
        let mut bytes = vec![0xff, 0xf9, 0x7d, 0xac];
        bytes.extend([0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf]);
        bytes.extend(3999_u16.to_be_bytes());
        bytes.extend(12_345_u16.to_be_bytes());
        let header = FrameHeader::parse(&sealed(bytes)).unwrap();
        assert_eq!(
            header,
            FrameHeader {
                counts_samples: true,
                number: (1 << 36) - 1,
                block_size: 4000,
                channels: Channels::MidSide,
                sample_rate: Some(12_345),
                n_bits: Some(24),
                n_bytes: MAX_HEADER_BYTES,
            }
        );
    }

    #[test]
    fn reserved_values_and_wrong_sums_are_no_header() {
        let sound = sealed(vec![0xff, 0xf8, 0xc9, 0x18, 0x00]);
        assert_eq!(FrameHeader::parse(&sound).unwrap().block_size, 4096);
        for at in 0..sound.len() {
            for bit in 0..8 {
                let mut bytes = sound.clone();
                bytes[at] ^= 1 << bit;
                assert_eq!(FrameHeader::parse(&bytes), None);
            }
        }
        for bad in [[0xff, 0xf8, 0x09, 0x18], [0xff, 0xf8, 0xcf, 0x18], [0xff, 0xf8, 0xc9, 0xb8]] {
            assert_eq!(FrameHeader::parse(&sealed([&bad[..], &[0]].concat())), None);
        }
        assert_eq!(FrameHeader::parse(&sealed(vec![0xff, 0xf8, 0xc9, 0x16, 0])), None);
        assert_eq!(FrameHeader::parse(&sealed(vec![0xff, 0xf8, 0x79, 0x18, 0, 0xff, 0xff])), None);
    }
}
