//! Several rates out of one signal.

use super::check;
use super::design::greatest_common_divisor;
use super::engine::Engine;
use super::quality::Quality;
use crate::error::Result;

/// Converts one channel from one sample rate to several others at once, block by block.
///
/// The rates share what they can: three cost about half as much again as the dearest of them. Each
/// output is what a [`Resampler`](super::Resampler) between the same two rates gives, to its own
/// rounding (−125 dB or better), and where the blocks begin and end makes no difference to any bit.
#[derive(Debug)]
pub struct Fan {
    from_hz: u32,
    to_hz: Vec<u32>,
    n_in: u64,
    /// Of each output.
    n_out: Vec<u64>,
    parts: Vec<Part>,
}

/// Rates that share their work.
#[derive(Debug)]
struct Part {
    engine: Engine,
    /// Number of the output of each rate.
    places: Vec<usize>,
}

impl Fan {
    /// At the start of a signal, with one output for each of `to_hz`.
    ///
    /// # Errors
    ///
    /// As [`Resampler::new`](super::Resampler::new), for each pair of rates.
    pub fn new(from_hz: u32, to_hz: &[u32], quality: Quality) -> Result<Self> {
        to_hz.iter().try_for_each(|&to| check(from_hz, to))?;
        let rates = |places: &[usize]| places.iter().map(|&place| to_hz[place]).collect::<Vec<_>>();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for place in 0..to_hz.len() {
            let shares = |group: &&mut Vec<usize>| {
                let together = [group.as_slice(), &[place]].concat();
                Engine::can_share(from_hz, &rates(&together), quality)
            };
            match groups.iter_mut().find(shares) {
                Some(group) => group.push(place),
                None => groups.push(vec![place]),
            }
        }
        let part = |places: Vec<usize>| {
            let engine = Engine::new(from_hz, &rates(&places), quality);
            Part { engine, places }
        };
        let parts = groups.into_iter().map(part).collect();
        let n_out = vec![0; to_hz.len()];
        Ok(Self { from_hz, to_hz: to_hz.to_vec(), n_in: 0, n_out, parts })
    }

    /// Takes the next `input` and appends to each of `outputs` what is complete by now.
    ///
    /// # Panics
    ///
    /// If there is not one output for each rate.
    pub fn process(&mut self, input: &[f32], outputs: &mut [Vec<f32>]) {
        assert_eq!(outputs.len(), self.to_hz.len(), "one output for each rate");
        self.n_in += input.len() as u64;
        for (&to, output) in self.to_hz.iter().zip(&mut *outputs) {
            output.reserve(self.length_at(to, input.len() as u64) as usize);
        }
        for part in &mut self.parts {
            part.push(input, outputs, &mut self.n_out);
        }
    }

    /// Ends the signal: appends what is left, so that `ceil(n_in · to_hz / from_hz)` samples have come
    /// out altogether for each rate, and goes back to the start.
    ///
    /// # Panics
    ///
    /// If there is not one output for each rate.
    pub fn finish(&mut self, outputs: &mut [Vec<f32>]) {
        const SILENCE: [f32; 1024] = [0.0; 1024];
        assert_eq!(outputs.len(), self.to_hz.len(), "one output for each rate");
        let wanted: Vec<u64> = self.to_hz.iter().map(|&to| self.length_at(to, self.n_in)).collect();
        for part in &mut self.parts {
            while part.places.iter().any(|&place| self.n_out[place] < wanted[place]) {
                part.push(&SILENCE, outputs, &mut self.n_out);
            }
        }
        for ((output, wanted), n_out) in outputs.iter_mut().zip(wanted).zip(&self.n_out) {
            output.truncate(output.len() - n_out.saturating_sub(wanted) as usize);
        }
        self.reset();
    }

    /// Back to the start, as new; what was held back is forgotten.
    pub fn reset(&mut self) {
        self.n_in = 0;
        self.n_out.fill(0);
        self.parts.iter_mut().for_each(|part| part.engine.reset());
    }

    /// As [`Resampler::reach`](super::Resampler::reach), the furthest of all rates.
    #[must_use]
    pub fn reach(&self) -> u64 {
        self.parts.iter().map(|part| part.engine.reach()).max().unwrap_or(0)
    }

    /// Input samples after which all outputs fall on an input's time again: a conversion can begin in
    /// the middle of a signal at multiples of it, as [`Resampler::reach`](super::Resampler::reach)
    /// says. Divides `from_hz`.
    #[must_use]
    pub fn period(&self) -> u64 {
        common_period(self.from_hz, &self.to_hz)
    }

    /// Outputs at `to` that `n_in` inputs last.
    pub(super) fn length_at(&self, to: u32, n_in: u64) -> u64 {
        (u128::from(n_in) * u128::from(to)).div_ceil(u128::from(self.from_hz)) as u64
    }
}

impl Part {
    /// Appends what `input` completes, and counts it.
    fn push(&mut self, input: &[f32], outputs: &mut [Vec<f32>], n_out: &mut [u64]) {
        let n_before: Vec<usize> = self.places.iter().map(|&place| outputs[place].len()).collect();
        self.engine.push(input, &self.places, outputs);
        for (&place, n_before) in self.places.iter().zip(n_before) {
            n_out[place] += (outputs[place].len() - n_before) as u64;
        }
    }
}

/// The least number of samples at `from_hz` that are whole numbers of samples at all other rates.
pub(super) fn common_period(from_hz: u32, to_hz: &[u32]) -> u64 {
    let from = u64::from(from_hz);
    to_hz.iter().fold(1, |period, &to| {
        let own = from / greatest_common_divisor(from, u64::from(to));
        period / greatest_common_divisor(period, own) * own
    })
}
