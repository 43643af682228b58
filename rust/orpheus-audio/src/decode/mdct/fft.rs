//! Complex Fourier transforms of 15, 30, 60 and 64 points in each of eight lanes, and of 8 points.

use std::f32::consts::FRAC_1_SQRT_2;
use std::f64::consts::TAU;

use crate::decode::lanes::Lanes;

/// Points of the longest transform.
pub(in crate::decode) const MAX_POINTS: usize = 64;

/// Complex values, eight side by side.
pub(in crate::decode) type Row = [f32; 8];

#[derive(Clone)]
pub(in crate::decode) struct Rows {
    pub(in crate::decode) re: [Row; MAX_POINTS],
    pub(in crate::decode) im: [Row; MAX_POINTS],
}

impl Rows {
    pub(in crate::decode) const fn new() -> Self {
        Self { re: [[0.0; 8]; MAX_POINTS], im: [[0.0; 8]; MAX_POINTS] }
    }

    #[inline(always)]
    fn get<L: Lanes>(&self, at: usize) -> Complex<L> {
        Complex { re: L::load(&self.re[at]), im: L::load(&self.im[at]) }
    }

    #[inline(always)]
    pub(in crate::decode) fn set<L: Lanes>(&mut self, at: usize, value: Complex<L>) {
        value.re.store(&mut self.re[at]);
        value.im.store(&mut self.im[at]);
    }
}

/// Eight complex values.
#[derive(Clone, Copy)]
pub(in crate::decode) struct Complex<L> {
    pub(in crate::decode) re: L,
    pub(in crate::decode) im: L,
}

impl<L: Lanes> Complex<L> {
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { re: self.re.add(other.re), im: self.im.add(other.im) }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { re: self.re.sub(other.re), im: self.im.sub(other.im) }
    }

    /// Times −i.
    #[inline(always)]
    fn turned(self) -> Self {
        Self { re: self.im, im: L::splat(0.0).sub(self.re) }
    }

    #[inline(always)]
    fn scaled_onto(self, factor: f32, onto: Self) -> Self {
        let factor = L::splat(factor);
        Self { re: self.re.mul_add(factor, onto.re), im: self.im.mul_add(factor, onto.im) }
    }

    #[inline(always)]
    fn scaled(self, factor: f32) -> Self {
        let factor = L::splat(factor);
        Self { re: self.re.mul(factor), im: self.im.mul(factor) }
    }

    /// Times `cosine − i sine`.
    #[inline(always)]
    pub(in crate::decode) fn rotated(self, cosine: L, sine: L) -> Self {
        Self {
            re: self.im.mul_add(sine, self.re.mul(cosine)),
            im: self.re.neg_mul_add(sine, self.im.mul(cosine)),
        }
    }
}

/// Factors between the stages, for transforms of one size.
pub(in crate::decode) struct Twiddles {
    n_points: usize,
    /// Points of the first stage's transforms: 15, or 8 of 64.
    n_first: usize,
    /// Of `n_first a + k`: cosine and sine of 2π a k / `n_points`.
    factors: [[f32; 2]; MAX_POINTS],
}

impl Twiddles {
    pub(in crate::decode) fn new(n_points: usize) -> Self {
        let n_first = if n_points == 64 { 8 } else { 15 };
        let factors = std::array::from_fn(|at| {
            let angle = TAU * ((at / n_first) * (at % n_first)) as f64 / n_points as f64;
            [angle.cos() as f32, angle.sin() as f32]
        });
        Self { n_points, n_first, factors }
    }
}

/// Transforms each lane of `rows`; the result comes in natural order.
#[inline(always)]
pub(in crate::decode) fn transform<L: Lanes>(twiddles: &Twiddles, rows: &mut Rows) {
    if twiddles.n_first == 8 {
        return sixty_four::<L>(twiddles, rows);
    }
    let n_parts = twiddles.n_points / 15;
    let mut parts = Rows::new();
    for part in 0..n_parts {
        let mut points = [rows.get::<L>(part); 15];
        for (at, point) in points.iter_mut().enumerate() {
            *point = rows.get(n_parts * at + part);
        }
        for (k, &point) in fifteen(&points).iter().enumerate() {
            let [cosine, sine] = twiddles.factors[15 * part + k];
            let point =
                if part == 0 { point } else { point.rotated(L::splat(cosine), L::splat(sine)) };
            parts.set(15 * part + k, point);
        }
    }
    for k in 0..15 {
        match n_parts {
            4 => {
                let points =
                    [parts.get::<L>(k), parts.get(15 + k), parts.get(30 + k), parts.get(45 + k)];
                for (part, &point) in four(points).iter().enumerate() {
                    rows.set(15 * part + k, point);
                }
            }
            2 => {
                let (a, b) = (parts.get::<L>(k), parts.get(15 + k));
                rows.set(k, a.add(b));
                rows.set(15 + k, a.sub(b));
            }
            _ => rows.set(k, parts.get::<L>(k)),
        }
    }
}

