//! Line spectral frequencies → prediction filter (RFC 6716 §4.2.7.5).

use super::codebooks::Codebook;
use super::fixed::{
    add_mul_w16, inverse, mul_high, mul_w32, round_shift, round_shift_64, saturate_16,
};
use super::indices::selections;
use super::tables::COSINES;

pub(super) const MAX_ORDER: usize = 16;

/// Frequencies in 32768ths of a half circle.
pub(super) type Frequencies = [i16; MAX_ORDER];
/// Prediction coefficients, of 4096.
pub(super) type Coefficients = [i16; MAX_ORDER];

/// §4.2.7.5.3.
pub(super) fn dequantize(codebook: &Codebook, vector: usize, residuals: &[i32]) -> Frequencies {
    let order = codebook.order;
    let selections = selections(codebook, vector);
    let mut out = [0; MAX_ORDER];
    let mut residual = 0;
    for at in (0..order).rev() {
        let predicted = (residual * selections[at].1) >> 8;
        let value = residuals[at] << 10;
        let value = value - 102 * value.signum();
        residual = add_mul_w16(predicted, value, codebook.step);
        let weighted = (residual << 14) / i32::from(codebook.weights[vector * order + at]);
        let base = i32::from(codebook.vectors[vector * order + at]) << 7;
        out[at] = (weighted + base).clamp(0, 32767) as i16;
    }
    stabilize(&mut out[..order], codebook.distances);
    out
}

/// Keeps neighbours apart (§4.2.7.5.4).
fn stabilize(frequencies: &mut [i16], distances: &[i16]) {
    for _ in 0..20 {
        let (least, at) = tightest(frequencies, distances);
        if least >= 0 {
            return;
        }
        spread(frequencies, distances, at);
    }
    force_apart(frequencies, distances);
}

/// The least slack and where it is.
fn tightest(frequencies: &[i16], distances: &[i16]) -> (i32, usize) {
    let mut least = (i32::MAX, 0);
    let mut last = 0;
    for (at, &distance) in distances.iter().enumerate() {
        let this = frequencies.get(at).map_or(1 << 15, |&f| i32::from(f));
        let slack = this - last - i32::from(distance);
        if slack < least.0 {
            least = (slack, at);
        }
        last = this;
    }
    least
}

fn spread(frequencies: &mut [i16], distances: &[i16], at: usize) {
    let order = frequencies.len();
    if at == 0 {
        frequencies[0] = distances[0];
        return;
    }
    if at == order {
        frequencies[order - 1] = ((1 << 15) - i32::from(distances[order])) as i16;
        return;
    }
    let sum = |distances: &[i16]| distances.iter().map(|&d| i32::from(d)).sum::<i32>();
    let half = i32::from(distances[at]) >> 1;
    let lowest = sum(&distances[..at]) + half;
    let highest = (1 << 15) - sum(&distances[at + 1..]) - half;
    let pair = i32::from(frequencies[at - 1]) + i32::from(frequencies[at]);
    let middle = round_shift(pair, 1).min(highest).max(lowest);
    frequencies[at - 1] = (middle - half) as i16;
    frequencies[at] = (middle - half + i32::from(distances[at])) as i16;
}

fn force_apart(frequencies: &mut [i16], distances: &[i16]) {
    let order = frequencies.len();
    frequencies.sort_unstable();
    frequencies[0] = frequencies[0].max(distances[0]);
    for at in 1..order {
        let least = frequencies[at - 1].saturating_add(distances[at]);
        frequencies[at] = frequencies[at].max(least);
    }
    let most = ((1 << 15) - i32::from(distances[order])) as i16;
    frequencies[order - 1] = frequencies[order - 1].min(most);
    for at in (0..order - 1).rev() {
        let most = frequencies[at + 1].wrapping_sub(distances[at + 1]);
        frequencies[at] = frequencies[at].min(most);
    }
}

/// §4.2.7.5.6 to §4.2.7.5.8.
pub(super) fn to_filter(frequencies: &[i16]) -> Coefficients {
    const ORDER_16: [usize; 16] = [0, 15, 8, 7, 4, 11, 12, 3, 2, 13, 10, 5, 6, 9, 14, 1];
    const ORDER_10: [usize; 10] = [0, 9, 6, 3, 4, 5, 8, 1, 2, 7];
    let order = frequencies.len();
    let places: &[usize] = if order == 16 { &ORDER_16 } else { &ORDER_10 };
    let mut cosines = [0; MAX_ORDER];
    for (&frequency, &place) in frequencies.iter().zip(places) {
        let (whole, part) = ((frequency >> 8) as usize, i32::from(frequency & 255));
        let (low, high) = (COSINES[whole], COSINES[whole + 1]);
        cosines[place] = round_shift((low << 8) + (high - low) * part, 4);
    }
    let half = order / 2;
    let even = polynomial(&cosines, half);
    let odd = polynomial(&cosines[1..], half);
    let mut filter = [0; MAX_ORDER];
    for k in 0..half {
        let sum = even[k + 1].wrapping_add(even[k]);
        let difference = odd[k + 1].wrapping_sub(odd[k]);
        filter[k] = difference.wrapping_add(sum).wrapping_neg();
        filter[order - 1 - k] = difference.wrapping_sub(sum);
    }
    limit(&mut filter[..order])
}

