//! Pitch classes: how much of each of the twelve notes sounds, whatever its octave.

use crate::spectrum::buffer::Buffer;
use crate::spectrum::fft::{N_BINS, N_FFT};
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd};
use crate::tuning::tuning_semitones;

/// Notes of an octave.
pub(crate) const N_CHROMA: usize = 12;

/// Notes that a bin can lend weight to where bins are narrower than a semitone. The next note is at
/// least three semitones away, where a Gaussian of half a semitone has fallen below 2e-8.
const SPAN: usize = 6;

/// A is note 0 where frequencies are turned into notes; C is note 0 of the result.
const NOTES_FROM_C_TO_A: usize = 9;

/// Octaves above 27.5 Hz (A0) where the weight of a bin is largest, and how fast it falls.
const CENTRE_OCTAVE: f64 = 5.0;
const OCTAVE_WIDTH: f64 = 2.0;

/// From bins to notes, for one tuning.
///
/// A bin lends weight to the notes near it by a Gaussian, as wide as the bin but at least half a
/// semitone; the weights of a bin have unit length before low and high octaves are faded out.
#[derive(Debug)]
pub(crate) struct ChromaBank<R> {
    groups: Vec<Group>,
    weights: Vec<[R; SPAN]>,
}

/// Neighbouring bins that lend to the same [`SPAN`] notes.
#[derive(Debug)]
struct Group {
    first_note: usize,
    first_bin: usize,
    n_bins: usize,
    first_weight: usize,
}

impl<R: Real> ChromaBank<R> {
    /// The bank for the tuning that histogram bin `tuning_bin` stands for.
    pub(crate) fn new(sample_rate: u32, tuning_bin: usize) -> Self {
        let a4 = 440.0 * (tuning_semitones(tuning_bin) / N_CHROMA as f64).exp2();
        let note = |bin: usize| {
            let hz = f64::from(sample_rate) * bin as f64 / N_FFT as f64;
            N_CHROMA as f64 * (hz / (a4 / 16.0)).log2()
        };
        // The lowest bin holds 0 Hz; it is taken to lie an octave and a half below the next one.
        let mut notes = vec![note(1) - 1.5 * N_CHROMA as f64];
        notes.extend((1..=N_BINS).map(note));
        let widths: Vec<f64> = notes.windows(2).map(|pair| (pair[1] - pair[0]).max(1.0)).collect();

        let mut bank = Self { groups: Vec::new(), weights: Vec::new() };
        let n_wide = widths.iter().take_while(|width| **width > 1.0).count();
        for half in [0, SPAN] {
            for bin in 0..n_wide {
                bank.push(half, bin, notes[bin], widths[bin]);
            }
        }
        for bin in n_wide..N_BINS {
            let lowest = (notes[bin] - (SPAN / 2) as f64).ceil() as i64;
            let first =
                (lowest - N_CHROMA as i64 + NOTES_FROM_C_TO_A as i64).rem_euclid(N_CHROMA as i64);
            bank.push(first as usize, bin, notes[bin], widths[bin]);
        }
        bank
    }

    /// Adds what `bin` lends to the [`SPAN`] notes from `first_note` on.
    fn push(&mut self, first_note: usize, bin: usize, note: f64, width: f64) {
        let weights = note_weights(note, width);
        let follows = self.groups.last_mut().filter(|group| {
            group.first_note == first_note && group.first_bin + group.n_bins == bin
        });
        if let Some(group) = follows {
            group.n_bins += 1;
        } else {
            let first_weight = self.weights.len();
            self.groups.push(Group { first_note, first_bin: bin, n_bins: 1, first_weight });
        }
        // The reference keeps its weights in float32.
        let weight = |i: usize| R::from_f64(f64::from(weights[(first_note + i) % N_CHROMA] as f32));
        self.weights.push(std::array::from_fn(weight));
    }

