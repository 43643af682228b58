//! The filterbank by itself, which the other layers put their samples through as they are.

use super::hybrid::Rows;
use super::kernel::Kernel;
use super::synthesis::History;

/// Steps of 32 subband samples that fit into one [`Rows`].
pub(in crate::decode::mpeg) const ROWS_STEPS: usize = 18;

/// One channel's filterbank.
pub(in crate::decode::mpeg) struct Filterbank {
    kernel: Kernel,
    history: Box<History>,
}

impl Filterbank {
    pub(in crate::decode::mpeg) fn new() -> Self {
        Self { kernel: Kernel::best(), history: Box::new(History::new()) }
    }

    /// Appends 32 samples for each of the first `n_steps` of `rows`, at most 36.
    pub(in crate::decode::mpeg) fn synthesize(
        &mut self,
        rows: &[Rows; 2],
        n_steps: usize,
        out: &mut Vec<f32>,
    ) {
        let at = out.len();
        out.resize(at + 32 * n_steps, 0.0);
        let samples = out[at..].as_chunks_mut::<32>().0;
        self.kernel.synthesis(&mut self.history, rows, samples);
    }
}
