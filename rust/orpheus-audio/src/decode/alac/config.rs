//! The magic cookie: what all packets of a stream have in common.

use super::rice::Rice;
use crate::error::CONVERT;
use crate::error::{Error, Result};

/// Sixteen times what encoders write.
const MOST_FRAME_LENGTH: u32 = 1 << 16;
const MOST_CHANNELS: usize = 8;

/// `ALACSpecificConfig` of Apple's reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    /// Samples per channel of a packet that does not say otherwise.
    pub(super) frame_length: usize,
    /// Bits per sample: 16, 20, 24 or 32.
    pub(super) n_bits: u32,
    pub(super) rice: Rice,
    pub(super) n_channels: usize,
}

impl Config {
    /// Reads a cookie, without the boxes that older writers put around it.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if it asks for what no encoder writes, [`Error::Damaged`] if it is no
    /// cookie.
    pub(super) fn parse(cookie: &[u8]) -> Result<Self> {
        let damaged = || Error::damaged("the magic cookie cannot be read");
        let Some((length, rest)) = cookie.split_first_chunk::<4>() else { return Err(damaged()) };
        let &[version, n_bits, rate, mean, most_bits, n_channels, ..] = rest else {
            return Err(damaged());
        };
        let unsupported = |what: String| {
            Err(Error::Unsupported { what: format!("codec ALAC {what}"), advice: CONVERT })
        };
        let frame_length = u32::from_be_bytes(*length);
        if !(1..=MOST_FRAME_LENGTH).contains(&frame_length) || !(1..32).contains(&most_bits) {
            return Err(damaged());
        }
        if version != 0 {
            return unsupported(format!("of version {version}"));
        }
        if ![16, 20, 24, 32].contains(&n_bits) {
            return unsupported(format!("of {n_bits} bits"));
        }
        if !(1..=MOST_CHANNELS).contains(&n_channels.into()) {
            return unsupported(format!("of {n_channels} channels"));
        }
        let rice = Rice { mean: mean.into(), rate: rate.into(), most_bits: most_bits.into() };
        Ok(Self {
            frame_length: frame_length as usize,
            n_bits: n_bits.into(),
            rice,
            n_channels: n_channels.into(),
        })
    }
}
