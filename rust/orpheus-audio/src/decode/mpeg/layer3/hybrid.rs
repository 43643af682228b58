//! Lines → subband samples: alias reduction, inverse MDCT, windows and overlap
//! (ISO/IEC 11172-3 §2.4.3.4.10).
//!
//! Subbands stand side by side, so that eight of them are transformed at a time.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::side_info::{BlockType, Shape};
use crate::decode::lanes::Lanes;

/// Eighteen values for each of 32 subbands: the lines of a granule, or its samples in time.
pub(in crate::decode::mpeg) type Rows = [[[f32; 8]; 4]; 18];

/// What the last granule adds to the next.
pub(super) struct Overlap {
    rows: Rows,
}

impl Overlap {
    pub(super) const fn new() -> Self {
        Self { rows: [[[0.0; 8]; 4]; 18] }
    }
}

/// The lines of a granule and how to transform them.
pub(super) struct Granule<'a> {
    pub(super) rows: &'a mut Rows,
    pub(super) block: BlockType,
    /// Subbands above are zero.
    pub(super) n_subbands: usize,
}

/// Constants of the transforms.
pub(super) struct Tables {
    /// Cosine and sine of the rotations before and behind the transform of nine points.
    before: [[f32; 2]; 9],
    behind: [[f32; 2]; 9],
    /// Powers 1, 2 and 4 of the ninth root of one: cosine and sine.
    ninths: [[f32; 2]; 3],
    /// The short transform: a cosine transform of type IV.
    sixths: [[f32; 6]; 6],
    /// By shape and time. The signs of the transform's symmetry are in them, and in the odd rows
    /// the inverted sign of odd subbands (§2.4.3.4.10.4).
    windows: [[[f32; 8]; 36]; 4],
    /// Alias reduction; the second of each is for the highest group, whose last subband has none
    /// above it.
    same: [[[f32; 8]; 8]; 2],
    other: [[[f32; 8]; 8]; 2],
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

pub(super) fn tables() -> &'static Tables {
    &TABLES
}

/// Coefficients of the alias reduction (table B.9).
const ALIAS: [f64; 8] = [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037];

impl Tables {
    fn new() -> Self {
        let turn = |angle: f64| [angle.cos() as f32, angle.sin() as f32];
        let same = ALIAS.map(|c| (1.0 / (1.0 + c * c).sqrt()) as f32);
        let other = ALIAS.map(|c| (c / (1.0 + c * c).sqrt()) as f32);
        let but_last =
            |value: f32, last: f32| std::array::from_fn(|i| if i < 7 { value } else { last });
        Self {
            before: std::array::from_fn(|k| turn(PI * (4 * k + 1) as f64 / 72.0)),
            behind: std::array::from_fn(|k| turn(PI * k as f64 / 18.0)),
            ninths: [1.0, 2.0, 4.0].map(|k| turn(2.0 * PI * k / 9.0)),
            sixths: std::array::from_fn(|n| {
                std::array::from_fn(|k| {
                    (PI / 24.0 * ((2 * n + 1) * (2 * k + 1)) as f64).cos() as f32
                })
            }),
            windows: [Shape::Long, Shape::Start, Shape::Short, Shape::Stop].map(signed_window),
            same: [same.map(|c| [c; 8]), same.map(|c| but_last(c, 1.0))],
            other: [other.map(|c| [c; 8]), other.map(|c| but_last(c, 0.0))],
        }
    }
}

/// The window of one shape (§2.4.3.4.10.3), from `t` = 0 to 35, or 0 to 11.
fn window(shape: Shape, t: usize) -> f64 {
    let long = (PI / 36.0 * (t as f64 + 0.5)).sin();
    let short = |t: usize| (PI / 12.0 * (t as f64 + 0.5)).sin();
    match (shape, t) {
        (Shape::Short, 0..12) => short(t),
        (Shape::Start, 18..24) | (Shape::Stop, 12..18) => 1.0,
        (Shape::Start, 24..30) => short(t - 18),
        (Shape::Stop, 6..12) => short(t - 6),
        (Shape::Start, 30..) | (Shape::Stop, 0..6) | (Shape::Short, _) => 0.0,
        _ => long,
    }
}

fn signed_window(shape: Shape) -> [[f32; 8]; 36] {
    let n_positive = if shape == Shape::Short { 3 } else { 9 };
    std::array::from_fn(|t| {
        let value = if t < n_positive { window(shape, t) } else { -window(shape, t) };
        std::array::from_fn(|lane| if t % 2 == 1 && lane % 2 == 1 { -value } else { value } as f32)
    })
}

