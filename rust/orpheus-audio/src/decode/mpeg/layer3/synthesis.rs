//! Subband samples → audio: the polyphase filterbank (ISO/IEC 11172-3 §2.4.3.2.2).
//!
//! The cosines of the standard's matrix repeat, so that 32 of its 64 sums `X[m]` tell all; they
//! split by the parity of `m`, twice. What the window then needs at offset `j` and at `32 - j` are
//! the same two of them: `X[16 + j]` in every even step back in time, `X[16 - j]` in every odd one.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::hybrid::Rows;
use super::synthesis_window::synthesis_window;
use crate::decode::lanes::Lanes;

/// Steps back in time that the window reaches.
const N_BACK: usize = 15;
/// Steps that a frame has at most.
const N_STEPS: usize = 36;

/// `X[17..32]`, `X[16]`, and `X[15]` down to `X[0]`, in fours of eight values.
type Sums = [[f32; 8]; 4];

/// The sums of the last steps, and room for those of a frame.
pub(super) struct History {
    sums: [Sums; N_BACK + N_STEPS],
    /// `X[16]` once more.
    middle: [f32; N_BACK + N_STEPS + 5],
}

impl History {
    pub(super) const fn new() -> Self {
        Self { sums: [[[0.0; 8]; 4]; N_BACK + N_STEPS], middle: [0.0; N_BACK + N_STEPS + 5] }
    }

    /// Keeps what the steps behind the first `n_steps` need.
    fn shift(&mut self, n_steps: usize) {
        self.sums.copy_within(n_steps..n_steps + N_BACK, 0);
        self.middle.copy_within(n_steps..n_steps + N_BACK, 0);
    }
}

/// Constants of the filterbank; a row of each matrix holds the factors of one input.
pub(super) struct Tables {
    /// `m` divisible by 4, and by 2 only.
    quarters: [[f32; 8]; 8],
    halves: [[f32; 8]; 8],
    odds: [[[f32; 8]; 2]; 16],
    /// Window of outputs 1 to 16 and 31 to 16: for each pair of steps, its factors for `X[16 + j]`
    /// in the even step and `X[16 - j]` in the odd one.
    lower: [[[[f32; 8]; 2]; 2]; 8],
    upper: [[[[f32; 8]; 2]; 2]; 8],
    /// Window of output 0, by step.
    first: [f32; 16],
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

pub(super) fn tables() -> &'static Tables {
    &TABLES
}

/// Lanes in which interleaving leaves the sums in order.
const QUARTERS: [usize; 8] = [20, 28, 12, 4, 24, 16, 8, 0];
const HALVES: [usize; 8] = [18, 26, 14, 6, 22, 30, 10, 2];
const ODDS: [[usize; 8]; 2] = [[17, 19, 25, 27, 21, 23, 29, 31], [15, 13, 7, 5, 11, 9, 3, 1]];

impl Tables {
    fn new() -> Self {
        let factor = |m: usize, k: usize| (PI / 64.0 * (m * (2 * k + 1)) as f64).cos() as f32;
        let window = |i: usize| synthesis_window(i) as f32;
        // Outputs `j` and `32 - j`, with `j` of 1 to 16, eight at a time.
        let eights = |pick: &dyn Fn(usize) -> f32| {
            [0, 8].map(|first| std::array::from_fn(|lane| pick(first + lane + 1)))
        };
        Self {
            quarters: std::array::from_fn(|k| QUARTERS.map(|m| factor(m, k))),
            halves: std::array::from_fn(|k| HALVES.map(|m| factor(m, k))),
            odds: std::array::from_fn(|k| ODDS.map(|ms| ms.map(|m| factor(m, k)))),
            lower: std::array::from_fn(|i| {
                // The lane of 16 holds `X[16]`, where the sum is `X[32] = 0`.
                let even = |j: usize| if j == 16 { 0.0 } else { window(64 * i + j) };
                let odd = |j: usize| -window(64 * i + 32 + j);
                [eights(&even), eights(&odd)]
            }),
            upper: std::array::from_fn(|i| {
                let even = |j: usize| if j == 16 { 0.0 } else { -window(64 * i + 32 - j) };
                let odd = |j: usize| -window(64 * i + 64 - j);
                [eights(&even), eights(&odd)]
            }),
            first: std::array::from_fn(|i| window(32 * i) * if i % 2 == 0 { 1.0 } else { -1.0 }),
        }
    }
}

/// Turns `rows`, one or two granules, into 32 samples per row.
#[inline(always)]
pub(super) fn synthesize<L: Lanes>(
    tables: &Tables,
    history: &mut History,
    granules: &[Rows],
    out: &mut [[f32; 32]],
) {
    let steps = granules.as_flattened();
    let n_steps = steps.len().min(N_STEPS).min(out.len());
    let sums = &mut history.sums[N_BACK..];
    let (fours, two) = steps[..n_steps].as_chunks::<4>();
    let (sum_fours, sum_two) = sums[..n_steps].as_chunks_mut::<4>();
    for (steps, sums) in fours.iter().zip(sum_fours) {
        cosine_sums::<L, 4>(tables, steps, sums);
    }
    for (step, sums) in two.iter().zip(sum_two) {
        cosine_sums::<L, 1>(tables, std::array::from_ref(step), std::array::from_mut(sums));
    }
    for (middle, sums) in history.middle[N_BACK..].iter_mut().zip(&history.sums[N_BACK..]) {
        *middle = sums[1][7];
    }
    let (out_fours, out_rest) = out[..n_steps].as_chunks_mut::<4>();
    let n_fours = out_fours.len();
    for (i, out) in out_fours.iter_mut().enumerate() {
        if let Some(sums) = history.sums[4 * i..].first_chunk::<19>() {
            apply_window::<L, 4, 19>(tables, sums, out);
        }
    }
    for (i, out) in out_rest.iter_mut().enumerate() {
        if let Some(sums) = history.sums[4 * n_fours + i..].first_chunk::<16>() {
            apply_window::<L, 1, 16>(tables, sums, std::array::from_mut(out));
        }
    }
    first_outputs::<L>(tables, &history.middle, &mut out[..n_steps]);
    history.shift(n_steps);
}

