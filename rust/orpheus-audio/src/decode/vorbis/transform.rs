//! Spectrum → samples: inverse MDCT, window and overlap (Vorbis I §4.3.7, §4.3.8, §1.3.2).

use std::f64::consts::{FRAC_PI_2, PI};
use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

/// Inverse MDCT of one block length, by a complex FFT of a quarter of it.
pub(super) struct InverseMdct {
    fft: Arc<dyn Fft<f32>>,
    /// exp(-iπ(n + ¼) / M) in front of the FFT, M being the number of lines.
    before: Vec<Complex32>,
    /// exp(-iπn / M) behind it.
    after: Vec<Complex32>,
    points: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl InverseMdct {
    pub(super) fn new(block: usize) -> Self {
        let n_lines = block / 2;
        let fft = FftPlanner::new().plan_fft_forward(n_lines / 2);
        let twiddles = |offset: f64| -> Vec<Complex32> {
            let angle = |n: usize| -PI * (n as f64 + offset) / n_lines as f64;
            let twiddle = |angle: f64| Complex32::new(angle.cos() as f32, angle.sin() as f32);
            (0..n_lines / 2).map(|n| twiddle(angle(n))).collect()
        };
        let scratch = vec![Complex32::default(); fft.get_inplace_scratch_len()];
        Self {
            before: twiddles(0.25),
            after: twiddles(0.0),
            points: vec![Complex32::default(); n_lines / 2],
            scratch,
            fft,
        }
    }

    /// Replaces the spectrum with its DCT-IV, c[j] = Σ X[n] cos(π/M (n + ½)(j + ½)), of which the
    /// 2M samples of the inverse MDCT are a rearrangement:
    /// its left half is c[M/2..M] and then −c[M/2..M] backwards,
    /// its right half −c[0..M/2] backwards and then −c[0..M/2].
    #[inline(always)]
    pub(super) fn dct_iv(&mut self, spectrum: &mut [f32]) {
        let pairs = &mut spectrum.as_chunks_mut::<2>().0[..self.points.len()];
        let ends = pairs.iter().zip(pairs.iter().rev());
        for ((point, twiddle), (&[first, _], &[_, last])) in
            self.points.iter_mut().zip(&self.before).zip(ends)
        {
            *point = Complex32::new(first, last) * twiddle;
        }
        self.fft.process_with_scratch(&mut self.points, &mut self.scratch);
        let points = self.points.iter().zip(&self.after);
        for ((pair, (first, before)), (last, after)) in
            pairs.iter_mut().zip(points.clone()).zip(points.rev())
        {
            *pair = [(first * before).re, -(last * after).im];
        }
    }
}

/// The rising slope of a window, for the overlap of two blocks of which the shorter has `block`
/// samples (§4.3.1).
pub(super) fn slope(block: usize) -> Vec<f32> {
    let length = block / 2;
    let value = |i: usize| {
        let sine = ((i as f64 + 0.5) / length as f64 * FRAC_PI_2).sin();
        (FRAC_PI_2 * sine * sine).sin() as f32
    };
    (0..length).map(value).collect()
}

/// What one channel keeps from block to block: the right half of the last one, which is determined by
/// c[0..M/2].
#[derive(Default)]
pub(super) struct Overlap {
    last: Vec<f32>,
}

impl Overlap {
    pub(super) fn clear(&mut self) {
        self.last.clear();
    }

    /// Appends the samples between the middle of the last block and that of this one, and keeps what
    /// the next needs. `c` is what [`InverseMdct::dct_iv`] made of this block. After a start or a seek
    /// there is no last block, and nothing comes out.
    pub(super) fn add(&mut self, c: &[f32], slopes: &[Vec<f32>; 2], samples: &mut Vec<f32>) {
        let (lower, upper) = c.split_at(c.len() / 2);
        if !self.last.is_empty() {
            self.join(upper, slopes, samples);
        }
        self.last.clear();
        self.last.extend_from_slice(lower);
    }

    fn join(&self, upper: &[f32], slopes: &[Vec<f32>; 2], samples: &mut Vec<f32>) {
        // Quarters of the two blocks.
        let (before, now) = (self.last.len(), upper.len());
        let half = before.min(now);
        let slope =
            slopes.iter().find(|slope| slope.len() == 2 * half).map_or(&[][..], Vec::as_slice);
        // The right half of the last block up to where the slopes cross: −c[0..M/2] backwards.
        samples.extend(self.last[half..].iter().rev().map(|value| -value));
        // Below, sample i of the 2 · half samples in which the blocks overlap.
        let (rising, falling) = slope.split_at(slope.len() / 2);
        let old = &self.last[..half];
        let new = &upper[now - half..];
        // First half: old goes −c[half−1] … −c[0], new goes c[now−half] … c[now−1].
        let first = old.iter().rev().zip(new).zip(rising.iter().zip(falling.iter().rev()));
        samples.extend(first.map(|((old, new), (rise, fall))| new * rise - old * fall));
        // Second half: old goes −c[0] … −c[half−1], new goes −c[now−1] … −c[now−half].
        let second = old.iter().zip(new.iter().rev()).zip(falling.iter().zip(rising.iter().rev()));
        samples.extend(second.map(|((old, new), (rise, fall))| -new * rise - old * fall));
        // The left half of this block behind the slope: −c[M/2..M] backwards.
        samples.extend(upper[..now - half].iter().rev().map(|value| -value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_its_formula() {
        for n_lines in [32, 128, 1024] {
            let spectrum: Vec<f32> = (0..n_lines).map(|n| ((n * n) as f32 * 0.7).sin()).collect();
            let mut got = spectrum.clone();
            InverseMdct::new(2 * n_lines).dct_iv(&mut got);
            for (j, got) in got.iter().enumerate() {
                let phase = |n: usize| PI / n_lines as f64 * (n as f64 + 0.5) * (j as f64 + 0.5);
                let wanted: f64 =
                    spectrum.iter().enumerate().map(|(n, x)| f64::from(*x) * phase(n).cos()).sum();
                assert!((f64::from(*got) - wanted).abs() < 1e-5 * n_lines as f64, "{n_lines}, {j}");
            }
        }
    }

    #[test]
    fn blocks_of_any_two_lengths_meet_without_a_seam() {
        // The windows of two neighbours are such that their squares add up to one (§1.3.2).
        let rising = slope(256);
        for (i, value) in rising.iter().enumerate() {
            let falling = rising[rising.len() - 1 - i];
            assert!((value * value + falling * falling - 1.0).abs() < 1e-6);
        }
        let slopes = [slope(64), slope(256)];
        for (last, now) in [(64, 64), (64, 256), (256, 64), (256, 256)] {
            let mut overlap = Overlap::default();
            let mut samples = Vec::new();
            overlap.add(&vec![0.0; last / 2], &slopes, &mut samples);
            assert!(samples.is_empty(), "the first block completes nothing");
            overlap.add(&vec![0.0; now / 2], &slopes, &mut samples);
            assert_eq!(samples.len(), (last + now) / 4);
        }
    }
}
