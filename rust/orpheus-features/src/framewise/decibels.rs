//! Levels in decibels.

use super::samples::{Samples, Values, usable_spectrogram};
use super::table::{Allocate, load, zeros, zeros_in};
use crate::error::{Error, Result};
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};

/// From powers to decibels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decibels {
    /// The power that is 0 dB.
    pub reference: f64,
    /// Powers below this count as this.
    pub amin: f64,
    /// Levels more than this below the highest count as this far below it.
    pub top_db: Option<f64>,
}

impl Decibels {
    /// Those of librosa: 0 dB is full power, and levels span at most 80 dB.
    pub const LIBROSA: Self = Self { reference: 1.0, amin: 1e-10, top_db: Some(80.0) };

    /// Refuses options that have no logarithm.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if they have not.
    pub(super) fn check(&self) -> Result<()> {
        // The logarithm is defined for normal numbers.
        if !(1.2e-38..=1e38).contains(&self.amin) {
            return Err(Error::parameter("amin", self.amin, "a positive number, 1.2e-38 to 1e38"));
        }
        if !self.reference.is_finite() {
            return Err(Error::parameter("ref", self.reference, "a finite number"));
        }
        match self.top_db {
            Some(range) if range.is_nan() || range < 0.0 => {
                Err(Error::parameter("top_db", range, "a number of at least zero, or none"))
            }
            _ => Ok(()),
        }
    }

    /// Level of each of `values`: powers, or amplitudes that are squared first. Those of float32 are put
    /// into memory from `allocate`.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for options out of range, [`Error::Spectrogram`] for values that are not
    /// finite.
    pub fn of(&self, values: Samples<'_>, squared: bool, allocate: Allocate<'_>) -> Result<Values> {
        self.check()?;
        let tier = Tier::best();
        Ok(match values {
            Samples::F32(values) => {
                let levels = zeros_in(allocate, values.len())?;
                Values::F32(self.fill(tier, values, squared, levels)?)
            }
            Samples::F64(values) => {
                Values::F64(self.fill(tier, values, squared, zeros(values.len())?)?)
            }
        })
    }

    fn fill<R: Real>(
        &self,
        tier: Tier,
        values: &[R],
        squared: bool,
        mut levels: Vec<R>,
    ) -> Result<Vec<R>> {
        usable_spectrogram(values, true)?;
        let kernel = Levels { options: *self, values, squared, output: &mut levels };
        let highest = R::dispatch(tier, kernel);
        if let Some(floor) = self.range_of(highest) {
            let floor = R::from_f64(floor);
            for level in &mut levels {
                *level = if *level < floor { floor } else { *level };
            }
        }
        Ok(levels)
    }

    /// The lowest level there may be, if the highest is `highest`.
    pub(super) fn range_of(&self, highest: f64) -> Option<f64> {
        self.top_db.map(|range| highest - range)
    }

    /// What is taken off every level.
    fn offset(&self) -> f64 {
        10.0 * self.reference.abs().max(self.amin).log10()
    }
}

/// Levels of powers, before they are cut off below.
#[derive(Clone, Copy)]
pub(super) struct LevelOf<V> {
    least: V,
    scale: V,
    offset: V,
}

impl<V: Copy> LevelOf<V> {
    #[inline(always)]
    pub(super) fn new<S: Simd<V = V>>(simd: S, options: &Decibels) -> Self {
        Self {
            least: simd.constant(options.amin),
            scale: simd.constant(10.0 * 2.0_f64.log10()),
            offset: simd.constant(options.offset()),
        }
    }

    /// One vector of them.
    #[inline(always)]
    pub(super) fn level<S: Simd<V = V>>(&self, simd: S, power: V) -> V {
        let octaves = simd.log2(simd.max(power, self.least));
        simd.sub(simd.mul(self.scale, octaves), self.offset)
    }
}

/// Writes levels and gives the highest.
struct Levels<'a, R> {
    options: Decibels,
    values: &'a [R],
    squared: bool,
    output: &'a mut [R],
}

impl<R: Real> Kernel<R> for Levels<'_, R> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) -> f64 {
        let level = LevelOf::new(simd, &self.options);
        let mut highest = simd.constant(f64::from(f32::MIN));
        for (values, levels) in self.values.chunks(S::LANES).zip(self.output.chunks_mut(S::LANES)) {
            let value = load(simd, values);
            let power = if self.squared {
                // The square of what float32 holds may be more than it holds.
                simd.min(simd.mul(value, value), simd.constant(f64::from(f32::MAX)))
            } else {
                value
            };
            let value = level.level(simd, power);
            highest = simd.max(highest, value);
            if levels.len() == S::LANES {
                simd.store(value, levels);
            } else {
                let mut lanes = [R::default(); MAX_LANES];
                simd.store(value, &mut lanes);
                levels.copy_from_slice(&lanes[..levels.len()]);
            }
        }
        largest(simd, highest, S::LANES)
    }
}

/// Largest of the first `n_valid` lanes.
#[inline(always)]
pub(super) fn largest<S: Simd>(simd: S, value: S::V, n_valid: usize) -> f64 {
    let mut lanes = [S::Real::default(); MAX_LANES];
    simd.store(value, &mut lanes);
    lanes[..n_valid].iter().map(|lane| lane.to_f64()).fold(f64::NEG_INFINITY, f64::max)
}
