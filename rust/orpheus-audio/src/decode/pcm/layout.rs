//! How the samples of a stream are coded and laid out in blocks.

use std::ops::Range;

use super::adpcm;
use super::bytes::Order;
use super::linear::{self, Number, Target};
use crate::decode::mpeg::layer3::Mix;

/// How samples are coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Coding {
    /// Interleaved numbers.
    Linear(Number, Order),
    /// IMA ADPCM as in WAV.
    Ima,
    /// IMA ADPCM as in AIFF-C and CAF.
    AppleIma,
    /// Microsoft ADPCM, with its pairs of predictor coefficients.
    Microsoft(Vec<[i16; 2]>),
}

/// A coding, and the smallest stretch of it that can be decoded alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    coding: Coding,
    n_channels: usize,
    /// Of all channels together; never 0.
    block_bytes: usize,
    /// Per channel; never 0.
    block_samples: usize,
}

impl Layout {
    /// `n_channels` > 0 interleaved numbers.
    pub(super) fn linear(number: Number, order: Order, n_channels: usize) -> Self {
        Self {
            coding: Coding::Linear(number, order),
            n_channels,
            block_bytes: number.n_bytes() * n_channels,
            block_samples: 1,
        }
    }

    /// IMA ADPCM in blocks of `block_bytes`; `None` if not even a block's head fits in.
    pub(super) fn ima(block_bytes: usize, n_channels: usize) -> Option<Self> {
        let block_samples = adpcm::ima_samples(block_bytes, n_channels);
        let coding = Coding::Ima;
        (block_samples > 0).then_some(Self { coding, n_channels, block_bytes, block_samples })
    }

    /// Microsoft ADPCM in blocks of `block_bytes`; `None` if not even a block's head fits in.
    pub(super) fn microsoft(
        block_bytes: usize,
        n_channels: usize,
        coefficients: Vec<[i16; 2]>,
    ) -> Option<Self> {
        let block_samples = adpcm::microsoft_samples(block_bytes, n_channels);
        let coding = Coding::Microsoft(coefficients);
        (block_samples > 0).then_some(Self { coding, n_channels, block_bytes, block_samples })
    }

    /// `ima4`.
    pub(super) fn apple_ima(n_channels: usize) -> Self {
        Self {
            coding: Coding::AppleIma,
            n_channels,
            block_bytes: adpcm::APPLE_BYTES * n_channels,
            block_samples: adpcm::APPLE_SAMPLES,
        }
    }

    pub(super) fn n_channels(&self) -> usize {
        self.n_channels
    }

    pub(super) fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    pub(super) fn block_samples(&self) -> usize {
        self.block_samples
    }

    /// Every block holds one sample of each channel.
    pub(super) fn is_linear(&self) -> bool {
        matches!(self.coding, Coding::Linear(..))
    }

    pub(super) fn codec(&self) -> String {
        match &self.coding {
            Coding::Linear(number, order) => number.codec(*order),
            Coding::Ima => "adpcm_ima_wav".to_owned(),
            Coding::AppleIma => "adpcm_ima_qt".to_owned(),
            Coding::Microsoft(_) => "adpcm_ms".to_owned(),
        }
    }

    /// Samples per channel in `n_bytes` of whole blocks and perhaps the beginning of one more.
    pub(super) fn samples_in(&self, n_bytes: u64) -> u64 {
        let n_blocks = n_bytes / self.block_bytes as u64;
        let part = (n_bytes % self.block_bytes as u64) as usize;
        let n_in_part = match self.coding {
            Coding::Linear(..) | Coding::AppleIma => 0,
            Coding::Ima => adpcm::ima_samples(part, self.n_channels),
            Coding::Microsoft(_) => adpcm::microsoft_samples(part, self.n_channels),
        };
        n_blocks.saturating_mul(self.block_samples as u64).saturating_add(n_in_part as u64)
    }

    /// How many planes [`Layout::decode`] hands over when `mix` is asked for.
    pub(super) fn n_planes(&self, mix: Mix) -> usize {
        if mix == Mix::Mono && self.is_linear() { 1 } else { self.n_channels }
    }

    /// Replaces the contents of `planes`, which are [`Layout::n_planes`], by the samples in `bytes`:
    /// whole blocks and perhaps the beginning of one more.
    ///
    /// A block that contradicts its format is silent; `note_damage` is told its samples.
    pub(super) fn decode(
        &self,
        bytes: &[u8],
        mix: Mix,
        planes: &mut [Vec<f32>],
        mut note_damage: impl FnMut(Range<usize>),
    ) {
        if let Coding::Linear(number, order) = self.coding {
            let target = Target { n_channels: self.n_channels, mix, planes };
            linear::decode(number, order, bytes, target);
            return;
        }
        planes.iter_mut().for_each(Vec::clear);
        for block in bytes.chunks(self.block_bytes) {
            let start = planes.first().map_or(0, Vec::len);
            let is_sound = match &self.coding {
                Coding::Microsoft(coefficients) => {
                    adpcm::decode_microsoft(block, coefficients, planes)
                }
                Coding::Ima => adpcm::decode_ima(block, planes),
                Coding::AppleIma if block.len() == self.block_bytes => {
                    adpcm::decode_apple(block, planes)
                }
                // Half a packet of one channel is of no use to the others.
                Coding::AppleIma | Coding::Linear(..) => true,
            };
            if !is_sound {
                for plane in planes.iter_mut() {
                    plane[start..].fill(0.0);
                }
                note_damage(start..planes.first().map_or(0, Vec::len));
            }
        }
    }
}
