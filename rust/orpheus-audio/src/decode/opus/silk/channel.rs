//! One channel: indices and pulses → samples (RFC 6716 §4.2.7.9).

use super::super::range::RangeDecoder;
use super::MAX_FRAME;
use super::codebooks::{NARROW, WIDE};
use super::fixed::{
    add_mul_w16, divide, inverse, mul_w16, mul_w32, power, round_shift, saturate_16,
    saturating_shift,
};
use super::indices::{Coding, IndexDecoder, Indices, Shape, Signal};
use super::nlsf::{self, Coefficients, Frequencies, MAX_ORDER};
use super::pulses::{self, Pulses};
use super::tables as t;

const MAX_SUBFRAME: usize = 80;
/// Past samples that long-term prediction may reach: 20 ms.
const MAX_HISTORY: usize = 320;
const LTP_ORDER: usize = 5;
/// The prediction filter takes its gain from the frame before.
const UNIT_GAIN: i32 = 1 << 16;

/// What the indices stand for.
struct Parameters {
    /// Of 65536.
    gains: [i32; 4],
    /// For the first and the second half of the frame.
    filters: [Coefficients; 2],
    interpolated: bool,
    /// 0 where there is no pitch.
    lags: [usize; 4],
    /// Of 16384.
    taps: [[i32; LTP_ORDER]; 4],
    ltp_scale: i32,
}

/// State of one channel.
pub(super) struct Channel {
    shape: Shape,
    indices: IndexDecoder,
    /// The first frame after a reset has nothing to refer to.
    fresh: bool,
    last_gain_index: i32,
    last_gain: i32,
    last_frequencies: Frequencies,
    /// Samples so far, and room for half a frame.
    history: [i16; MAX_HISTORY + 2 * MAX_SUBFRAME],
    /// What the prediction filter remembers, of 16384.
    filtered: [i32; MAX_ORDER],
    excitation: [i32; MAX_FRAME],
    /// The long-term prediction's input, of 32768.
    residual: [i32; MAX_HISTORY + MAX_FRAME],
    pulses: Pulses,
}

impl Channel {
    pub(super) fn new() -> Self {
        Self {
            shape: Shape { khz: 0, n_subframes: 4, codebook: &WIDE },
            indices: IndexDecoder::default(),
            fresh: true,
            last_gain_index: 10,
            last_gain: UNIT_GAIN,
            last_frequencies: [0; MAX_ORDER],
            history: [0; MAX_HISTORY + 2 * MAX_SUBFRAME],
            filtered: [0; MAX_ORDER],
            excitation: [0; MAX_FRAME],
            residual: [0; MAX_HISTORY + MAX_FRAME],
            pulses: [0; MAX_FRAME],
        }
    }

    pub(super) fn khz(&self) -> usize {
        self.shape.khz
    }

    pub(super) fn frame_length(&self) -> usize {
        self.shape.frame_length()
    }

    /// Sets rate and length of the frames that follow.
    pub(super) fn set_shape(&mut self, khz: usize, n_subframes: usize) {
        if khz != self.shape.khz {
            self.forget();
        }
        let codebook = if khz == 16 { &WIDE } else { &NARROW };
        self.shape = Shape { khz, n_subframes, codebook };
    }

    /// The next frame refers to nothing.
    pub(super) fn forget(&mut self) {
        self.fresh = true;
        self.last_gain_index = 10;
        self.history.fill(0);
        self.filtered.fill(0);
    }

    /// Passes over a redundant copy of a frame.
    pub(super) fn skip(&mut self, range: &mut RangeDecoder, coding: Coding) {
        let indices = self.indices.decode(range, self.shape, true, coding);
        let n_samples = self.shape.frame_length();
        pulses::decode(range, indices.signal, indices.quantizer, n_samples, &mut self.pulses);
    }

    /// Decodes a frame into `out`, which has its length.
    pub(super) fn decode(
        &mut self,
        range: &mut RangeDecoder,
        active: bool,
        coding: Coding,
        out: &mut [i16],
    ) {
        let indices = self.indices.decode(range, self.shape, active, coding);
        let n_samples = self.shape.frame_length();
        pulses::decode(range, indices.signal, indices.quantizer, n_samples, &mut self.pulses);
        let parameters = self.parameters(&indices, coding);
        self.excite(&indices);
        self.synthesize(&parameters, out);
        let history = &mut self.history[..20 * self.shape.khz];
        history.copy_within(n_samples.., 0);
        let kept = history.len() - n_samples;
        history[kept..].copy_from_slice(out);
        self.fresh = false;
    }