/// The product of the factors of every other cosine.
fn polynomial(cosines: &[i32], half: usize) -> [i32; MAX_ORDER / 2 + 1] {
    let mut out = [0; MAX_ORDER / 2 + 1];
    let product = |a: i32, b: i32| round_shift_64(i64::from(a) * i64::from(b), 16) as i32;
    out[0] = 1 << 16;
    out[1] = -cosines[0];
    for k in 1..half {
        let cosine = cosines[2 * k];
        out[k + 1] = (out[k - 1] << 1).wrapping_sub(product(cosine, out[k]));
        for n in (2..=k).rev() {
            out[n] = out[n].wrapping_add(out[n - 2]).wrapping_sub(product(cosine, out[n - 1]));
        }
        out[1] = out[1].wrapping_sub(cosine);
    }
    out
}

/// Coefficients of 131072 → of 4096, small enough and stable.
fn limit(filter: &mut [i32]) -> Coefficients {
    let mut out = [0; MAX_ORDER];
    let mut fits = false;
    for _ in 0..10 {
        let mut most = (0, 0);
        for (at, &coefficient) in filter.iter().enumerate() {
            let magnitude = coefficient.wrapping_abs();
            if magnitude > most.0 {
                most = (magnitude, at);
            }
        }
        let magnitude = round_shift(most.0, 5).min(163_838);
        fits = magnitude <= 32767;
        if fits {
            break;
        }
        let excess = (magnitude - 32767) << 14;
        let weight = (magnitude * (most.1 as i32 + 1)) >> 2;
        expand(filter, 65470 - excess / weight);
    }
    for (out, coefficient) in out.iter_mut().zip(filter.iter_mut()) {
        *out = saturate_16(round_shift(*coefficient, 5));
        if !fits {
            *coefficient = i32::from(*out) << 5;
        }
    }
    for round in 0..16 {
        if is_stable(&out[..filter.len()]) {
            break;
        }
        expand(filter, 65536 - (2 << round));
        for (out, coefficient) in out.iter_mut().zip(filter.iter()) {
            *out = round_shift(*coefficient, 5) as i16;
        }
    }
    out
}

/// Widens the resonances: coefficient k times `chirp`^(k + 1), of 65536.
fn expand(filter: &mut [i32], mut chirp: i32) {
    let less = chirp - 65536;
    for coefficient in filter {
        *coefficient = mul_w32(chirp, *coefficient);
        chirp += round_shift(chirp.wrapping_mul(less), 16);
    }
}

/// Whether the filter's power gain stays below 10⁴ (§4.2.7.5.8).
fn is_stable(filter: &[i16]) -> bool {
    /// 0.99975 of 2^24 and 10⁻⁴ of 2^30.
    const MOST: i32 = 16_773_022;
    const LEAST_GAIN: i32 = 107_374;
    let mut row = [0; MAX_ORDER];
    for (row, &coefficient) in row.iter_mut().zip(filter) {
        *row = i32::from(coefficient) << 12;
    }
    if filter.iter().map(|&c| i32::from(c)).sum::<i32>() >= 4096 {
        return false;
    }
    let mut gain = 1 << 30;
    for k in (0..filter.len()).rev() {
        if row[k].abs() > MOST {
            return false;
        }
        let reflection = -(row[k] << 7);
        let rest = (1 << 30) - mul_high(reflection, reflection);
        gain = mul_high(gain, rest).wrapping_shl(2);
        if gain < LEAST_GAIN {
            return false;
        }
        if k > 0 && !step_down(&mut row[..k], reflection, rest) {
            return false;
        }
    }
    true
}

/// One step of the Levinson recursion, backwards; `false` if it overflows.
fn step_down(row: &mut [i32], reflection: i32, rest: i32) -> bool {
    let q = 32 - rest.unsigned_abs().leading_zeros();
    let scale = inverse(rest, q as i32 + 30);
    let k = row.len();
    let product = |a: i32| round_shift_64(i64::from(a) * i64::from(reflection), 31) as i32;
    for n in 0..k.div_ceil(2) {
        let (a, b) = (row[n], row[k - 1 - n]);
        let scaled = |difference: i32| {
            i32::try_from(round_shift_64(i64::from(difference) * i64::from(scale), q))
        };
        let first = scaled(a.saturating_sub(product(b)));
        let second = scaled(b.saturating_sub(product(a)));
        let (Ok(first), Ok(second)) = (first, second) else { return false };
        row[n] = first;
        row[k - 1 - n] = second;
    }
    true
}
