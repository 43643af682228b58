//! Discrete Fourier transforms of 2, 3, 4, 5, 7, 8 and 16 points held in registers.
//!
//! Here and in all other kernels, no closure touches a vector: a closure is a function of its own,
//! without the instruction set of the one around it.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::resample::simd::{Real, Simd};

/// One complex number per lane.
#[derive(Clone, Copy)]
pub(in crate::resample) struct Complex<V> {
    pub(in crate::resample) re: V,
    pub(in crate::resample) im: V,
}

/// `cos(π/8)` and `sin(π/8)`.
const EIGHTH: (f64, f64) = (0.923_879_532_511_286_7, 0.382_683_432_365_089_8);

impl<V: Copy> Complex<V> {
    /// `re + i·im` in every lane.
    #[inline(always)]
    pub(in crate::resample) fn splat<S: Simd<V = V>>(simd: S, re: S::Real, im: S::Real) -> Self {
        Self { re: simd.splat(re), im: simd.splat(im) }
    }

    /// Real and imaginary part exchanged: a forward transform of exchanged numbers is the inverse
    /// transform, exchanged.
    #[inline(always)]
    pub(in crate::resample) fn swap(self) -> Self {
        Self { re: self.im, im: self.re }
    }

    #[inline(always)]
    fn add<S: Simd<V = V>>(self, simd: S, other: Self) -> Self {
        Self { re: simd.add(self.re, other.re), im: simd.add(self.im, other.im) }
    }

    #[inline(always)]
    fn sub<S: Simd<V = V>>(self, simd: S, other: Self) -> Self {
        Self { re: simd.sub(self.re, other.re), im: simd.sub(self.im, other.im) }
    }

    /// `self − i·other`
    #[inline(always)]
    fn sub_i<S: Simd<V = V>>(self, simd: S, other: Self) -> Self {
        Self { re: simd.add(self.re, other.im), im: simd.sub(self.im, other.re) }
    }

    /// `self + i·other`
    #[inline(always)]
    fn add_i<S: Simd<V = V>>(self, simd: S, other: Self) -> Self {
        Self { re: simd.sub(self.re, other.im), im: simd.add(self.im, other.re) }
    }

    /// Complex product.
    #[inline(always)]
    pub(in crate::resample) fn mul<S: Simd<V = V>>(self, simd: S, other: Self) -> Self {
        let re = simd.mul(self.re, other.re);
        let im = simd.mul(self.re, other.im);
        Self {
            re: simd.neg_mul_add(self.im, other.im, re),
            im: simd.mul_add(self.im, other.re, im),
        }
    }

    /// Both parts times a real number.
    #[inline(always)]
    pub(in crate::resample) fn scale<S: Simd<V = V>>(self, simd: S, factor: V) -> Self {
        Self { re: simd.mul(self.re, factor), im: simd.mul(self.im, factor) }
    }

    /// `self + other·factor`
    #[inline(always)]
    pub(in crate::resample) fn add_scaled<S: Simd<V = V>>(
        self,
        simd: S,
        other: Self,
        factor: V,
    ) -> Self {
        Self {
            re: simd.mul_add(other.re, factor, self.re),
            im: simd.mul_add(other.im, factor, self.im),
        }
    }

    /// `self − other·factor`
    #[inline(always)]
    fn sub_scaled<S: Simd<V = V>>(self, simd: S, other: Self, factor: V) -> Self {
        Self {
            re: simd.neg_mul_add(other.re, factor, self.re),
            im: simd.neg_mul_add(other.im, factor, self.im),
        }
    }
}

/// Forward transform of all of `z`, in natural order. Lengths other than 2, 3, 4, 5, 7, 8 and 16 are
/// left alone.
#[inline(always)]
pub(in crate::resample) fn transform<S: Simd>(simd: S, z: &mut [Complex<S::V>]) {
    match z.len() {
        2 => [z[0], z[1]] = [z[0].add(simd, z[1]), z[0].sub(simd, z[1])],
        3 => odd::<S, 3>(simd, z, &THIRDS),
        5 => odd::<S, 5>(simd, z, &FIFTHS),
        7 => odd::<S, 7>(simd, z, &SEVENTHS),
        4 => [z[0], z[1], z[2], z[3]] = four(simd, [z[0], z[1], z[2], z[3]]),
        8 => eight(simd, z),
        16 => sixteen(simd, z),
        _ => {}
    }
}