/// The 32 sums of each of `N` steps.
#[inline(always)]
fn cosine_sums<L: Lanes, const N: usize>(
    tables: &Tables,
    steps: &[[[f32; 8]; 4]; N],
    sums: &mut [Sums; N],
) {
    // By parity of `m`, what a factor has in common: the sum or difference of mirrored inputs.
    let mut odd = [[[0.0; 8]; 2]; N];
    let mut half = [[0.0; 8]; N];
    let mut quarter = [[0.0; 8]; N];
    for n in 0..N {
        let (a, b) = (L::load(&steps[n][0]), L::load(&steps[n][1]));
        let (c, d) = (L::load(&steps[n][2]).reversed(), L::load(&steps[n][3]).reversed());
        a.sub(d).store(&mut odd[n][0]);
        b.sub(c).store(&mut odd[n][1]);
        let (even, mirrored) = (a.add(d), b.add(c).reversed());
        even.sub(mirrored).store(&mut half[n]);
        even.add(mirrored).store(&mut quarter[n]);
    }
    let zero = L::splat(0.0);
    let mut odds = [[zero; 2]; N];
    for k in 0..16 {
        let factors = [L::load(&tables.odds[k][0]), L::load(&tables.odds[k][1])];
        for n in 0..N {
            let input = L::splat(odd[n][k / 8][k % 8]);
            odds[n][0] = factors[0].mul_add(input, odds[n][0]);
            odds[n][1] = factors[1].mul_add(input, odds[n][1]);
        }
    }
    let mut evens = [[zero; 2]; N];
    for k in 0..8 {
        let (quarters, halves) = (L::load(&tables.quarters[k]), L::load(&tables.halves[k]));
        for n in 0..N {
            evens[n] = [
                halves.mul_add(L::splat(half[n][k]), evens[n][0]),
                quarters.mul_add(L::splat(quarter[n][k]), evens[n][1]),
            ];
        }
    }
    interleave(&odds, &evens, sums);
}

/// Puts sums of odd and of even `m`, the latter in two halves that alternate, in order.
#[inline(always)]
fn interleave<L: Lanes, const N: usize>(
    odds: &[[L; 2]; N],
    evens: &[[L; 2]; N],
    sums: &mut [Sums; N],
) {
    for n in 0..N {
        let even = evens[n][0].interleaved_in_halves(evens[n][1]);
        for i in 0..2 {
            let [low, high] = odds[n][i].interleaved_in_halves(even[i]);
            low.store(&mut sums[n][2 * i]);
            high.store(&mut sums[n][2 * i + 1]);
        }
    }
}

/// Outputs 1 to 31 of `N` steps; `sums` are theirs and those of the fifteen steps before.
#[inline(always)]
fn apply_window<L: Lanes, const N: usize, const ALL: usize>(
    tables: &Tables,
    sums: &[Sums; ALL],
    out: &mut [[f32; 32]; N],
) {
    let zero = L::splat(0.0);
    for half in 0..2 {
        let mut lower = [zero; N];
        let mut upper = [zero; N];
        for i in 0..8 {
            for odd in 0..2 {
                let low = L::load(&tables.lower[i][odd][half]);
                let high = L::load(&tables.upper[i][odd][half]);
                for n in 0..N {
                    let sum = L::load(&sums[N_BACK + n - 2 * i - odd][2 * odd + half]);
                    lower[n] = low.mul_add(sum, lower[n]);
                    upper[n] = high.mul_add(sum, upper[n]);
                }
            }
        }
        for n in 0..N {
            store_eight(lower[n], &mut out[n], 8 * half + 1);
            store_eight(upper[n].reversed(), &mut out[n], 24 - 8 * half);
        }
    }
}

#[inline(always)]
fn store_eight<L: Lanes>(value: L, out: &mut [f32; 32], at: usize) {
    if let Some(eight) = out[at..].first_chunk_mut() {
        value.store(eight);
    }
}

/// Output 0 of all steps.
#[inline(always)]
fn first_outputs<L: Lanes>(
    tables: &Tables,
    middle: &[f32; N_BACK + N_STEPS + 5],
    out: &mut [[f32; 32]],
) {
    for (i, out) in out.chunks_mut(8).enumerate() {
        let mut sum = L::splat(0.0);
        for (back, &factor) in tables.first.iter().enumerate() {
            if let Some(middle) = middle[8 * i + N_BACK - back..].first_chunk() {
                sum = L::load(middle).mul_add(L::splat(factor), sum);
            }
        }
        let mut samples = [0.0; 8];
        sum.store(&mut samples);
        for (out, sample) in out.iter_mut().zip(samples) {
            out[0] = sample;
        }
    }
}
