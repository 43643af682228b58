//! Packets to decode: an encoder of whatever the format allows, sensible or not.

use super::config::Config;
use super::rice::Rice;

/// Bits, most significant first.
#[derive(Debug, Clone, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    n_bits: usize,
}

impl BitWriter {
    pub(super) fn put(&mut self, value: u32, n_bits: u32) {
        for bit in (0..n_bits).rev() {
            if self.n_bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= ((value >> bit & 1) as u8) << (7 - self.n_bits % 8);
            self.n_bits += 1;
        }
    }

    pub(super) fn align(&mut self) {
        self.n_bits = self.n_bits.next_multiple_of(8);
    }

    /// The packet, ended.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.put(7, 3);
        self.bytes
    }

    /// The packet, not ended.
    pub(super) fn bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// How one channel is predicted.
#[derive(Debug, Clone)]
pub(super) struct Prediction {
    pub(super) mode: u32,
    pub(super) shift: u32,
    /// In quarters of the cookie's.
    pub(super) rate: u32,
    pub(super) coefficients: Vec<i16>,
}

impl Prediction {
    /// What encoders start from, more or less, at any order.
    pub(super) fn usual(order: usize) -> Self {
        let start = [160, -190, 170, -130, 80, -25];
        let coefficients = (0..order).map(|n| start.get(n).copied().unwrap_or(0)).collect();
        Self { mode: 0, shift: 9, rate: 4, coefficients }
    }
}

/// How an element is written.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) is_partial: bool,
    pub(super) is_verbatim: bool,
    /// Bytes of a sample that are stored apart.
    pub(super) n_low_bytes: u32,
    pub(super) mixing: (u32, i32),
    pub(super) predictions: [Prediction; 2],
}

impl Form {
    pub(super) fn usual() -> Self {
        Self {
            is_partial: false,
            is_verbatim: false,
            n_low_bytes: 0,
            mixing: (2, 3),
            predictions: [Prediction::usual(6), Prediction::usual(4)],
        }
    }
}

pub(super) fn config(n_bits: u32, n_channels: usize, frame_length: usize) -> Config {
    let rice = Rice { mean: 10, rate: 40, most_bits: 14 };
    Config { frame_length, n_bits, rice, n_channels }
}

pub(super) fn cookie(config: &Config) -> Vec<u8> {
    let mut cookie = (config.frame_length as u32).to_be_bytes().to_vec();
    let Rice { mean, rate, most_bits } = config.rice;
    cookie.extend([0, config.n_bits as u8, rate as u8, mean as u8, most_bits as u8]);
    cookie.push(config.n_channels as u8);
    cookie.extend([0, 255, 0, 0, 0, 0, 0, 0, 0, 0]);
    cookie.extend(44_100_u32.to_be_bytes());
    cookie
}

/// The low bits of all samples, as they are.
fn interleave(out: &mut BitWriter, channels: &[Vec<i32>], n_bits: u32) {
    for at in 0..channels[0].len() {
        for channel in channels {
            out.put(channel[at] as u32, n_bits);
        }
    }
}

/// Writes an element of one channel or two.
pub(super) fn element(
    out: &mut BitWriter,
    tag: u32,
    channels: &[Vec<i32>],
    form: &Form,
    config: &Config,
) {
    out.put(tag, 3);
    out.put(0, 16);
    out.put(form.is_partial.into(), 1);
    out.put(form.n_low_bytes, 2);
    out.put(form.is_verbatim.into(), 1);
    if form.is_partial {
        out.put(channels[0].len() as u32, 32);
    }
    if form.is_verbatim {
        interleave(out, channels, config.n_bits);
        return;
    }
    compressed(out, channels, form, config);
}

/// The rest of an element: predictions, low bits and residuals.
fn compressed(out: &mut BitWriter, channels: &[Vec<i32>], form: &Form, config: &Config) {
    let n_low = form.n_low_bytes * 8;
    let n_bits = config.n_bits - n_low + channels.len() as u32 - 1;
    let is_pair = channels.len() == 2;
    let mixing = if is_pair { form.mixing } else { (0, 0) };
    out.put(mixing.0, 8);
    out.put(mixing.1 as u32, 8);
    let high = channels.iter().map(|channel| channel.iter().map(|s| s >> n_low).collect());
    let high = mix(high.collect(), mixing);
    for Prediction { mode, shift, rate, coefficients } in &form.predictions[..high.len()] {
        out.put(*mode, 4);
        out.put(*shift, 4);
        out.put(*rate, 3);
        out.put(coefficients.len() as u32, 5);
        for &coefficient in coefficients {
            out.put(coefficient as u32, 16);
        }
    }
    interleave(out, channels, n_low);
    for (channel, prediction) in high.iter().zip(&form.predictions) {
        let rice = Rice { rate: config.rice.rate * prediction.rate / 4, ..config.rice };
        golomb(out, rice, n_bits, &residuals(channel, prediction, n_bits));
    }
}

fn mix(mut channels: Vec<Vec<i32>>, (shift, weight): (u32, i32)) -> Vec<Vec<i32>> {
    if weight == 0 {
        return channels;
    }
    let [left, right] = channels.as_mut_slice() else { unreachable!("a pair") };
    for (left, right) in left.iter_mut().zip(right) {
        let difference = left.wrapping_sub(*right);
        *left = right.wrapping_add(difference.wrapping_mul(weight) >> shift);
        *right = difference;
    }
    channels
}

