//! How often a signal changes its sign.

use super::rms::Frames;
use super::samples::{Signals, Values};
use super::table::Table;
use crate::error::{Error, Result};

/// Samples whose signs are kept in one word.
const WORD: usize = u64::BITS as usize;

/// The share of samples of a frame that differ in sign from the one before.
#[derive(Clone, Copy, Debug)]
pub struct ZeroCrossings {
    /// Samples as close to zero as this count as zero.
    pub threshold: f32,
    /// Whether a frame's first sample counts as a crossing.
    pub pad: bool,
    /// Whether zero counts as positive, not as a sign of its own.
    pub zero_is_positive: bool,
}

impl ZeroCrossings {
    /// One line per signal, of the precision of the samples.
    ///
    /// Beyond the ends of a signal that frames are centred on, it does not change.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for a threshold that is not a number, [`Error::TooShort`] if no frame
    /// fits.
    pub fn of(&self, signals: Signals<'_>, frames: Frames) -> Result<Table> {
        if self.threshold.is_nan() || self.threshold < 0.0 {
            return Err(Error::parameter("threshold", self.threshold, "a number of at least zero"));
        }
        let n_frames = frames.count(signals)?;
        let framing = frames.framing();
        let mut rates = Vec::with_capacity(signals.n_signals() * n_frames);
        for signal in 0..signals.n_signals() {
            let samples = signals.signal(signal);
            let crossings = Crossings::of(samples, *self);
            rates.extend((0..n_frames).map(|t| {
                // The first sample of a frame has none before it.
                let start = framing.start_of(t);
                let inside = |at: i64| at.clamp(0, samples.len() as i64 - 1) as usize;
                let last = start + framing.frame_length as i64 - 1;
                let count = crossings.up_to(inside(last)) - crossings.up_to(inside(start));
                let count = count + u64::from(self.pad);
                (count as f64 / framing.frame_length as f64) as f32
            }));
        }
        let shape = [signals.n_signals(), 1, n_frames];
        Ok(Table { values: Values::F32(rates), shape })
    }
}

/// Where a signal crosses zero, so that the crossings between any two samples are counted at once.
struct Crossings {
    /// Bit `n` of word `w` is set if sample `64 w + n` differs from the one before.
    words: Vec<u64>,
    /// Crossings before each word.
    n_before: Vec<u64>,
}

impl Crossings {
    fn of(samples: &[f32], options: ZeroCrossings) -> Self {
        let n_words = samples.len().div_ceil(WORD);
        let (mut words, mut n_before) = (Vec::with_capacity(n_words), Vec::with_capacity(n_words));
        let threshold = options.threshold;
        let (mut last_negative, mut last_positive, mut count) = (None, None, 0);
        for samples in samples.chunks(WORD) {
            let negative = signs(samples, |sample| sample < -threshold);
            let mut word = changes(negative, &mut last_negative, samples.len());
            if !options.zero_is_positive {
                let positive = signs(samples, |sample| sample > threshold);
                word |= changes(positive, &mut last_positive, samples.len());
            }
            n_before.push(count);
            words.push(word);
            count += u64::from(word.count_ones());
        }
        Self { words, n_before }
    }

    /// Crossings at sample `at` and before.
    fn up_to(&self, at: usize) -> u64 {
        let (word, bit) = (at / WORD, at % WORD);
        let mask = u64::MAX >> (WORD - 1 - bit);
        self.n_before[word] + u64::from((self.words[word] & mask).count_ones())
    }
}

/// One bit per sample.
#[inline(always)]
fn signs(samples: &[f32], is_set: impl Fn(f32) -> bool) -> u64 {
    let bits = samples.iter().enumerate();
    bits.fold(0, |word, (at, sample)| word | u64::from(is_set(*sample)) << at)
}

/// Where a bit differs from the one before; `last` is the bit before the first one.
fn changes(bits: u64, last: &mut Option<u64>, n_bits: usize) -> u64 {
    let before = last.unwrap_or(bits & 1);
    *last = Some(bits >> (n_bits - 1) & 1);
    (bits ^ (bits << 1 | before)) & (u64::MAX >> (WORD - n_bits))
}

#[cfg(test)]
mod tests {
    use super::{Frames, Signals, Values, ZeroCrossings};
    use crate::signals::Noise;
    use crate::spectrum::framing::Padding;

    /// Cut into frames, padded with its end values, and counted.
    fn by_definition(samples: &[f32], options: ZeroCrossings, length: i64, hop: usize) -> Vec<f32> {
        let n = samples.len() as i64;
        let sign = |at: i64| match samples[at.clamp(0, n - 1) as usize] {
            x if x < -options.threshold => -1,
            x if x > options.threshold || options.zero_is_positive => 1,
            _ => 0,
        };
        let n_frames = 1 + (n + 2 * (length / 2) - length) as usize / hop;
        let rate = |t: usize| {
            let start = (t * hop) as i64 - length / 2;
            let count = (start + 1..start + length).filter(|at| sign(*at) != sign(at - 1)).count();
            (count + usize::from(options.pad)) as f32 / length as f32
        };
        (0..n_frames).map(rate).collect()
    }

    #[test]
    fn rates_are_those_of_the_definition_at_every_length() {
        let mut random = Noise::new(3);
        let samples: Vec<f32> = (0..700)
            .map(|_| (random.next() as f32 * 3.0).round() / 3.0 + 0.1 * random.next() as f32)
            .collect();
        let lengths = (1..70).chain([127, 128, 129, 191, 700]);
        for (n, (length, hop)) in
            lengths.zip([(1, 1), (2, 1), (7, 3), (64, 64), (65, 200)].into_iter().cycle())
        {
            for choice in 0..4 {
                let options = ZeroCrossings {
                    threshold: 0.2,
                    pad: choice % 2 == 0,
                    zero_is_positive: choice < 2,
                };
                let frames = Frames::new(length, hop, Padding::Edge).unwrap();
                let signals = Signals::new(&samples[..n], n).unwrap();
                let expected = by_definition(&samples[..n], options, length as i64, hop);
                let found = options.of(signals, frames).unwrap();
                assert_eq!(found.values, Values::F32(expected), "{n} samples, {length}, {hop}");
            }
        }
    }
}
