//! The format chunk of WAV and Wave64: `WAVEFORMATEX` and `WAVEFORMATEXTENSIBLE` (Microsoft, mmreg.h).

use super::bytes::{Order, array};
use super::layout::Layout;
use super::linear::Number;
use crate::error::{Error, Result};

/// As much of the chunk as anything here asks for.
pub(super) const MOST_BYTES: u64 = 2048;

mod tag {
    pub(super) const PCM: u16 = 0x0001;
    pub(super) const MICROSOFT_ADPCM: u16 = 0x0002;
    pub(super) const FLOAT: u16 = 0x0003;
    pub(super) const A_LAW: u16 = 0x0006;
    pub(super) const MU_LAW: u16 = 0x0007;
    pub(super) const IMA_ADPCM: u16 = 0x0011;
    pub(super) const MPEG: u16 = 0x0050;
    pub(super) const MP3: u16 = 0x0055;
    pub(super) const EXTENSIBLE: u16 = 0xfffe;
}

/// What follows the tag in the GUIDs of `KSDATAFORMAT_SUBTYPE_*` and of the Ambisonic B-format.
const SUBTYPE_GUIDS: [[u8; 14]; 2] = [
    [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71],
    [0, 0, 0x21, 0x07, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0],
];

/// The predictors that every Microsoft ADPCM file has, in the order of `aCoef`.
const MICROSOFT_COEFFICIENTS: [[i16; 2]; 7] =
    [[256, 0], [512, -256], [0, 0], [192, 64], [240, 0], [460, -208], [392, -232]];

/// The fields of the chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format {
    tag: u16,
    pub(super) n_channels: usize,
    pub(super) sample_rate: u32,
    bytes_per_second: u32,
    block_bytes: usize,
    bits: usize,
    /// Samples per block, of a coding that has blocks.
    n_block_samples: Option<u16>,
    coefficients: Vec<[i16; 2]>,
}

/// What the chunk says about the data.
#[derive(Debug)]
pub(super) enum Content {
    Samples(Layout),
    /// Frames of MPEG audio, which find their own way.
    Mpeg,
}

impl Format {
    pub(super) fn parse(bytes: &[u8], order: Order) -> Result<Self> {
        let cut = || Error::damaged("the format chunk is cut short");
        let u16 = |at| order.u16(bytes, at);
        let mut tag = u16(0).ok_or_else(cut)?;
        if tag == tag::EXTENSIBLE {
            tag = subtype(bytes, order).ok_or_else(cut)?;
        }
        let n_coefficients = u16(20).unwrap_or(0).min(256);
        let pair = |n: usize| Some([u16(22 + 4 * n)? as i16, u16(24 + 4 * n)? as i16]);
        Ok(Self {
            tag,
            n_channels: usize::from(u16(2).ok_or_else(cut)?),
            sample_rate: order.u32(bytes, 4).ok_or_else(cut)?,
            bytes_per_second: order.u32(bytes, 8).ok_or_else(cut)?,
            block_bytes: usize::from(u16(12).ok_or_else(cut)?),
            bits: usize::from(u16(14).unwrap_or(0)),
            n_block_samples: u16(18),
            coefficients: (0..usize::from(n_coefficients)).map_while(pair).collect(),
        })
    }

