//! Transforms of any length, frame by frame, in float64 whatever the precision of the bins.

use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::framing::Framing;
use super::simd::Real;
use super::stft::Output;

/// Transforms frames of one length.
pub(crate) struct FrameFft {
    plan: Arc<dyn RealToComplex<f64>>,
    framing: Framing,
    /// A value for each sample of a frame.
    window: Vec<f64>,
}

impl fmt::Debug for FrameFft {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FrameFft").field("n_fft", &self.plan.len()).finish_non_exhaustive()
    }
}

/// Memory to transform in.
#[derive(Debug, Default)]
pub(crate) struct FrameScratch {
    samples: Vec<f32>,
    frame: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    plan: Vec<Complex<f64>>,
}

impl FrameFft {
    /// `window` holds a value for each sample of a frame, at most `n_fft`.
    pub(crate) fn new(n_fft: usize, framing: Framing, window: &[f64]) -> Self {
        let plan = RealFftPlanner::new().plan_fft_forward(n_fft);
        Self { plan, framing, window: window.to_vec() }
    }

    /// Transforms `n_lanes` frames of `signal` from `first_frame` on.
    pub(crate) fn run<R: Real>(
        &self,
        (signal, first_frame): (&[f32], usize),
        (output, n_lanes): (Output, usize),
        scratch: &mut FrameScratch,
        bins: &mut [R],
    ) {
        let FrameScratch { samples, frame, spectrum, plan } = scratch;
        samples.resize(self.window.len(), 0.0);
        frame.resize(self.plan.len(), 0.0);
        spectrum.resize(self.plan.complex_len(), Complex::default());
        plan.resize(self.plan.get_scratch_len(), Complex::default());
        for lane in 0..n_lanes {
            let start = self.framing.start_of(first_frame + lane);
            let (inside, after) = frame.split_at_mut(self.window.len());
            self.framing.stage(signal, start, samples);
            for ((place, sample), weight) in inside.iter_mut().zip(&*samples).zip(&self.window) {
                *place = f64::from(*sample) * weight;
            }
            // The transform works in the frame's memory.
            after.fill(0.0);
            // It fails only where lengths differ from the plan's, and these do not.
            let done = self.plan.process_with_scratch(frame, spectrum, plan);
            debug_assert!(done.is_ok());
            let places = bins.chunks_exact_mut(output.n_parts() * n_lanes);
            for (value, places) in spectrum.iter().zip(places) {
                match output {
                    Output::Power => places[lane] = R::from_f64(value.norm_sqr()),
                    Output::Spectrum => {
                        places[lane] = R::from_f64(value.re);
                        places[n_lanes + lane] = R::from_f64(value.im);
                    }
                }
            }
        }
    }
}
