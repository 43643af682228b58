//! Reproducible random numbers: `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom
//! number generators, OOPSLA 2014).

/// A stream of numbers that its seed determines.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u64,
}

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A stream for one of many things under the same seed, the same whatever came before.
    pub(super) fn of(seed: u64, thing: u64) -> Self {
        let mut stream = Self::new(seed);
        let offset = stream.next();
        Self::new(offset ^ thing.wrapping_mul(GOLDEN_GAMMA))
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A whole number below `end`, which is at least 1. Some come up more often than others by a
    /// part in 2^64 / `end`, which nobody can tell.
    pub(super) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// A number above 0 and up to 1.
    pub(super) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// Puts `items` into random order.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Numbers of at most `n` different `weights`, ascending, each as likely as its weight, which is
    /// not negative: one draw for all, evenly spaced (systematic sampling).
    pub(super) fn weighted_sample(&mut self, n: usize, weights: &[f32]) -> Vec<usize> {
        let total: f64 = weights.iter().copied().filter(|w| w.is_finite()).map(f64::from).sum();
        let step = total / n as f64;
        if n == 0 || step.is_nan() || step <= 0.0 {
            return Vec::new();
        }
        let mut next = step * (1.0 - self.unit());
        let mut sample = Vec::with_capacity(n);
        let mut sum = 0.0;
        for (number, weight) in weights.iter().enumerate().filter(|(_, w)| w.is_finite()) {
            sum += f64::from(*weight);
            if sum > next && sample.len() < n {
                sample.push(number);
                // One that is heavier than a step is taken once.
                next += step * ((sum - next) / step).ceil();
            }
        }
        sample
    }

    /// `n` different numbers below `end`, ascending; all of them if there are no more.
    pub(super) fn sample(&mut self, n: usize, end: usize) -> Vec<usize> {
        let mut wanted = n.min(end);
        let mut sample = Vec::with_capacity(wanted);
        for number in 0..end {
            // Selection sampling (Knuth, The Art of Computer Programming, volume 2, algorithm S).
            if self.below(end - number) < wanted {
                sample.push(number);
                wanted -= 1;
            }
        }
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_holds_different_numbers_in_order_and_as_many_as_there_are() {
        for (n, end) in [(0, 5), (3, 10), (10, 10), (12, 10), (1, 1)] {
            let sample = Random::new(3).sample(n, end);
            assert_eq!(sample.len(), n.min(end));
            assert!(sample.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(sample.iter().all(|&number| number < end));
        }
    }

    #[test]
    fn every_number_is_sampled_equally_often() {
        let mut counts = [0; 10];
        for seed in 0..2000 {
            for number in Random::new(seed).sample(3, 10) {
                counts[number] += 1;
            }
        }
        // Standard deviation 20.5 about 600.
        assert!(counts.iter().all(|count| (500..700).contains(count)), "{counts:?}");
    }

    #[test]
    fn weights_decide_how_often_a_number_is_sampled() {
        let weights = [0.0, 1.0, 3.0, f32::NAN, 0.0, 2.0];
        let mut counts = [0; 6];
        for seed in 0..3000 {
            let sample = Random::new(seed).weighted_sample(2, &weights);
            assert!(sample.windows(2).all(|pair| pair[0] < pair[1]) && sample.len() <= 2);
            for number in sample {
                counts[number] += 1;
            }
        }
        // Two draws of weights that add up to 6: 1,000, 3,000 and 2,000 times of 3,000.
        assert_eq!([counts[0], counts[2], counts[3], counts[4]], [0, 3000, 0, 0]);
        assert!(
            (900..1100).contains(&counts[1]) && (1900..2100).contains(&counts[5]),
            "{counts:?}"
        );
        assert!(Random::new(1).weighted_sample(3, &[0.0; 4]).is_empty());
        assert_eq!(Random::new(1).weighted_sample(3, &[0.0, 5.0]), [1]);
    }

    #[test]
    fn shuffling_loses_nothing_and_the_seed_decides() {
        let shuffled = |seed| {
            let mut items: Vec<usize> = (0..100).collect();
            Random::new(seed).shuffle(&mut items);
            items
        };
        let mut items = shuffled(1);
        assert_eq!(items, shuffled(1));
        assert_ne!(items, shuffled(2));
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
