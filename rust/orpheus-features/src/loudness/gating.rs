//! Blocks of loudness, their gates, and what is read off them.
//!
//! All blocks start at a tenth of a second, and are sums of tenths: 400 ms overlapping by three
//! quarters (BS.1770), and 3 s (EBU Tech 3341 and 3342). A signal shorter than a block is one block.

/// Tenths of a second in a block of momentary loudness, and of short-term loudness.
const MOMENTARY: usize = 4;
const SHORT_TERM: usize = 30;

/// Blocks below this many LUFS never count.
const ABSOLUTE_GATE: f64 = -70.0;
/// Nor do blocks this far below the mean of those that passed the first gate.
const INTEGRATED_GATE: f64 = -10.0;
const RANGE_GATE: f64 = -20.0;
/// The loudness range lies between these shares of the blocks.
const RANGE_SHARES: [f64; 2] = [0.10, 0.95];
/// What makes the loudness of a sine at 1 kHz equal to its level.
const OFFSET: f64 = -0.691;

/// Energy to loudness.
fn lufs(mean_square: f64) -> f64 {
    OFFSET + 10.0 * mean_square.log10()
}

/// Loudness to energy.
fn mean_square(lufs: f64) -> f64 {
    10.0_f64.powf((lufs - OFFSET) / 10.0)
}

/// Energy of every tenth of a second so far.
#[derive(Debug)]
pub(super) struct Tenths {
    sample_rate: u64,
    /// Of whole tenths, with their lengths in samples: they differ where the rate is no multiple of
    /// ten.
    whole: Vec<Tenth>,
    /// The one that is being filled.
    current: Tenth,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tenth {
    energy: f64,
    n_samples: usize,
}

impl Tenths {
    pub(super) fn new(sample_rate: u32) -> Self {
        Self { sample_rate: sample_rate.into(), whole: Vec::new(), current: Tenth::default() }
    }

    /// Samples until the current tenth is full; at least one.
    pub(super) fn n_left(&self) -> usize {
        let edge = |number: usize| (number as u64 * self.sample_rate / 10) as usize;
        let length = edge(self.whole.len() + 1) - edge(self.whole.len());
        (length - self.current.n_samples).max(1)
    }

    /// Adds the energy of `n_samples`, no more than are left.
    pub(super) fn add(&mut self, energy: f64, n_samples: usize) {
        let full = n_samples == self.n_left();
        self.current.energy += energy;
        self.current.n_samples += n_samples;
        if full {
            self.whole.push(std::mem::take(&mut self.current));
        }
    }

    /// The blocks.
    pub(super) fn finish(self) -> Blocks {
        let mut all = self.whole.clone();
        if self.current.n_samples > 0 {
            all.push(self.current);
        }
        // What is left over belongs to a block only where there is no whole one.
        let blocks = |length: usize| {
            if self.whole.len() < length { vec![mean(&all)] } else { means(&self.whole, length) }
        };
        let (momentary, short_term) = (blocks(MOMENTARY), blocks(SHORT_TERM));
        Blocks { momentary, short_term }
    }
}

/// Mean squares of all blocks of `length` tenths. Each is a sum of its own: a running one would
/// leave the rounding errors of something loud behind in the silence after it.
fn means(tenths: &[Tenth], length: usize) -> Vec<f64> {
    tenths.windows(length).map(mean).collect()
}

fn mean(tenths: &[Tenth]) -> f64 {
    let energy: f64 = tenths.iter().map(|tenth| tenth.energy).sum();
    let n_samples: usize = tenths.iter().map(|tenth| tenth.n_samples).sum();
    energy / n_samples.max(1) as f64
}

/// Mean squares of all blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    momentary: Vec<f64>,
    short_term: Vec<f64>,
}

impl Blocks {
    pub(super) fn momentary_max(&self) -> f64 {
        lufs(largest(&self.momentary))
    }

    pub(super) fn short_term_max(&self) -> f64 {
        lufs(largest(&self.short_term))
    }

    /// BS.1770: the mean of the momentary blocks that pass both gates.
    pub(super) fn integrated(&self) -> f64 {
        let passed = gated(&self.momentary, INTEGRATED_GATE);
        lufs(passed.iter().sum::<f64>() / passed.len().max(1) as f64)
    }

    /// EBU Tech 3342: how far the quiet short-term blocks are from the loud ones.
    pub(super) fn range(&self) -> f64 {
        let mut passed = gated(&self.short_term, RANGE_GATE);
        if passed.is_empty() {
            return 0.0;
        }
        passed.sort_by(f64::total_cmp);
        let [low, high] = RANGE_SHARES.map(|share| {
            let place = (share * (passed.len() - 1) as f64).round() as usize;
            lufs(passed[place.min(passed.len() - 1)])
        });
        high - low
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// The blocks above the absolute gate and above the one `relative` LU below the mean of those.
fn gated(blocks: &[f64], relative: f64) -> Vec<f64> {
    let least = mean_square(ABSOLUTE_GATE);
    let heard = || blocks.iter().copied().filter(|block| *block > least);
    let (sum, count) = heard().fold((0.0, 0_usize), |(sum, n), block| (sum + block, n + 1));
    let gate = sum / count.max(1) as f64 * 10.0_f64.powf(relative / 10.0);
    heard().filter(|block| *block > gate).collect()
}

#[cfg(test)]
mod tests {
    use super::Tenths;

    #[test]
    fn tenths_of_an_odd_rate_add_up_to_seconds() {
        let mut tenths = Tenths::new(11_025);
        let mut total = 0;
        for _ in 0..100 {
            let n_samples = tenths.n_left();
            tenths.add(1.0, n_samples);
            total += n_samples;
        }
        assert_eq!((total, tenths.whole.len()), (110_250, 100));
    }

    #[test]
    fn what_is_quiet_is_gated_out() {
        let mut tenths = Tenths::new(48_000);
        // 10 s loud, 10 s 30 dB below, 10 s below the absolute gate.
        for energy in [4800.0, 4.8, 4.8e-5] {
            (0..100).for_each(|_| tenths.add(energy, 4800));
        }
        let blocks = tenths.finish();
        // Three blocks at the edge hold some of both.
        assert!((blocks.integrated() + 0.691).abs() < 0.1, "{}", blocks.integrated());
        assert!((blocks.momentary_max() + 0.691).abs() < 1e-9);
        assert!(blocks.range() < 12.0, "{}", blocks.range());
    }
}