#[inline(always)]
fn four<S: Simd>(simd: S, [a, b, c, d]: [Complex<S::V>; 4]) -> [Complex<S::V>; 4] {
    let [even_sum, even_difference] = [a.add(simd, c), a.sub(simd, c)];
    let [odd_sum, odd_difference] = [b.add(simd, d), b.sub(simd, d)];
    [
        even_sum.add(simd, odd_sum),
        even_difference.sub_i(simd, odd_difference),
        even_sum.sub(simd, odd_sum),
        even_difference.add_i(simd, odd_difference),
    ]
}

#[inline(always)]
fn eight<S: Simd>(simd: S, z: &mut [Complex<S::V>]) {
    let even = four(simd, [z[0], z[2], z[4], z[6]]);
    let odd = four(simd, [z[1], z[3], z[5], z[7]]);
    let root = simd.splat(S::Real::from_f64(FRAC_1_SQRT_2));
    // (1 − i)·odd[1] and (1 + i)·odd[3]: scaled by √½ and −√½, the turns that the two of them need.
    let first = Complex { re: simd.add(odd[1].re, odd[1].im), im: simd.sub(odd[1].im, odd[1].re) };
    let third = Complex { re: simd.sub(odd[3].re, odd[3].im), im: simd.add(odd[3].re, odd[3].im) };
    z[0] = even[0].add(simd, odd[0]);
    z[1] = even[1].add_scaled(simd, first, root);
    z[2] = even[2].sub_i(simd, odd[2]);
    z[3] = even[3].sub_scaled(simd, third, root);
    z[4] = even[0].sub(simd, odd[0]);
    z[5] = even[1].sub_scaled(simd, first, root);
    z[6] = even[2].add_i(simd, odd[2]);
    z[7] = even[3].add_scaled(simd, third, root);
}

/// `(cos, sin)` of the multiples of a third of a turn.
const THIRDS: [(f64, f64); 3] =
    [(1.0, 0.0), (-0.5, 0.866_025_403_784_438_6), (-0.5, -0.866_025_403_784_438_6)];

/// The same of a fifth.
const FIFTHS: [(f64, f64); 5] = [
    (1.0, 0.0),
    (0.309_016_994_374_947_45, 0.951_056_516_295_153_5),
    (-0.809_016_994_374_947_5, 0.587_785_252_292_473_1),
    (-0.809_016_994_374_947_5, -0.587_785_252_292_473_1),
    (0.309_016_994_374_947_45, -0.951_056_516_295_153_5),
];

/// The same of a seventh.
const SEVENTHS: [(f64, f64); 7] = [
    (1.0, 0.0),
    (0.623_489_801_858_733_5, 0.781_831_482_468_029_8),
    (-0.222_520_933_956_314_4, 0.974_927_912_181_823_6),
    (-0.900_968_867_902_419_1, 0.433_883_739_117_558_1),
    (-0.900_968_867_902_419_1, -0.433_883_739_117_558_1),
    (-0.222_520_933_956_314_4, -0.974_927_912_181_823_6),
    (0.623_489_801_858_733_5, -0.781_831_482_468_029_8),
];