    /// What the data are, for `n_channels` > 0. What the fields contradict is added to `doubts`.
    pub(super) fn content(&self, order: Order, doubts: &mut Vec<String>) -> Result<Content> {
        let contradiction = || Error::damaged("the format chunk contradicts itself");
        let layout = match self.tag {
            tag::PCM => self.integers(order),
            tag::FLOAT => Number::float(self.bits.div_ceil(8)).map(|number| (number, order)),
            tag::A_LAW => Some((Number::ALaw, order)),
            tag::MU_LAW => Some((Number::MuLaw, order)),
            tag::IMA_ADPCM if matches!(self.bits, 0 | 4) => {
                let layout = Layout::ima(self.block_bytes, self.n_channels);
                return Ok(self.blocks(layout.ok_or_else(contradiction)?, doubts));
            }
            tag::MICROSOFT_ADPCM => {
                let layout =
                    Layout::microsoft(self.block_bytes, self.n_channels, self.predictors());
                return Ok(self.blocks(layout.ok_or_else(contradiction)?, doubts));
            }
            tag::MPEG | tag::MP3 => return Ok(Content::Mpeg),
            _ => return Err(self.unsupported()),
        };
        let (number, order) = layout.ok_or_else(|| self.unsupported())?;
        let layout = Layout::linear(number, order, self.n_channels);
        doubts.extend(self.contradiction(layout.block_bytes()));
        Ok(Content::Samples(layout))
    }

    /// Integers stand in the upper bits of containers of whole bytes, which may be wider than needed.
    fn integers(&self, order: Order) -> Option<(Number, Order)> {
        let n_least = self.bits.div_ceil(8);
        let whole = self.block_bytes.is_multiple_of(self.n_channels);
        let n_stated = if whole { self.block_bytes / self.n_channels } else { 0 };
        let fits = (n_least.max(1)..=4).contains(&n_stated);
        // A block that is too small for its bits or too large for any number is the one that lies.
        let n_bytes = if fits { n_stated } else { n_least };
        let number = if n_bytes == 1 { Some(Number::Unsigned8) } else { Number::signed(n_bytes) };
        number.map(|number| (number, order))
    }

    fn blocks(&self, layout: Layout, doubts: &mut Vec<String>) -> Content {
        let stated = self.n_block_samples.map_or(0, usize::from);
        if stated != 0 && stated != layout.block_samples() {
            let fit = layout.block_samples();
            doubts.push(format!("blocks of {stated} samples, but their size is that of {fit}"));
        }
        Content::Samples(layout)
    }

    fn predictors(&self) -> Vec<[i16; 2]> {
        if self.coefficients.len() < MICROSOFT_COEFFICIENTS.len() {
            MICROSOFT_COEFFICIENTS.to_vec()
        } else {
            self.coefficients.clone()
        }
    }

    /// The rate is stated twice, and so is the size of a block: a field that was damaged shows.
    fn contradiction(&self, block_bytes: usize) -> Option<String> {
        let rate = u64::from(self.sample_rate);
        let stated = u64::from(self.bytes_per_second);
        let by_bits = rate * (self.n_channels * self.bits) as u64 / 8;
        let agrees = stated == rate * block_bytes as u64 || stated == by_bits;
        if agrees || (stated == 0 && self.block_bytes == block_bytes) {
            return None;
        }
        let Self { n_channels, sample_rate, bytes_per_second, block_bytes, bits, .. } = self;
        Some(format!(
            "the format chunk contradicts itself: {n_channels} channels of {bits} bits at \
             {sample_rate} Hz, {block_bytes} bytes a block and {bytes_per_second} bytes a second"
        ))
    }

    fn unsupported(&self) -> Error {
        let codec = name(self.tag);
        let what = match self.tag {
            tag::PCM | tag::FLOAT | tag::IMA_ADPCM => format!("{codec} of {} bits", self.bits),
            _ if codec.is_empty() => format!("codec {:#06x} in a WAV file", self.tag),
            _ => format!("codec {codec}"),
        };
        Error::Unsupported { what, advice: super::CONVERT }
    }
}

/// The tag inside the GUID that stands for it.
fn subtype(bytes: &[u8], order: Order) -> Option<u16> {
    let rest: [u8; 14] = array(bytes, 26)?;
    let known = order == Order::Big || SUBTYPE_GUIDS.contains(&rest);
    // A GUID of somebody's own: no tag is 0.
    Some(if known { order.u16(bytes, 24)? } else { 0 })
}

