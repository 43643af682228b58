//! Spectrum → samples: inverse transform, windows and overlap (ISO/IEC 14496-3 §4.6.11).

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::spectrum::MAX_LINES;
use super::window::{Sequence, Shape, WindowInfo};
use crate::decode::lanes::Lanes;
use crate::decode::mdct;

/// The windows that one channel is under in a frame: `info` and the shape of the frame before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) sequence: Sequence,
    pub(super) shape: Shape,
    pub(super) last_shape: Shape,
}

impl Windows {
    pub(super) fn of(info: &WindowInfo, last_shape: Shape) -> Self {
        Self { sequence: info.sequence, shape: info.shape, last_shape }
    }
}

/// What one output keeps from frame to frame.
pub(super) struct Overlap {
    /// The right half of the last frame, under its window.
    tail: Box<[f32; MAX_LINES]>,
    middle: Box<[f32; MAX_LINES]>,
    scratch: Box<mdct::Scratch>,
}

impl Overlap {
    pub(super) fn new() -> Self {
        Self {
            tail: Box::new([0.0; MAX_LINES]),
            middle: Box::new([0.0; MAX_LINES]),
            scratch: Box::new(mdct::Scratch::new()),
        }
    }

    pub(super) fn reset(&mut self) {
        self.tail.fill(0.0);
    }

    /// Begins a frame with what the last one left.
    pub(super) fn begin(&mut self, out: &mut [f32]) {
        let n = out.len();
        out.copy_from_slice(&self.tail[..n]);
        self.tail[..n].fill(0.0);
    }
}

/// Adds a spectrum's share to a frame of `out`, and to what is kept for the next.
#[inline(always)]
pub(super) fn add<L: Lanes>(
    overlap: &mut Overlap,
    lines: &[f32; MAX_LINES],
    windows: Windows,
    out: &mut [f32],
) {
    let n = out.len();
    let slopes = slopes(n);
    let Overlap { tail, middle, scratch } = overlap;
    let (tail, middle) = (&mut tail[..n], &mut middle[..n]);
    if windows.sequence == Sequence::Short {
        let Slope { rising, falling } = &slopes.short[windows.shape as usize];
        let first = &slopes.short[windows.last_shape as usize].rising;
        mdct::short::<L>(scratch, &interleaved(&lines[..n])[..n], 8, middle);
        add_short(middle, (first, rising, falling), out, tail);
        return;
    }
    mdct::long::<L>(scratch, &lines[..n], middle);
    let stops = usize::from(windows.sequence == Sequence::Stop);
    let starts = usize::from(windows.sequence == Sequence::Start);
    let rising = &slopes.long[stops][windows.last_shape as usize].rising;
    let falling = &slopes.long[starts][windows.shape as usize].falling;
    add_long(middle, rising, falling, (out, tail));
}

/// `middle` are the samples between the middles of the two overlaps: the quarters outside of it mirror
/// its halves, the first with the other sign.
#[inline(always)]
fn add_long(
    middle: &[f32],
    rising: &[f32],
    falling: &[f32],
    (out, tail): (&mut [f32], &mut [f32]),
) {
    let half = middle.len() / 2;
    let (before, behind) = middle.split_at(half);
    let (rising_first, rising_last) = rising.split_at(half);
    let (falling_first, falling_last) = falling.split_at(half);
    let (out_first, out_last) = out.split_at_mut(half);
    let (tail_first, tail_last) = tail.split_at_mut(half);
    for ((out, value), window) in out_first.iter_mut().zip(before.iter().rev()).zip(rising_first) {
        *out -= value * window;
    }
    for ((out, value), window) in out_last.iter_mut().zip(before).zip(rising_last) {
        *out += value * window;
    }
    for ((tail, value), window) in tail_first.iter_mut().zip(behind).zip(falling_first) {
        *tail += value * window;
    }
    for ((tail, value), window) in tail_last.iter_mut().zip(behind.iter().rev()).zip(falling_last) {
        *tail += value * window;
    }
}