/// An odd number of points: sums and differences of the values that meet the same cosine.
#[inline(always)]
fn odd<S: Simd, const P: usize>(simd: S, z: &mut [Complex<S::V>], turns: &[(f64, f64); P]) {
    let half = P / 2;
    let first = z[0];
    let [mut sums, mut differences] = [[first; P]; 2];
    let mut total = first;
    for m in 1..=half {
        sums[m] = z[m].add(simd, z[P - m]);
        differences[m] = z[m].sub(simd, z[P - m]);
        total = total.add(simd, sums[m]);
    }
    z[0] = total;
    for k in 1..=half {
        let mut even = first;
        let mut odd = differences[1].scale(simd, simd.splat(S::Real::from_f64(turns[k].1)));
        even = even.add_scaled(simd, sums[1], simd.splat(S::Real::from_f64(turns[k].0)));
        for m in 2..=half {
            let (cos, sin) = turns[k * m % P];
            even = even.add_scaled(simd, sums[m], simd.splat(S::Real::from_f64(cos)));
            odd = odd.add_scaled(simd, differences[m], simd.splat(S::Real::from_f64(sin)));
        }
        z[k] = even.sub_i(simd, odd);
        z[P - k] = even.add_i(simd, odd);
    }
}

/// Four by four.
#[inline(always)]
fn sixteen<S: Simd>(simd: S, z: &mut [Complex<S::V>]) {
    let (c, s) = EIGHTH;
    let root = FRAC_1_SQRT_2;
    for q in 0..4 {
        [z[q], z[q + 4], z[q + 8], z[q + 12]] = four(simd, [z[q], z[q + 4], z[q + 8], z[q + 12]]);
    }
    // z[q + 4k] *= exp(−2πi·q·k/16)
    let turns = [
        (5, c, -s),
        (6, root, -root),
        (7, s, -c),
        (9, root, -root),
        (10, 0.0, -1.0),
        (11, -root, -root),
        (13, s, -c),
        (14, -root, -root),
        (15, -c, s),
    ];
    for (place, re, im) in turns {
        let turn = Complex::splat(simd, S::Real::from_f64(re), S::Real::from_f64(im));
        z[place] = z[place].mul(simd, turn);
    }
    let mut output = [z[0]; 16];
    for k in 0..4 {
        let row = four(simd, [z[4 * k], z[4 * k + 1], z[4 * k + 2], z[4 * k + 3]]);
        [output[k], output[k + 4], output[k + 8], output[k + 12]] = row;
    }
    z.copy_from_slice(&output);
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::resample::simd::{Kernel, Tier, test_noise};

    /// Transforms `n` points, the same in every lane; each result is in the lane of its number.
    struct Transform {
        points: Vec<[f64; 2]>,
    }

    impl Kernel<f64> for Transform {
        type Output = Vec<[f64; 2]>;

        #[inline(always)]
        fn run<S: Simd<Real = f64>>(self, simd: S) -> Self::Output {
            let mut z = Vec::new();
            for &[re, im] in &self.points {
                z.push(Complex::splat(simd, re, im));
            }
            transform(simd, &mut z);
            let mut output = Vec::new();
            let mut lanes = crate::resample::aligned::Aligned::new(16);
            for z in z {
                simd.lanes_mut(&mut lanes)[0] = z.re;
                let re = lanes[S::LANES - 1];
                simd.lanes_mut(&mut lanes)[0] = z.im;
                output.push([re, lanes[S::LANES - 1]]);
            }
            output
        }
    }

    #[test]
    fn transforms_equal_the_sum_that_defines_them() {
        for (tier, n) in
            Tier::available().into_iter().flat_map(|t| [2, 3, 4, 5, 7, 8, 16].map(|n| (t, n)))
        {
            let noise = test_noise(n as u32, 2 * n);
            let points: Vec<[f64; 2]> = noise.as_chunks().0.to_vec();
            let got = f64::dispatch(tier, Transform { points: points.clone() });
            for (k, got) in got.iter().enumerate() {
                let mut wanted = [0.0; 2];
                for (m, [re, im]) in points.iter().enumerate() {
                    let (sin, cos) = (-TAU * (k * m) as f64 / n as f64).sin_cos();
                    wanted = [wanted[0] + re * cos - im * sin, wanted[1] + re * sin + im * cos];
                }
                let error = (got[0] - wanted[0]).abs() + (got[1] - wanted[1]).abs();
                assert!(error < 1e-13, "output {k} of {n} on {tier:?} is off by {error}");
            }
        }
    }
}
