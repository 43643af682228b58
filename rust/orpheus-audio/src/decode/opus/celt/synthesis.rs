//! Spectrum → samples: inverse transform, overlap, pitch post-filter, de-emphasis
//! (RFC 6716 §4.3.7).

use std::f64::consts::FRAC_PI_2;
use std::sync::LazyLock;

use super::bands::{MAX_FRAME, SHORT};
use crate::decode::lanes::Lanes;
use crate::decode::mdct;

/// Samples in which frames overlap.
const OVERLAP: usize = 120;
const HALF: usize = OVERLAP / 2;
/// Past samples that the post-filter may reach, and its two outer taps.
const HISTORY: usize = 1024 + 8;
/// §4.3.7.1.
const MIN_PERIOD: usize = 15;
const TAPS: [[f32; 3]; 3] = [
    [0.306_640_62, 0.217_041_02, 0.129_638_67],
    [0.463_867_2, 0.268_066_4, 0.0],
    [0.799_804_7, 0.100_097_656, 0.0],
];
const DE_EMPHASIS: f32 = 0.850_006_1;
/// The layer's full scale is that of 16 bits.
const SCALE: f32 = 1.0 / 32768.0;

/// The rising half of the Vorbis power-complementary window.
static WINDOW: LazyLock<[f32; OVERLAP]> = LazyLock::new(|| {
    std::array::from_fn(|n| {
        let inner = (FRAC_PI_2 * (n as f64 + 0.5) / OVERLAP as f64).sin();
        (FRAC_PI_2 * inner * inner).sin() as f32
    })
});

/// A comb filter at the pitch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pitch {
    pub(super) period: usize,
    pub(super) gain: f32,
    pub(super) tapset: usize,
}

impl Pitch {
    pub(super) const NONE: Self = Self { period: MIN_PERIOD, gain: 0.0, tapset: 0 };

    fn taps(self) -> [f32; 3] {
        TAPS[self.tapset].map(|tap| tap * self.gain)
    }
}

/// The pitch of the last part of the frame before last, of the last one and of this one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pitches {
    pub(super) before: Pitch,
    pub(super) last: Pitch,
    pub(super) now: Pitch,
}

/// What one channel remembers.
pub(super) struct Channel {
    /// Samples before de-emphasis, the newest last, and room for a frame after them.
    samples: [f32; HISTORY + MAX_FRAME],
    /// The second half of the last transform's overlap, mirrored and without window.
    tail: [f32; HALF],
    emphasis: f32,
    scratch: mdct::Scratch,
    transformed: [f32; MAX_FRAME],
}

impl Channel {
    pub(super) fn new() -> Self {
        Self {
            samples: [0.0; HISTORY + MAX_FRAME],
            tail: [0.0; HALF],
            emphasis: 0.0,
            scratch: mdct::Scratch::new(),
            transformed: [0.0; MAX_FRAME],
        }
    }

    pub(super) fn reset(&mut self) {
        self.samples.fill(0.0);
        self.tail.fill(0.0);
        self.emphasis = 0.0;
    }
}

/// One frame of one channel.
#[inline(always)]
pub(super) fn synthesize<L: Lanes>(
    channel: &mut Channel,
    bins: &[f32],
    n_blocks: usize,
    pitches: &Pitches,
    out: &mut [f32],
) {
    let length = bins.len();
    channel.samples.copy_within(length..HISTORY + length, 0);
    let Channel { samples, tail, emphasis, scratch, transformed } = channel;
    if n_blocks == 1 && length > SHORT {
        mdct::long::<L>(scratch, bins, &mut transformed[..length]);
        overlap(&transformed[..length], tail, &mut samples[HISTORY..HISTORY + length]);
    } else {
        mdct::short::<L>(scratch, bins, n_blocks, &mut transformed[..length]);
        let blocks = transformed[..length].chunks_exact(SHORT);
        for (block, samples) in blocks.zip(samples[HISTORY..].chunks_exact_mut(SHORT)) {
            overlap(block, tail, samples);
        }
    }
    filter::<L>(samples, HISTORY, SHORT, pitches.before, pitches.last);
    if length > SHORT {
        filter::<L>(samples, HISTORY + SHORT, length - SHORT, pitches.last, pitches.now);
    }
    let mut last = *emphasis;
    for (out, &sample) in out.iter_mut().zip(&samples[HISTORY..HISTORY + length]) {
        last =
            if L::FUSED { last.mul_add(DE_EMPHASIS, sample) } else { last * DE_EMPHASIS + sample };
        *out = last * SCALE;
    }
    // Denormals would slow down silence.
    *emphasis = if last.abs() < 1e-20 { 0.0 } else { last };
}

/// Joins a transform to the last one.
#[inline(always)]
fn overlap(transformed: &[f32], tail: &mut [f32; HALF], out: &mut [f32]) {
    let window = &*WINDOW;
    let length = transformed.len();
    for i in 0..HALF {
        let mirrored = HALF - 1 - i;
        out[i] = window[OVERLAP - 1 - i] * tail[i] - window[i] * transformed[mirrored];
        out[HALF + i] = window[mirrored] * tail[mirrored] + window[HALF + i] * transformed[i];
    }
    out[OVERLAP..].copy_from_slice(&transformed[HALF..length - HALF]);
    tail.copy_from_slice(&transformed[length - HALF..]);
}

/// Filters `n` samples at `from` in place, passing from one pitch to the next.
#[inline(always)]
fn filter<L: Lanes>(
    samples: &mut [f32; HISTORY + MAX_FRAME],
    from: usize,
    n: usize,
    old: Pitch,
    new: Pitch,
) {
    if old.gain == 0.0 && new.gain == 0.0 {
        return;
    }
    let (old_taps, new_taps) = (old.taps(), new.taps());
    let n_fading = if old == new { 0 } else { OVERLAP.min(n) };
    for (i, &window) in WINDOW[..n_fading].iter().enumerate() {
        let share = window * window;
        let at = from + i;
        samples[at] += (1.0 - share) * comb(samples, at - old.period, old_taps)
            + share * comb(samples, at - new.period, new_taps);
    }
    if new.gain == 0.0 {
        return;
    }
    let [a, b, c] = new_taps;
    let [a, b, c] = [L::splat(a), L::splat(b), L::splat(c)];
    for at in (from + n_fading..from + n).step_by(8) {
        // The period is longer than the lanes and the taps: nothing is read that is written here.
        let (past, present) = samples.split_at_mut(at);
        let Some(present) = present.first_chunk_mut::<8>() else { break };
        let Some(past) = past[at - new.period - 2..].first_chunk::<12>() else { break };
        let sum = a.mul_add(tap::<L>(past, 2), L::load(present));
        let sum = b.mul_add(tap::<L>(past, 1).add(tap(past, 3)), sum);
        c.mul_add(tap::<L>(past, 0).add(tap(past, 4)), sum).store(present);
    }
}

#[inline(always)]
fn tap<L: Lanes>(past: &[f32; 12], offset: usize) -> L {
    let mut row = [0.0; 8];
    row.copy_from_slice(&past[offset..offset + 8]);
    L::load(&row)
}

#[inline(always)]
fn comb(samples: &[f32], at: usize, [a, b, c]: [f32; 3]) -> f32 {
    a * samples[at]
        + b * (samples[at - 1] + samples[at + 1])
        + c * (samples[at - 2] + samples[at + 2])
}