fn wrap(value: i64, n_bits: u32) -> i32 {
    (value << (64 - n_bits) >> (64 - n_bits)) as i32
}

fn differences(values: &[i32], n_bits: u32) -> Vec<i32> {
    let before = std::iter::once(&0).chain(values);
    values.iter().zip(before).map(|(&a, &b)| wrap(i64::from(a) - i64::from(b), n_bits)).collect()
}

fn residuals(samples: &[i32], prediction: &Prediction, n_bits: u32) -> Vec<i32> {
    let order = prediction.coefficients.len();
    let mut residuals = match order {
        0 => samples.to_vec(),
        _ => differences(samples, n_bits),
    };
    let mut coefficients = prediction.coefficients.clone();
    for at in order + 1..samples.len() * usize::from((1..31).contains(&order)) {
        let base = samples[at - order - 1];
        let history: Vec<i32> = samples[at - order..at].iter().rev().copied().collect();
        let sum = history.iter().zip(&coefficients).fold(0_i32, |sum, (&sample, &c)| {
            sum.wrapping_add(sample.wrapping_sub(base).wrapping_mul(c.into()))
        });
        let rounded = sum.wrapping_add(1 << (prediction.shift - 1)) >> prediction.shift;
        let error = i64::from(samples[at]) - i64::from(base) - i64::from(rounded);
        residuals[at] = wrap(error, n_bits);
        follow(&mut coefficients, residuals[at], base, &history, prediction.shift);
    }
    if prediction.mode == 0 { residuals } else { differences(&residuals, n_bits) }
}

fn follow(coefficients: &mut [i16], error: i32, base: i32, history: &[i32], shift: u32) {
    let order = history.len();
    let mut left = i64::from(error);
    for n in (0..order).rev() {
        if left == 0 || (left > 0) != (error > 0) {
            break;
        }
        let difference = i64::from(base.wrapping_sub(history[n]));
        let step = difference.signum() * i64::from(error.signum());
        coefficients[n] = coefficients[n].wrapping_sub(step as i16);
        left -= (order - n) as i64 * ((step * difference) >> shift);
    }
}

fn golomb(out: &mut BitWriter, rice: Rice, n_bits: u32, residuals: &[i32]) {
    let mut mean = rice.mean;
    let mut after_run = 0;
    let mut at = 0;
    while at < residuals.len() {
        let residual = i64::from(residuals[at]);
        let value = if residual < 0 { -2 * residual - 1 } else { 2 * residual } as u32;
        let n_low = ((mean >> 9) + 3).ilog2().min(rice.most_bits);
        code(out, value - after_run, (1 << n_low) - 1, n_low, n_bits);
        at += 1;
        let kept = mean.wrapping_sub(rice.rate.wrapping_mul(mean) >> 9);
        mean = rice.rate.wrapping_mul(value).wrapping_add(kept);
        if value - after_run > 0xffff {
            mean = 0xffff;
        }
        after_run = 0;
        if mean << 2 < 512 && at < residuals.len() {
            let n_zeros = residuals[at..].iter().take(0xffff).take_while(|&&r| r == 0).count();
            let n_low = mean.leading_zeros() - 24 + ((mean + 16) >> 6);
            let divisor = ((1 << n_low) - 1) & ((1 << rice.most_bits) - 1);
            code(out, n_zeros as u32, divisor, n_low, 16);
            at += n_zeros;
            after_run = u32::from(n_zeros < 0xffff);
            mean = 0;
        }
    }
}

fn code(out: &mut BitWriter, value: u32, divisor: u32, n_low: u32, n_bits: u32) {
    let (quotient, remainder) = (value / divisor, value % divisor);
    if quotient >= 9 {
        out.put(0x1ff, 9);
        out.put(value, n_bits);
        return;
    }
    out.put((1 << quotient) - 1, quotient);
    out.put(0, 1);
    match remainder {
        0 => out.put(0, n_low - 1),
        _ => out.put(remainder + 1, n_low),
    }
}

/// Numbers that look random, the same ones every time.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    /// Two tones and a little noise, of at most `n_bits` bits and about `level` of full scale.
    pub(super) fn music(&mut self, n: usize, n_bits: u32, level: f64) -> Vec<i32> {
        let full = f64::from(1_u32 << (n_bits - 1)) * level;
        let steps = [0.01, 0.2].map(|step| step * (1.0 + self.below(100) as f64 / 50.0));
        let noise: Vec<f64> =
            (0..n).map(|_| f64::from(self.next()) / f64::from(1_u32 << 31)).collect();
        let at = |n: usize| 0.6 * (n as f64 * steps[0]).sin() + 0.3 * (n as f64 * steps[1]).sin();
        let value = |n: usize| at(n) + 0.1 * (2.0 * noise[n] - 1.0);
        (0..n).map(|n| (full * value(n)).clamp(-full, full - 1.0) as i32).collect()
    }

    /// Nothing but noise, up to full scale.
    pub(super) fn noise(&mut self, n: usize, n_bits: u32) -> Vec<i32> {
        (0..n).map(|_| ((self.next() << 1) as i32) >> (32 - n_bits)).collect()
    }
}