    fn parameters(&mut self, indices: &Indices, coding: Coding) -> Parameters {
        let gains = self.gains(indices, coding);
        let order = self.shape.codebook.order;
        let residuals = &indices.nlsf_residuals;
        let now = nlsf::dequantize(self.shape.codebook, indices.nlsf_vector, residuals);
        let second = nlsf::to_filter(&now[..order]);
        let part = if self.fresh { 4 } else { indices.nlsf_interpolation };
        let first = if part < 4 {
            let between: Frequencies = std::array::from_fn(|at| {
                let (last, now) = (i32::from(self.last_frequencies[at]), i32::from(now[at]));
                (last + ((part * (now - last)) >> 2)) as i16
            });
            nlsf::to_filter(&between[..order])
        } else {
            second
        };
        self.last_frequencies = now;
        let mut parameters = Parameters {
            gains,
            filters: [first, second],
            interpolated: part < 4,
            lags: [0; 4],
            taps: [[0; LTP_ORDER]; 4],
            ltp_scale: t::LTP_SCALES[indices.ltp_scale],
        };
        if indices.signal == Signal::Voiced {
            parameters.lags = self.lags(indices);
            for (taps, &filter) in parameters.taps.iter_mut().zip(&indices.ltp_filters) {
                *taps = match indices.periodicity {
                    0 => t::LTP_TAPS_0[filter & 7],
                    1 => t::LTP_TAPS_1[filter & 15],
                    _ => t::LTP_TAPS_2[filter],
                }
                .map(|tap| i32::from(tap) << 7);
            }
        }
        parameters
    }

    /// §4.2.7.4.
    fn gains(&mut self, indices: &Indices, coding: Coding) -> [i32; 4] {
        let mut gains = [0; 4];
        for (at, gain) in gains.iter_mut().take(self.shape.n_subframes).enumerate() {
            let index = indices.gains[at];
            let last = self.last_gain_index;
            let next = if at == 0 && coding != Coding::Conditional {
                index.max(last - 16)
            } else {
                let step = index - 4;
                let threshold = 8 + last;
                if step > threshold { last + 2 * step - threshold } else { last + step }
            };
            self.last_gain_index = next.clamp(0, 63);
            *gain = power((mul_w16(1_907_825, self.last_gain_index) + 2090).min(3967));
        }
        gains
    }

    /// §4.2.7.6.1.
    fn lags(&self, indices: &Indices) -> [usize; 4] {
        let khz = self.shape.khz as i32;
        let contour = indices.contour;
        std::array::from_fn(|at| {
            let offset = match (khz, self.shape.n_subframes) {
                (8, 4) => t::LAGS_NB[at][contour],
                (8, _) => t::LAGS_NB_10_MS[at & 1][contour],
                (_, 4) => t::LAGS[at][contour],
                _ => t::LAGS_10_MS[at & 1][contour],
            };
            let lag = 2 * khz + indices.lag + i32::from(offset);
            lag.clamp(2 * khz, 18 * khz) as usize
        })
    }

    /// §4.2.7.8.6.
    fn excite(&mut self, indices: &Indices) {
        let voiced = usize::from(indices.signal == Signal::Voiced);
        let offset = t::QUANTIZER_OFFSET[voiced][indices.quantizer] << 4;
        let mut seed = indices.seed;
        let n_samples = self.shape.frame_length();
        for (out, &pulse) in self.excitation.iter_mut().zip(&self.pulses[..n_samples]) {
            seed = seed.wrapping_mul(196_314_165).wrapping_add(907_633_515);
            let value = pulse.wrapping_shl(14).wrapping_sub((80 << 4) * pulse.signum());
            let value = value.wrapping_add(offset);
            *out = if seed < 0 { value.wrapping_neg() } else { value };
            seed = seed.wrapping_add(pulse);
        }
    }

