//! What a stream is, before its first packet (ISO/IEC 14496-3 §1.6.2).

use super::bands::{SAMPLE_RATES, nearest_rate};
use super::layout::{Layout, Program};
use crate::decode::demux::bits::BitsMsb;
use crate::error::{CONVERT, Error, Result};

/// An `AudioSpecificConfig` of AAC-LC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::decode) struct Config {
    pub(in crate::decode) sample_rate: u32,
    /// Where the packets say it, not yet known.
    pub(in crate::decode) layout: Option<Layout>,
    /// Samples of a packet: 1024 or 960.
    pub(in crate::decode) frame_length: usize,
}

impl Config {
    /// What ADTS and older containers say.
    pub(super) fn plain(sample_rate: u32, n_channels: usize) -> Self {
        let configuration = match n_channels {
            7 => 11,
            8 => 7,
            9.. => 0,
            n => n as u32,
        };
        let layout = Layout::of_configuration(configuration);
        Self { sample_rate, layout, frame_length: 1024 }
    }

    /// Reads an `AudioSpecificConfig`.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for whatever is no AAC-LC: spectral band replication in particular, of
    /// which an AAC-LC decoder gives the lower half at half the rate.
    pub(in crate::decode) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut bits = BitsMsb::new(bytes);
        read(&mut bits).unwrap_or_else(|| Err(Error::damaged("the AAC configuration is cut short")))
    }

    pub(super) fn rate_index(&self) -> usize {
        let exact = SAMPLE_RATES.iter().position(|&rate| rate == self.sample_rate);
        exact.unwrap_or_else(|| nearest_rate(self.sample_rate))
    }
}

/// `None`: the bits end.
fn read(bits: &mut BitsMsb<'_>) -> Option<Result<Config>> {
    const LC: u32 = 2;
    const SBR: u32 = 5;
    /// In front of an extension that older decoders do not see.
    const SYNC: u32 = 0x2b7;
    let object_type = read_object_type(bits)?;
    if object_type != LC {
        return Some(Err(unsupported(name(object_type))));
    }
    let sample_rate = match bits.read(4)? {
        15 => bits.read(24)?,
        index => match SAMPLE_RATES.get(index as usize) {
            Some(&rate) => rate,
            None => return Some(Err(Error::damaged("a reserved AAC sample rate"))),
        },
    };
    let configuration = bits.read(4)?;
    let frame_length = if bits.read(1)? == 1 { 960 } else { 1024 };
    if bits.read(1)? == 1 {
        return Some(Err(unsupported("scalable AAC")));
    }
    bits.skip(1);
    let layout = if configuration == 0 {
        Program::read(bits)?.layout()
    } else {
        Layout::of_configuration(configuration)
    };
    if layout.is_none() {
        let what = format!("feature (AAC channel configuration {configuration})");
        return Some(Err(Error::Unsupported { what, advice: CONVERT }));
    }
    // Nothing needs to follow.
    let announces_sbr = bits.read(11) == Some(SYNC)
        && read_object_type(bits) == Some(SBR)
        && bits.read(1) == Some(1);
    if announces_sbr {
        return Some(Err(unsupported(name(SBR))));
    }
    Some(Ok(Config { sample_rate, layout, frame_length }))
}

fn read_object_type(bits: &mut BitsMsb<'_>) -> Option<u32> {
    match bits.read(5)? {
        31 => Some(32 + bits.read(6)?),
        object_type => Some(object_type),
    }
}

pub(super) fn unsupported(codec: &str) -> Error {
    Error::Unsupported { what: format!("codec {codec}"), advice: CONVERT }
}

/// Names of audio object types (table 1.17).
fn name(object_type: u32) -> &'static str {
    match object_type {
        1 => "AAC Main",
        3 => "AAC SSR",
        4 => "AAC LTP",
        5 | 29 => "HE-AAC",
        6 | 20 => "scalable AAC",
        17 => "error resilient AAC-LC",
        23 => "AAC-LD",
        36 => "MPEG-4 ALS",
        39 => "AAC-ELD",
        42 => "xHE-AAC",
        32..=34 => "MPEG-1 audio in MP4",
        _ => "MPEG-4 audio of another kind",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        Config::parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn rates_channels_and_frame_lengths_are_read() {
        let config = Config::parse(&[0x12, 0x10]).unwrap();
        assert_eq!((config.sample_rate, config.frame_length), (44_100, 1024));
        assert_eq!(config.layout.unwrap().n_channels, 2);
        // 960 samples, 48 kHz, six channels.
        let config = Config::parse(&[0x11, 0xb4]).unwrap();
        assert_eq!((config.sample_rate, config.frame_length), (48_000, 960));
        assert_eq!(config.layout.unwrap().n_channels, 6);
        // An explicit rate of 50 kHz: 24 bits behind an index of 15.
        let config = Config::parse(&[0x17, 0x80, 0x61, 0xa8, 0x08]).unwrap();
        assert_eq!((config.sample_rate, config.rate_index()), (50_000, 3));
    }

    #[test]
    fn a_program_lists_its_channels() {
        // Front: one alone and a pair; back: a pair; one of low frequency; a comment of two bytes.
        let fields: [(u32, usize); 21] = [
            (2, 5),
            (4, 4),
            (0, 4),
            (0, 3),
            (0, 4),
            (1, 2),
            (4, 4),
            (2, 4),
            (0, 4),
            (1, 4),
            (1, 2),
            (0, 3),
            (0, 4),
            (0, 3),
            (0b00_0001_0001, 10),
            (0b1_0010, 5),
            (0b0011, 4),
            (0, 1),
            (2, 8),
            (0xabcd, 16),
            (0, 8),
        ];
        let bits = fields.iter().flat_map(|&(v, n)| (0..n).rev().map(move |at| v >> at & 1));
        let bits: Vec<u32> = bits.collect();
        let bytes: Vec<u8> =
            bits.chunks(8).map(|byte| byte.iter().fold(0, |b, &bit| b << 1 | bit as u8)).collect();
        let layout = Config::parse(&bytes).unwrap().layout.unwrap();
        let got: Vec<_> = layout.elements.iter().map(|e| (e.tag, e.channels)).collect();
        assert_eq!(
            got,
            [(Some(0), [2, 2]), (Some(1), [0, 1]), (Some(2), [4, 5]), (Some(3), [3, 3])]
        );
    }

    #[test]
    fn what_is_no_aac_lc_is_refused_by_its_name() {
        assert!(refusal(&[0x0a, 0x10]).contains("AAC Main"));
        assert!(refusal(&[0x1a, 0x10]).contains("AAC SSR"));
        assert!(refusal(&[0x22, 0x10]).contains("AAC LTP"));
        assert!(refusal(&[0x2b, 0x92, 0x08, 0x00]).contains("HE-AAC"));
        assert!(refusal(&[0xeb, 0x09, 0x88, 0x00]).contains("HE-AAC"), "with parametric stereo");
        // Announced behind a plain configuration.
        assert!(refusal(&[0x13, 0x90, 0x56, 0xe5, 0xa5, 0x48, 0x80]).contains("HE-AAC"));
        assert!(refusal(&[0xf9, 0x46, 0x40]).contains("xHE-AAC"));
        assert!(refusal(&[0x12]).contains("cut short"));
        assert!(refusal(&[0x12, 0x68]).contains("configuration 13"));
    }
}