/// Turns lines into the samples of each subband, in place of `out` or added to it.
#[inline(always)]
pub(super) fn synthesize<L: Lanes, const ADD: bool>(
    tables: &Tables,
    granule: &mut Granule,
    overlap: &mut Overlap,
    out: &mut Rows,
) {
    let n_subbands = reduce_aliases::<L>(tables, granule.rows, granule.block, granule.n_subbands);
    let n_groups = n_subbands.div_ceil(8);
    for group in 0..n_groups.min(4) {
        let place = &mut Place { group, overlap: &mut overlap.rows, out };
        transform::<L, ADD>(tables, granule, place);
    }
    if ADD {
        return;
    }
    for group in n_groups..4 {
        for t in 0..18 {
            out[t][group] = std::mem::take(&mut overlap.rows[t][group]);
        }
    }
}

/// Butterflies between neighbouring subbands; returns how many are not zero afterwards.
#[inline(always)]
fn reduce_aliases<L: Lanes>(
    tables: &Tables,
    rows: &mut Rows,
    block: BlockType,
    n_subbands: usize,
) -> usize {
    let lines = rows.as_flattened_mut().as_flattened_mut();
    if block.is_short() {
        if !block.mixed || n_subbands == 0 {
            return n_subbands;
        }
        for i in 0..8 {
            let (same, other) = (tables.same[0][i][0], tables.other[0][i][0]);
            let (low, high) = (lines[(17 - i) * 32], lines[i * 32 + 1]);
            lines[(17 - i) * 32] = low * same - high * other;
            lines[i * 32 + 1] = high * same + low * other;
        }
        return n_subbands.max(2);
    }
    for group in 0..n_subbands.div_ceil(8).min(4) {
        for i in 0..8 {
            let last = usize::from(group == 3);
            let same = L::load(&tables.same[last][i]);
            let other = L::load(&tables.other[last][i]);
            let (low_at, high_at) = ((17 - i) * 32 + group * 8, i * 32 + group * 8 + 1);
            let low = L::load(eight(lines, low_at));
            let high = L::load(eight(lines, high_at));
            high.neg_mul_add(other, low.mul(same)).store(eight(lines, low_at));
            low.mul_add(other, high.mul(same)).store(eight(lines, high_at));
        }
    }
    if n_subbands == 0 { 0 } else { (n_subbands + 1).min(32) }
}

/// Eight lines from `at` on, of 576.
#[inline(always)]
fn eight(lines: &mut [f32], at: usize) -> &mut [f32; 8] {
    match lines[at..].first_chunk_mut() {
        Some(eight) => eight,
        None => unreachable!("a row of eight ends in the spectrum"),
    }
}

/// Where the samples of a group of subbands go.
struct Place<'a> {
    group: usize,
    overlap: &'a mut Rows,
    out: &'a mut Rows,
}

impl Place<'_> {
    /// Sample `t` is `now` and what the last granule left for it; `later` is left for the next one.
    /// Both come with what they are to be multiplied by.
    #[inline(always)]
    fn put<L: Lanes, const ADD: bool>(
        &mut self,
        t: usize,
        (now, now_factor): (L, &[f32; 8]),
        (later, later_factor): (L, &[f32; 8]),
    ) {
        let out = &mut self.out[t][self.group];
        let overlap = &mut self.overlap[t][self.group];
        let before = L::load(if ADD { out } else { overlap });
        now.mul_add(L::load(now_factor), before).store(out);
        let later = if ADD {
            later.mul_add(L::load(later_factor), L::load(overlap))
        } else {
            later.mul(L::load(later_factor))
        };
        later.store(overlap);
    }

    /// All 36 samples.
    #[inline(always)]
    fn put_all<L: Lanes, const ADD: bool>(&mut self, samples: &[L; 36]) {
        for t in 0..18 {
            self.put::<L, ADD>(t, (samples[t], &[1.0; 8]), (samples[t + 18], &[1.0; 8]));
        }
    }
}

/// Transforms one group of subbands.
#[inline(always)]
fn transform<L: Lanes, const ADD: bool>(tables: &Tables, granule: &Granule, place: &mut Place) {
    let BlockType { shape, mixed } = granule.block;
    let mut lines = [L::splat(0.0); 18];
    for (line, row) in lines.iter_mut().zip(granule.rows.iter()) {
        *line = L::load(&row[place.group]);
    }
    let window = &tables.windows[shape as usize];
    if place.group == 0 && mixed {
        let plain = &tables.windows[Shape::Long as usize];
        let low = long_samples(&cosine_transform(tables, lines), plain);
        let high = if shape == Shape::Short {
            short(tables, lines)
        } else {
            long_samples(&cosine_transform(tables, lines), window)
        };
        place.put_all::<L, ADD>(&low_two(low, high));
    } else if shape == Shape::Short {
        place.put_all::<L, ADD>(&short(tables, lines));
    } else {
        let values = cosine_transform(tables, lines);
        for t in 0..9 {
            // Both halves of the 36 samples are symmetric, but for signs, which the window has.
            let (now, later) = (values[9 + t], values[8 - t]);
            for t in [t, 17 - t] {
                place.put::<L, ADD>(t, (now, &window[t]), (later, &window[18 + t]));
            }
        }
    }
}