/// Eight short windows in the middle of the frame and its successor.
fn add_short(
    middles: &[f32],
    (first, rising, falling): (&[f32], &[f32], &[f32]),
    out: &mut [f32],
    tail: &mut [f32],
) {
    let n = out.len();
    let length = n / 8;
    let mut samples = [0.0_f32; MAX_LINES / 8 * 9];
    for (window, middle) in middles.chunks_exact(length).enumerate() {
        let rising = if window == 0 { first } else { rising };
        let both = &mut samples[window * length..(window + 2) * length];
        let (left, right) = both.split_at_mut(length);
        add_long(middle, rising, falling, (left, right));
    }
    let flat = (n - length) / 2;
    let (here, next) = samples[..9 * length].split_at(n - flat);
    out[flat..].iter_mut().zip(here).for_each(|(out, sample)| *out += sample);
    tail.iter_mut().zip(next).for_each(|(tail, sample)| *tail += sample);
}

/// The lines of eight windows, those of one frequency side by side.
fn interleaved(lines: &[f32]) -> [f32; MAX_LINES] {
    let length = lines.len() / 8;
    let mut woven = [0.0; MAX_LINES];
    for (window, lines) in lines.chunks_exact(length).enumerate() {
        for (to, line) in woven.iter_mut().skip(window).step_by(8).zip(lines) {
            *to = *line;
        }
    }
    woven
}

/// Half a window, and the same backwards.
struct Slope {
    rising: Vec<f32>,
    falling: Vec<f32>,
}

/// The slopes of all windows of one frame length, by their shape.
struct Slopes {
    /// Over the whole half, and of the length of a short window with flat parts around it.
    long: [[Slope; 2]; 2],
    short: [Slope; 2],
}

fn slopes(frame_length: usize) -> &'static Slopes {
    static SLOPES: LazyLock<[Slopes; 2]> = LazyLock::new(|| [1024, 960].map(Slopes::new));
    &SLOPES[usize::from(frame_length == 960)]
}

impl Slopes {
    fn new(length: usize) -> Self {
        // Parameters of the Kaiser-Bessel windows (§4.6.11.3.2).
        let of_length = |length: usize, alpha: f64| [sine(length), kaiser_bessel(length, alpha)];
        let short = of_length(length / 8, 6.0);
        let with_flat_parts = |slope: &Vec<f32>| {
            let flat = (length - slope.len()) / 2;
            [vec![0.0; flat], slope.clone(), vec![1.0; flat]].concat()
        };
        let steep = short.each_ref().map(with_flat_parts);
        Self {
            long: [of_length(length, 4.0).map(Slope::new), steep.map(Slope::new)],
            short: short.map(Slope::new),
        }
    }
}

impl Slope {
    fn new(rising: Vec<f32>) -> Self {
        Self { falling: rising.iter().rev().copied().collect(), rising }
    }
}

fn sine(length: usize) -> Vec<f32> {
    (0..length).map(|n| (PI / (2 * length) as f64 * (n as f64 + 0.5)).sin() as f32).collect()
}

/// The rising half of a Kaiser-Bessel derived window.
fn kaiser_bessel(length: usize, alpha: f64) -> Vec<f32> {
    let weight = |n: usize| {
        let x = 2.0 * n as f64 / length as f64 - 1.0;
        bessel_i0(PI * alpha * (1.0 - x * x).max(0.0).sqrt())
    };
    let total: f64 = (0..=length).map(weight).sum();
    let mut sum = 0.0;
    let mut next = |n: usize| {
        sum += weight(n);
        (sum / total).sqrt() as f32
    };
    (0..length).map(&mut next).collect()
}

/// The modified Bessel function of the first kind and order 0.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..60 {
        term *= x * x / (4.0 * f64::from(k * k));
        sum += term;
    }
    sum
}