/// Codecs that are met in WAV files and are not decoded here.
fn name(tag: u16) -> &'static str {
    match tag {
        tag::PCM => "PCM",
        tag::FLOAT => "floating-point PCM",
        tag::IMA_ADPCM => "IMA ADPCM",
        0x0000 => "that the container does not name",
        0x0010 => "OKI ADPCM",
        0x0014 | 0x0040 | 0x0045 | 0x0064 => "G.726 ADPCM",
        0x0020 => "Yamaha ADPCM",
        0x0022 => "DSP Group TrueSpeech",
        0x0031 | 0x0032 => "GSM 6.10",
        0x0042 => "G.723.1",
        0x0062 | 0x0270 => "ATRAC",
        0x0065 => "G.722",
        0x0069 => "IMA ADPCM of the Xbox",
        0x0092 | 0x2000 => "AC-3",
        0x00ff | 0x1600 | 0x1601 | 0x1602 | 0x706d | 0xa106 => "AAC",
        0x0160..=0x0163 => "Windows Media Audio",
        0x0200 => "Creative ADPCM",
        0x2001 => "DTS",
        0x566f | 0x674f..=0x6771 => "Vorbis",
        0x704f => "Opus",
        0xf1ac => "FLAC",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(tag: u16, n_channels: u16, rate: u32, block: u16, bits: u16) -> Vec<u8> {
        let mut bytes = tag.to_le_bytes().to_vec();
        bytes.extend(n_channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * u32::from(block)).to_le_bytes());
        bytes.extend(block.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        bytes
    }

    fn codec(bytes: &[u8]) -> (String, Vec<String>) {
        let mut doubts = Vec::new();
        let format = Format::parse(bytes, Order::Little).unwrap();
        match format.content(Order::Little, &mut doubts) {
            Ok(Content::Samples(layout)) => (layout.codec(), doubts),
            Ok(Content::Mpeg) => ("mpeg".to_owned(), doubts),
            Err(error) => (error.to_string(), doubts),
        }
    }

    #[test]
    fn odd_valid_bits_stand_in_containers_of_whole_bytes() {
        for (block, bits, expected) in [
            (2, 12, "pcm_s16le"),
            (3, 20, "pcm_s24le"),
            (4, 20, "pcm_s32le"),
            (4, 24, "pcm_s32le"),
            (1, 6, "pcm_u8"),
        ] {
            assert_eq!(codec(&format(1, 1, 44_100, block, bits)), (expected.to_owned(), vec![]));
        }
    }

    #[test]
    fn a_lying_block_size_is_outvoted() {
        let mut bytes = format(1, 2, 44_100, 4, 16);
        bytes[12] = 77;
        assert_eq!(codec(&bytes), ("pcm_s16le".to_owned(), vec![]));
    }

    #[test]
    fn a_channel_count_that_nothing_agrees_with_is_doubted() {
        let mut bytes = format(1, 2, 44_100, 4, 16);
        bytes[2] = 3;
        let (codec, doubts) = codec(&bytes);
        assert_eq!((codec.as_str(), doubts.len()), ("pcm_s16le", 1));
        assert!(doubts[0].contains("contradicts itself: 3 channels of 16 bits"), "{doubts:?}");
    }

    #[test]
    fn codecs_that_are_not_decoded_are_named() {
        assert_eq!(
            codec(&format(0x31, 1, 8000, 65, 0)).0,
            format!("unsupported codec GSM 6.10; {}", crate::decode::pcm::CONVERT)
        );
        assert!(codec(&format(0x1234, 1, 8000, 65, 0)).0.contains("codec 0x1234"));
        assert!(codec(&format(1, 1, 8000, 8, 64)).0.contains("PCM of 64 bits"));
    }

    #[test]
    fn mpeg_audio_is_handed_over() {
        assert_eq!(codec(&format(0x55, 2, 44_100, 1, 0)).0, "mpeg");
    }
}