    /// Energy of every note in the spectra `power`, scaled so that each frame's strongest note is
    /// one.
    #[inline(always)]
    fn apply<S: Simd<Real = R>>(&self, simd: S, power: &[S::V]) -> [S::V; N_CHROMA] {
        let mut notes = [simd.splat(R::default()); N_CHROMA];
        for group in &self.groups {
            let mut sums = [simd.splat(R::default()); SPAN];
            let weights = &self.weights[group.first_weight..][..group.n_bins];
            for (bin, weights) in power[group.first_bin..].iter().zip(weights) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = simd.mul_add(simd.splat(*weight), *bin, *sum);
                }
            }
            for (place, sum) in sums.into_iter().enumerate() {
                let note = &mut notes[(group.first_note + place) % N_CHROMA];
                *note = simd.add(*note, sum);
            }
        }
        let mut strongest = notes[0];
        for note in notes {
            strongest = simd.max(strongest, note);
        }
        let one = simd.constant(1.0);
        let silent = simd.less(strongest, simd.constant(R::TINY));
        let scale = simd.div(one, simd.select(silent, one, strongest));
        for note in &mut notes {
            *note = simd.mul(*note, scale);
        }
        notes
    }
}

/// What a bin at `note` lends to each note, C first.
fn note_weights(note: f64, width: f64) -> [f64; N_CHROMA] {
    let gaussian = |class: usize| {
        let from_a = (class + N_CHROMA - NOTES_FROM_C_TO_A) % N_CHROMA;
        let octaves = (note - from_a as f64) / N_CHROMA as f64;
        let distance = N_CHROMA as f64 * (octaves - (octaves + 0.5).floor());
        let widths = 2.0 * distance / width;
        // Beyond the span nothing is left to compute.
        if widths.abs() > SPAN as f64 { 0.0 } else { (-0.5 * widths * widths).exp() }
    };
    let weights: [f64; N_CHROMA] = std::array::from_fn(gaussian);
    let length = weights.iter().map(|weight| weight * weight).sum::<f64>().sqrt();
    let octaves_off = (note / N_CHROMA as f64 - CENTRE_OCTAVE) / OCTAVE_WIDTH;
    let fade = (-0.5 * octaves_off * octaves_off).exp();
    weights.map(|weight| weight / length * fade)
}

/// Mean of each note over the frames of a signal, C first.
pub(crate) struct ChromaMeans<'a, R> {
    /// The bank for the signal's tuning.
    pub(crate) bank: &'a ChromaBank<R>,
    /// Spectra: blocks of [`N_BINS`] vectors.
    pub(crate) power: &'a mut Buffer<R>,
    /// Frames that count; the last block may hold more.
    pub(crate) n_frames: usize,
}

