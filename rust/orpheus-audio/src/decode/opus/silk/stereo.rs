//! Mid and side → left and right (RFC 6716 §4.2.7.1 and §4.2.8).

use super::super::range::RangeDecoder;
use super::fixed::{add_mul_w16, mul_w16, round_shift, saturate_16};
use super::tables as t;
use super::{MAX_FRAME, Samples};

/// Time in which weights pass over.
const FADE_MS: usize = 8;

/// By which the side is predicted from the mid, of 8192.
pub(super) type Weights = [i32; 2];

pub(super) fn decode_weights(range: &mut RangeDecoder) -> Weights {
    let joint = range.icdf(&t::STEREO_JOINT, 8);
    let mut weights = [joint / 5, joint % 5].map(|third| {
        let level = 3 * third + range.icdf(&t::UNIFORM_3, 8);
        let step = range.icdf(&t::UNIFORM_5, 8) as i32;
        let low = t::STEREO_LEVELS[level];
        low + mul_w16(t::STEREO_LEVELS[level + 1] - low, 6554) * (2 * step + 1)
    });
    weights[0] -= weights[1];
    weights
}

#[derive(Default)]
pub(super) struct Stereo {
    pub(super) weights: Weights,
    pub(super) mid: [i16; 2],
    pub(super) side: [i16; 2],
}

impl Stereo {
    /// Puts the last two samples in front of a mono frame.
    pub(super) fn pass(&mut self, mid: &mut Samples, n_samples: usize) {
        mid[..2].copy_from_slice(&self.mid);
        self.mid.copy_from_slice(&mid[n_samples..n_samples + 2]);
    }

    /// Turns `mid`, `side` into left, right, one sample late; both begin with room for two.
    pub(super) fn unmix(
        &mut self,
        [mid, side]: &mut [Samples; 2],
        weights: Weights,
        khz: usize,
        n_samples: usize,
    ) {
        mid[..2].copy_from_slice(&self.mid);
        side[..2].copy_from_slice(&self.side);
        self.mid.copy_from_slice(&mid[n_samples..n_samples + 2]);
        self.side.copy_from_slice(&side[n_samples..n_samples + 2]);
        let n_fading = FADE_MS * khz;
        let per_sample = (1 << 16) / n_fading as i32;
        let mut now = self.weights;
        let step: Weights = std::array::from_fn(|at| {
            let change = weights[at] - self.weights[at];
            round_shift(i32::from(change as i16) * per_sample, 16)
        });
        for n in 0..n_samples.min(MAX_FRAME) {
            now = if n < n_fading { [now[0] + step[0], now[1] + step[1]] } else { weights };
            let [a, b, c] = [mid[n], mid[n + 1], mid[n + 2]].map(i32::from);
            let smooth = (a + c + 2 * b) << 9;
            let sum = add_mul_w16(i32::from(side[n + 1]) << 8, smooth, now[0]);
            let sum = add_mul_w16(sum, b << 11, now[1]);
            side[n + 1] = saturate_16(round_shift(sum, 8));
        }
        self.weights = weights;
        for (mid, side) in mid[1..=n_samples].iter_mut().zip(&mut side[1..=n_samples]) {
            let (m, s) = (i32::from(*mid), i32::from(*side));
            (*mid, *side) = (saturate_16(m + s), saturate_16(m - s));
        }
    }
}