/// 64 points as 8 × 8.
#[inline(always)]
fn sixty_four<L: Lanes>(twiddles: &Twiddles, rows: &mut Rows) {
    let mut parts = Rows::new();
    for part in 0..8 {
        let mut points = [rows.get::<L>(part); 8];
        for (at, point) in points.iter_mut().enumerate() {
            *point = rows.get(8 * at + part);
        }
        for (k, &point) in eight(points).iter().enumerate() {
            let [cosine, sine] = twiddles.factors[8 * part + k];
            let point =
                if part == 0 { point } else { point.rotated(L::splat(cosine), L::splat(sine)) };
            parts.set(8 * part + k, point);
        }
    }
    for k in 0..8 {
        let mut points = [parts.get::<L>(k); 8];
        for (part, point) in points.iter_mut().enumerate() {
            *point = parts.get(8 * part + k);
        }
        for (part, &point) in eight(points).iter().enumerate() {
            rows.set(8 * part + k, point);
        }
    }
}

/// 15 points as 3 × 5, without factors in between (Good and Thomas).
#[inline(always)]
fn fifteen<L: Lanes>(points: &[Complex<L>; 15]) -> [Complex<L>; 15] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = *points;
    let [p0, p1, p2, p3, p4] = five([a, d, g, j, m]);
    let [q0, q1, q2, q3, q4] = five([f, i, l, o, c]);
    let [r0, r1, r2, r3, r4] = five([k, n, b, e, h]);
    let [z0, z10, z5] = three([p0, q0, r0]);
    let [z6, z1, z11] = three([p1, q1, r1]);
    let [z12, z7, z2] = three([p2, q2, r2]);
    let [z3, z13, z8] = three([p3, q3, r3]);
    let [z9, z4, z14] = three([p4, q4, r4]);
    [z0, z1, z2, z3, z4, z5, z6, z7, z8, z9, z10, z11, z12, z13, z14]
}

#[inline(always)]
fn three<L: Lanes>([a, b, c]: [Complex<L>; 3]) -> [Complex<L>; 3] {
    const SINE: f32 = 0.866_025_4;
    let sum = b.add(c);
    let middle = sum.scaled_onto(-0.5, a);
    let turned = b.sub(c).turned().scaled(SINE);
    [a.add(sum), middle.add(turned), middle.sub(turned)]
}

#[inline(always)]
fn five<L: Lanes>([a, b, c, d, e]: [Complex<L>; 5]) -> [Complex<L>; 5] {
    /// Cosines and sines of 72° and 144°.
    const COS: [f32; 2] = [0.309_017, -0.809_017];
    const SIN: [f32; 2] = [0.951_056_5, 0.587_785_25];
    let (outer, inner) = (b.add(e), c.add(d));
    let (outer_turned, inner_turned) = (b.sub(e).turned(), c.sub(d).turned());
    let first = inner.scaled_onto(COS[1], outer.scaled_onto(COS[0], a));
    let second = inner.scaled_onto(COS[0], outer.scaled_onto(COS[1], a));
    let first_turned = inner_turned.scaled_onto(SIN[1], outer_turned.scaled(SIN[0]));
    let second_turned = inner_turned.scaled_onto(-SIN[0], outer_turned.scaled(SIN[1]));
    [
        a.add(outer).add(inner),
        first.add(first_turned),
        second.add(second_turned),
        second.sub(second_turned),
        first.sub(first_turned),
    ]
}

#[inline(always)]
fn four<L: Lanes>([a, b, c, d]: [Complex<L>; 4]) -> [Complex<L>; 4] {
    let (even, even_difference) = (a.add(c), a.sub(c));
    let (odd, odd_difference) = (b.add(d), b.sub(d).turned());
    [
        even.add(odd),
        even_difference.add(odd_difference),
        even.sub(odd),
        even_difference.sub(odd_difference),
    ]
}

/// Eight points.
#[inline(always)]
pub(in crate::decode) fn eight<L: Lanes>(points: [Complex<L>; 8]) -> [Complex<L>; 8] {
    let [a, b, c, d, e, f, g, h] = points;
    let even = four([a, c, e, g]);
    let odd = four([b, d, f, h]);
    let second = odd[1].add(odd[1].turned()).scaled(FRAC_1_SQRT_2);
    let third = odd[2].turned();
    let fourth = odd[3].turned();
    let fourth = fourth.add(fourth.turned()).scaled(FRAC_1_SQRT_2);
    [
        even[0].add(odd[0]),
        even[1].add(second),
        even[2].add(third),
        even[3].add(fourth),
        even[0].sub(odd[0]),
        even[1].sub(second),
        even[2].sub(third),
        even[3].sub(fourth),
    ]
}
