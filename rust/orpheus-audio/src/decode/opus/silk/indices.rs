//! What a SILK frame says besides its excitation (RFC 6716 §4.2.7).

use super::super::range::RangeDecoder;
use super::codebooks::Codebook;
use super::tables as t;

/// Largest line spectral residual before its extension.
const MAX_RESIDUAL: i32 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Signal {
    #[default]
    Inactive,
    Unvoiced,
    Voiced,
}

/// How a frame depends on the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Independent,
    /// But without a scale of long-term prediction.
    IndependentUnscaled,
    Conditional,
}

/// Indices into tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Indices {
    pub(super) signal: Signal,
    pub(super) quantizer: usize,
    pub(super) gains: [i32; 4],
    pub(super) nlsf_vector: usize,
    pub(super) nlsf_residuals: [i32; 16],
    /// Of 4.
    pub(super) nlsf_interpolation: i32,
    pub(super) lag: i32,
    pub(super) contour: usize,
    pub(super) periodicity: usize,
    pub(super) ltp_filters: [usize; 4],
    pub(super) ltp_scale: usize,
    pub(super) seed: i32,
}

/// What a channel's frames are like.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) khz: usize,
    pub(super) n_subframes: usize,
    pub(super) codebook: &'static Codebook,
}

impl Shape {
    pub(super) fn subframe_length(&self) -> usize {
        5 * self.khz
    }

    pub(super) fn frame_length(&self) -> usize {
        self.n_subframes * self.subframe_length()
    }

    fn contours(&self) -> &'static [u8] {
        match (self.khz, self.n_subframes) {
            (8, 4) => &t::CONTOUR_NB,
            (8, _) => &t::CONTOUR_NB_10_MS,
            (_, 4) => &t::CONTOUR,
            _ => &t::CONTOUR_10_MS,
        }
    }

    fn low_lags(&self) -> &'static [u8] {
        match self.khz {
            8 => &t::UNIFORM_4,
            12 => &t::UNIFORM_6,
            _ => &t::UNIFORM_8,
        }
    }
}

/// Which distribution and prediction weight each coefficient of a first-stage vector has.
pub(super) fn selections(codebook: &Codebook, vector: usize) -> [(usize, i32); 16] {
    let order = codebook.order;
    let select = &codebook.select[vector * order / 2..(vector + 1) * order / 2];
    let mut out = [(0, 0); 16];
    for (pair, &entry) in select.iter().enumerate() {
        for half in 0..2 {
            let entry = usize::from(entry >> (4 * half));
            let at = 2 * pair + half;
            let weight = codebook.prediction[at + (entry & 1) * (order - 1)];
            out[at] = (9 * ((entry >> 1) & 7), i32::from(weight));
        }
    }
    out
}

/// Decodes indices, one frame after the other.
#[derive(Debug, Clone, Default)]
pub(super) struct IndexDecoder {
    last_voiced: bool,
    last_lag: i32,
}

impl IndexDecoder {
    pub(super) fn decode(
        &mut self,
        range: &mut RangeDecoder,
        shape: Shape,
        active: bool,
        coding: Coding,
    ) -> Indices {
        let mut indices = Indices::default();
        let kind = if active {
            2 + range.icdf(&t::TYPE_ACTIVE, 8)
        } else {
            range.icdf(&t::TYPE_INACTIVE, 8)
        };
        indices.signal = [Signal::Inactive, Signal::Unvoiced, Signal::Voiced][kind >> 1];
        indices.quantizer = kind & 1;
        decode_gains(range, shape, coding, kind >> 1, &mut indices.gains);
        decode_nlsf(range, shape, &mut indices);
        let voiced = indices.signal == Signal::Voiced;
        if voiced {
            self.decode_lag(range, shape, coding, &mut indices);
            indices.contour = range.icdf(shape.contours(), 8);
            decode_ltp(range, shape, coding, &mut indices);
        }
        self.last_voiced = voiced;
        indices.seed = range.icdf(&t::UNIFORM_4, 8) as i32;
        indices
    }

    /// §4.2.7.6.1.
    fn decode_lag(
        &mut self,
        range: &mut RangeDecoder,
        shape: Shape,
        coding: Coding,
        indices: &mut Indices,
    ) {
        let mut delta = 0;
        if coding == Coding::Conditional && self.last_voiced {
            delta = range.icdf(&t::LAG_DELTA, 8) as i32;
        }
        indices.lag = if delta > 0 {
            self.last_lag + delta - 9
        } else {
            let high = range.icdf(&t::LAG_HIGH, 8) * (shape.khz / 2);
            (high + range.icdf(shape.low_lags(), 8)) as i32
        };
        self.last_lag = indices.lag;
    }
}

/// §4.2.7.4.
fn decode_gains(
    range: &mut RangeDecoder,
    shape: Shape,
    coding: Coding,
    signal: usize,
    gains: &mut [i32; 4],
) {
    let (first, rest) = gains.split_at_mut(1);
    first[0] = if coding == Coding::Conditional {
        range.icdf(&t::GAIN_DELTA, 8) as i32
    } else {
        let high = range.icdf(&t::GAIN_HIGH[signal], 8) << 3;
        (high + range.icdf(&t::UNIFORM_8, 8)) as i32
    };
    for gain in &mut rest[..shape.n_subframes - 1] {
        *gain = range.icdf(&t::GAIN_DELTA, 8) as i32;
    }
}

/// §4.2.7.5.
fn decode_nlsf(range: &mut RangeDecoder, shape: Shape, indices: &mut Indices) {
    let codebook = shape.codebook;
    let voiced = indices.signal == Signal::Voiced;
    let (unvoiced_first, voiced_first) = codebook.first.split_at(32);
    let first = if voiced { voiced_first } else { unvoiced_first };
    indices.nlsf_vector = range.icdf(first, 8);
    let selections = selections(codebook, indices.nlsf_vector);
    let residuals = &mut indices.nlsf_residuals[..codebook.order];
    for (residual, (start, _)) in residuals.iter_mut().zip(selections) {
        let mut value = range.icdf(&codebook.second[start..start + 9], 8) as i32;
        if value == 0 {
            value -= range.icdf(&t::NLSF_EXTENSION, 8) as i32;
        } else if value == 2 * MAX_RESIDUAL {
            value += range.icdf(&t::NLSF_EXTENSION, 8) as i32;
        }
        *residual = value - MAX_RESIDUAL;
    }
    indices.nlsf_interpolation =
        if shape.n_subframes == 4 { range.icdf(&t::NLSF_INTERPOLATION, 8) as i32 } else { 4 };
}

/// §4.2.7.6.2 and §4.2.7.6.3.
fn decode_ltp(range: &mut RangeDecoder, shape: Shape, coding: Coding, indices: &mut Indices) {
    indices.periodicity = range.icdf(&t::LTP_PERIODICITY, 8);
    let filters: &[u8] = match indices.periodicity {
        0 => &t::LTP_FILTER_0,
        1 => &t::LTP_FILTER_1,
        _ => &t::LTP_FILTER_2,
    };
    for filter in &mut indices.ltp_filters[..shape.n_subframes] {
        *filter = range.icdf(filters, 8);
    }
    if coding == Coding::Independent {
        indices.ltp_scale = range.icdf(&t::LTP_SCALE, 8);
    }
}