    fn synthesize(&mut self, parameters: &Parameters, out: &mut [i16]) {
        let length = self.shape.subframe_length();
        for subframe in 0..self.shape.n_subframes {
            let gain = parameters.gains[subframe].max(1);
            let change = if gain == self.last_gain {
                UNIT_GAIN
            } else {
                let change = divide(self.last_gain, gain, 16);
                self.filtered.iter_mut().for_each(|value| *value = mul_w32(change, *value));
                change
            };
            self.last_gain = gain;
            if parameters.lags[subframe] > 0 {
                self.prepare_pitch(parameters, subframe, change, out);
                self.predict_pitch(parameters, subframe);
            }
            let (filter, from) = (&parameters.filters[subframe / 2], subframe * length);
            let excitation = &self.excitation[from..from + length];
            let out = &mut out[from..from + length];
            if self.shape.codebook.order == 16 {
                filter_subframe::<16>(filter, &mut self.filtered, excitation, gain >> 6, out);
            } else {
                filter_subframe::<10>(filter, &mut self.filtered, excitation, gain >> 6, out);
            }
        }
    }

    /// Brings what the pitch is predicted from to the filter and the gain of a subframe.
    fn prepare_pitch(
        &mut self,
        parameters: &Parameters,
        subframe: usize,
        change: i32,
        out: &[i16],
    ) {
        let length = self.shape.subframe_length();
        let history = 20 * self.shape.khz;
        let n_needed = parameters.lags[subframe] + LTP_ORDER / 2;
        let end = history + subframe * length;
        if subframe == 0 || (subframe == 2 && parameters.interpolated) {
            let mut inverse = inverse(parameters.gains[subframe].max(1), 47);
            if subframe == 0 {
                inverse = mul_w16(inverse, parameters.ltp_scale).wrapping_shl(2);
            } else {
                self.history[history..end].copy_from_slice(&out[..2 * length]);
            }
            let filter = &parameters.filters[subframe / 2][..self.shape.codebook.order];
            for at in end - n_needed..end {
                let whitened = whiten(&self.history[at - filter.len()..=at], filter);
                self.residual[at] = mul_w16(inverse, i32::from(whitened));
            }
        } else if change != UNIT_GAIN {
            for value in &mut self.residual[end - n_needed..end] {
                *value = mul_w32(change, *value);
            }
        }
    }

    /// Adds the long-term prediction to the excitation of a subframe.
    fn predict_pitch(&mut self, parameters: &Parameters, subframe: usize) {
        let length = self.shape.subframe_length();
        let taps = &parameters.taps[subframe];
        let start = 20 * self.shape.khz + subframe * length;
        for n in 0..length {
            let at = start + n;
            let newest = at - parameters.lags[subframe] + LTP_ORDER / 2;
            let mut prediction = 2;
            for (tap, &weight) in taps.iter().enumerate() {
                prediction = add_mul_w16(prediction, self.residual[newest - tap], weight);
            }
            let excitation = &mut self.excitation[subframe * length + n];
            *excitation = excitation.wrapping_add(prediction.wrapping_shl(1));
            self.residual[at] = excitation.wrapping_shl(1);
        }
    }
}

/// The last of `samples` less its prediction from those before.
#[inline(always)]
fn whiten(samples: &[i16], filter: &[i16]) -> i16 {
    let Some((&sample, past)) = samples.split_last() else { return 0 };
    let prediction =
        past.iter().rev().zip(filter).fold(0_i32, |sum, (&sample, &tap)| {
            sum.wrapping_add(i32::from(sample) * i32::from(tap))
        });
    let rest = (i32::from(sample) << 12).wrapping_sub(prediction);
    saturate_16(round_shift(rest, 12))
}

/// Short-term prediction (§4.2.7.9.2).
#[inline(always)]
fn filter_subframe<const ORDER: usize>(
    filter: &Coefficients,
    state: &mut [i32; MAX_ORDER],
    excitation: &[i32],
    gain: i32,
    out: &mut [i16],
) {
    let mut values = [0_i32; MAX_ORDER + MAX_SUBFRAME];
    values[..MAX_ORDER].copy_from_slice(state);
    for (n, (&excitation, out)) in excitation.iter().zip(out).enumerate() {
        let past = &values[MAX_ORDER + n - ORDER..MAX_ORDER + n];
        let mut prediction = ORDER as i32 / 2;
        // The newest value last: it is the only one that had to be waited for.
        for tap in (0..ORDER).rev() {
            prediction = add_mul_w16(prediction, past[ORDER - 1 - tap], i32::from(filter[tap]));
        }
        let value = excitation.saturating_add(saturating_shift(prediction, 4));
        values[MAX_ORDER + n] = value;
        *out = saturate_16(round_shift(mul_w32(value, gain), 8));
    }
    let n = excitation.len();
    state.copy_from_slice(&values[n..n + MAX_ORDER]);
}