impl<R: Real> Kernel<R> for ChromaMeans<'_, R> {
    type Output = [f64; N_CHROMA];

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) -> [f64; N_CHROMA] {
        let mut totals = [0.0; N_CHROMA];
        let n_blocks = self.n_frames.div_ceil(S::LANES);
        let power = self.power.take(n_blocks * N_BINS * S::LANES);
        for (block, power) in simd.lanes(power).chunks_exact(N_BINS).enumerate() {
            let notes = self.bank.apply(simd, power);
            let n_valid = (self.n_frames - block * S::LANES).min(S::LANES);
            for (total, note) in totals.iter_mut().zip(notes) {
                let mut lanes = [R::default(); MAX_LANES];
                simd.store(note, &mut lanes);
                *total += lanes[..n_valid].iter().map(|value| value.to_f64()).sum::<f64>();
            }
        }
        totals.map(|total| total / self.n_frames as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::{ChromaBank, ChromaMeans, N_CHROMA, note_weights};
    use crate::signals::Noise;
    use crate::spectrum::buffer::Buffer;
    use crate::spectrum::fft::{N_BINS, N_FFT};
    use crate::spectrum::simd::{Kernel, Real, Simd, Tier};
    use crate::tuning::tuning_semitones;

    const RATE: u32 = 22_050;

    /// Means over frames whose spectra are laid out for whatever vector they meet.
    struct Means<'a, R> {
        bank: &'a ChromaBank<R>,
        spectra: &'a [Vec<f64>],
    }

    impl<R: Real> Kernel<R> for Means<'_, R> {
        type Output = [f64; N_CHROMA];

        #[inline(always)]
        fn run<S: Simd<Real = R>>(self, simd: S) -> Self::Output {
            let n_frames = self.spectra.len();
            let mut buffer = Buffer::default();
            let power = buffer.take(n_frames.div_ceil(S::LANES) * N_BINS * S::LANES);
            // What lies beyond the last frame must not count.
            power.fill(R::from_f64(3.0));
            for (frame, spectrum) in self.spectra.iter().enumerate() {
                let block = frame / S::LANES * N_BINS * S::LANES + frame % S::LANES;
                for (bin, value) in spectrum.iter().enumerate() {
                    power[block + bin * S::LANES] = R::from_f64(*value);
                }
            }
            ChromaMeans { bank: self.bank, power: &mut buffer, n_frames }.run(simd)
        }
    }

    /// Every bin lends to every note.
    fn by_definition(spectra: &[Vec<f64>], tuning: f64) -> [f64; N_CHROMA] {
        let a0 = 27.5 * (tuning / 12.0).exp2();
        let note = |bin: usize| 12.0 * (f64::from(RATE) * bin as f64 / N_FFT as f64 / a0).log2();
        let weights: Vec<[f64; N_CHROMA]> = (0..N_BINS)
            .map(|bin| match bin {
                0 => note_weights(note(1) - 18.0, 18.0),
                _ => note_weights(note(bin), (note(bin + 1) - note(bin)).max(1.0)),
            })
            .collect();
        let mut means = [0.0; N_CHROMA];
        for spectrum in spectra {
            let mut notes = [0.0; N_CHROMA];
            for (power, weights) in spectrum.iter().zip(&weights) {
                for (note, weight) in notes.iter_mut().zip(weights) {
                    *note += power * weight;
                }
            }
            let strongest = notes.iter().copied().fold(0.0, f64::max);
            for (mean, note) in means.iter_mut().zip(notes) {
                let scaled = if strongest > 0.0 { note / strongest } else { 0.0 };
                *mean += scaled / spectra.len() as f64;
            }
        }
        means
    }

    fn spectra(n_frames: usize) -> Vec<Vec<f64>> {
        let mut random = Noise::new(n_frames as u64);
        let mut spectra: Vec<Vec<f64>> = (0..n_frames)
            .map(|_| (0..N_BINS).map(|k| random.next().powi(6) / (1.0 + k as f64)).collect())
            .collect();
        spectra[0].fill(0.0);
        spectra
    }

    #[test]
    fn every_tier_finds_the_notes_that_the_definition_gives_at_every_number_of_frames() {
        for (n_frames, tuning) in (1..40).zip((0..100).step_by(7).cycle()) {
            let spectra = spectra(n_frames);
            let expected = by_definition(&spectra, tuning_semitones(tuning));
            let (single, double) = (ChromaBank::new(RATE, tuning), ChromaBank::new(RATE, tuning));
            for tier in Tier::available() {
                let single = f32::dispatch(tier, Means { bank: &single, spectra: &spectra });
                let double = f64::dispatch(tier, Means { bank: &double, spectra: &spectra });
                for (note, expected) in expected.iter().enumerate() {
                    assert!((single[note] - expected).abs() < 2e-6, "{} {note}", tier.name());
                    assert!((double[note] - expected).abs() < 2e-7, "{} {note}", tier.name());
                }
            }
        }
    }

    #[test]
    fn a_tone_is_heard_as_its_note() {
        // Bin 81 is 872 Hz: nearest to A5.
        let mut spectrum = vec![0.0; N_BINS];
        spectrum[81] = 1.0;
        let bank = ChromaBank::<f32>::new(RATE, 50);
        let notes = f32::dispatch(Tier::best(), Means { bank: &bank, spectra: &[spectrum] });
        let loudest = (0..N_CHROMA).max_by(|a, b| notes[*a].total_cmp(&notes[*b]));
        assert_eq!(loudest, Some(9));
    }
}