/// The 36 samples of a long block.
#[inline(always)]
fn long_samples<L: Lanes>(values: &[L; 18], window: &[[f32; 8]; 36]) -> [L; 36] {
    let mut samples = [values[0]; 36];
    for t in 0..36 {
        let value = match t {
            0..9 => values[t + 9],
            9..27 => values[26 - t],
            _ => values[t - 27],
        };
        samples[t] = value.mul(L::load(&window[t]));
    }
    samples
}

/// The two lowest lanes of `low` and the others of `high`.
#[inline(always)]
fn low_two<L: Lanes>(low: [L; 36], mut high: [L; 36]) -> [L; 36] {
    let (mut low_lanes, mut lanes) = ([0.0; 8], [0.0; 8]);
    for (low, high) in low.into_iter().zip(&mut high) {
        low.store(&mut low_lanes);
        high.store(&mut lanes);
        lanes[..2].copy_from_slice(&low_lanes[..2]);
        *high = L::load(&lanes);
    }
    high
}

/// Three short blocks: 6 lines each → 12 samples each.
#[inline(always)]
fn short<L: Lanes>(tables: &Tables, lines: [L; 18]) -> [L; 36] {
    let window = &tables.windows[Shape::Short as usize];
    let mut samples = [L::splat(0.0); 36];
    for w in 0..3 {
        let mut values = [L::splat(0.0); 6];
        for k in 0..6 {
            for (value, factors) in values.iter_mut().zip(&tables.sixths) {
                *value = lines[3 * k + w].mul_add(L::splat(factors[k]), *value);
            }
        }
        for t in 0..12 {
            let from = match t {
                0..3 => t + 3,
                3..9 => 8 - t,
                _ => t - 9,
            };
            let sample = &mut samples[6 + 6 * w + t];
            *sample = values[from].mul_add(L::load(&window[t]), *sample);
        }
    }
    samples
}

/// Cosine transform of type IV over 18 points: `y[n] = Σ x[k] cos(π/72 (2n+1)(2k+1))`, as a complex
/// Fourier transform of nine points between two rotations.
#[inline(always)]
fn cosine_transform<L: Lanes>(tables: &Tables, x: [L; 18]) -> [L; 18] {
    let mut points = [[x[0]; 2]; 9];
    for k in 0..9 {
        points[k] = rotated([x[2 * k], x[17 - 2 * k]], tables.before[k]);
    }
    for b in 0..3 {
        [points[b], points[b + 3], points[b + 6]] =
            three([points[b], points[b + 3], points[b + 6]]);
    }
    // Row `c` of column `b` turns by `b * c` ninths.
    points[4] = rotated(points[4], tables.ninths[0]);
    points[5] = rotated(points[5], tables.ninths[1]);
    points[7] = rotated(points[7], tables.ninths[1]);
    points[8] = rotated(points[8], tables.ninths[2]);
    let mut y = [x[0]; 18];
    for c in 0..3 {
        let parts = three([points[3 * c], points[3 * c + 1], points[3 * c + 2]]);
        for d in 0..3 {
            let n = c + 3 * d;
            let [re, im] = if n == 0 { parts[d] } else { rotated(parts[d], tables.behind[n]) };
            y[2 * n] = re;
            y[17 - 2 * n] = L::splat(0.0).sub(im);
        }
    }
    y
}

/// `point * (cos - i sin)`.
#[inline(always)]
fn rotated<L: Lanes>([re, im]: [L; 2], [cos, sin]: [f32; 2]) -> [L; 2] {
    let (cos, sin) = (L::splat(cos), L::splat(sin));
    [im.mul_add(sin, re.mul(cos)), re.neg_mul_add(sin, im.mul(cos))]
}

/// Fourier transform of three points.
#[inline(always)]
fn three<L: Lanes>([a, b, c]: [[L; 2]; 3]) -> [[L; 2]; 3] {
    let half = L::splat(0.5);
    let height = L::splat((0.75_f64.sqrt()) as f32);
    let sum = [b[0].add(c[0]), b[1].add(c[1])];
    let difference = [b[0].sub(c[0]), b[1].sub(c[1])];
    let middle = [sum[0].neg_mul_add(half, a[0]), sum[1].neg_mul_add(half, a[1])];
    [
        [a[0].add(sum[0]), a[1].add(sum[1])],
        [difference[1].mul_add(height, middle[0]), difference[0].neg_mul_add(height, middle[1])],
        [difference[1].neg_mul_add(height, middle[0]), difference[0].mul_add(height, middle[1])],
    ]
}
