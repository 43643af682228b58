//! From the frequencies of a block to those of a block at another rate, through the low-pass.

use super::axis::{Axis, ROW};
use crate::resample::aligned::Aligned;
use crate::resample::design::Design;
use crate::resample::fourier::Rows;
use crate::resample::prototype::LowPass;
use crate::resample::simd::{Real, Simd, Tier};

/// What a quality asks of the low-pass: it ends at the lower rate's Nyquist frequency.
#[derive(Debug, Clone, Copy)]
pub(in crate::resample) struct Sharpness {
    /// To either side, in samples at twice the lower rate.
    pub(in crate::resample) reach: usize,
    pub(in crate::resample) attenuation_db: f64,
}

impl Sharpness {
    /// That of the sharp filter of `design`: both ways to convert sound alike.
    pub(super) const fn of(design: &Design) -> Self {
        Self { reach: design.octave_reach, attenuation_db: design.octave_attenuation_db }
    }
}

/// Which row becomes which, and how strong.
#[derive(Debug)]
pub(super) struct Band<R> {
    /// For each place of the output, where its row comes from; the others are silent.
    sources: Vec<Option<usize>>,
    /// Gains of each row, vectors of a row one after the other.
    gains: Aligned<R>,
    /// Where positive and negative frequencies share a row, what the second ones add: place of the
    /// output, its source, and the gains.
    shared: Option<(usize, usize, Aligned<R>)>,
}

impl<R: Real> Band<R> {
    /// Between two axes whose blocks last as long.
    pub(super) fn new(tier: Tier, from: &Axis<R>, to: &Axis<R>, sharpness: Sharpness) -> Self {
        let lanes = tier.lanes::<R>();
        let response = response(from.length(), from.length().min(to.length()), sharpness);
        let gain = |k: usize| R::from_f64(response.get(k).copied().unwrap_or(0.0));
        let mut place_of = vec![0; from.n_rows];
        from.order().iter().enumerate().for_each(|(place, &row)| place_of[row] = place);
        let n_kept = response.len();
        let mut band = Self { sources: Vec::new(), gains: Aligned::new(to.length()), shared: None };
        for (place, &row) in to.order().iter().enumerate() {
            // Frequencies from zero up, and from zero down.
            let up = (ROW * row < n_kept).then(|| place_of[row]);
            let below = to.n_rows - row;
            let down = (ROW * below < n_kept + ROW - 1).then(|| place_of[from.n_rows - below]);
            let gains = &mut band.gains[place * ROW..][..ROW];
            let ups = |lane| gain(ROW * row + lane);
            let downs = |lane| gain(ROW * below - lane);
            for (lane, place) in gains.iter_mut().enumerate() {
                *place = if up.is_some() { ups(lane) } else { downs(lane) };
            }
            band.sources.push(up.or(down));
            if let (Some(_), Some(source)) = (up, down) {
                let mut gains = Aligned::new(ROW.max(lanes));
                gains.iter_mut().enumerate().for_each(|(lane, place)| *place = downs(lane));
                band.shared = Some((place, source, gains));
            }
        }
        band
    }

    /// Bytes of gains.
    pub(super) fn n_bytes(&self) -> usize {
        self.gains.len() * size_of::<R>()
    }

    /// Rows of one axis → rows of the other, with real and imaginary parts exchanged.
    #[inline(always)]
    pub(super) fn run<S: Simd<Real = R>>(
        &self,
        simd: S,
        input: &Rows<'_, S::V>,
        output: &mut Rows<'_, S::V>,
    ) {
        let n_vectors = ROW / S::LANES;
        let [n_in, n_out] = [input.re.len() / n_vectors, output.re.len() / n_vectors];
        let gains = simd.lanes(&self.gains);
        let zero = simd.splat(R::default());
        for plane in 0..n_vectors {
            let [in_re, in_im] =
                [&input.re[plane * n_in..][..n_in], &input.im[plane * n_in..][..n_in]];
            let out_re = output.re[plane * n_out..][..n_out].iter_mut();
            let out = out_re.zip(&mut output.im[plane * n_out..][..n_out]);
            for ((place, source), (out_re, out_im)) in self.sources.iter().enumerate().zip(out) {
                (*out_re, *out_im) = (zero, zero);
                if let &Some(source) = source {
                    let gain = gains[place * n_vectors + plane];
                    (*out_re, *out_im) =
                        (simd.mul(in_im[source], gain), simd.mul(in_re[source], gain));
                }
            }
            if let Some((place, source, gains)) = &self.shared {
                let gain = simd.lanes(gains)[plane];
                let place = plane * n_out + place;
                output.re[place] = simd.mul_add(in_im[*source], gain, output.re[place]);
                output.im[place] = simd.mul_add(in_re[*source], gain, output.im[place]);
            }
        }
    }
}

/// Gains of the frequencies `0 .. n_lower / 2` of a block that has `n_lower` samples at the lower rate,
/// over the length of the transform.
fn response(n_in: usize, n_lower: usize, sharpness: Sharpness) -> Vec<f64> {
    let Sharpness { reach, attenuation_db } = sharpness;
    let low_pass = LowPass::ending_at(0.25, reach as f64, attenuation_db);
    let taps: Vec<f64> = (0..=reach).map(|t| low_pass.at(t as f64)).collect();
    let sum = taps[0] + 2.0 * taps[1..].iter().sum::<f64>();
    let n_double = 2 * n_lower;
    let turn = std::f64::consts::TAU / n_double as f64;
    let cosines: Vec<f64> = (0..n_double).map(|step| (turn * step as f64).cos()).collect();
    let at = |k: usize| {
        let later = taps.iter().enumerate().skip(1);
        let later: f64 = later.map(|(t, tap)| tap * cosines[k * t % n_double]).sum();
        (taps[0] + 2.0 * later) / sum / n_in as f64
    };
    (0..n_lower / 2).map(at).collect()
}
