//! Temporal noise shaping: filters along the lines (ISO/IEC 14496-3 §4.6.9).

use std::f64::consts::FRAC_PI_2;

use super::Fault;
use super::bands::Bands;
use super::spectrum::MAX_LINES;
use super::window::WindowInfo;
use crate::decode::bits::Bits;

/// `TNS_MAX_ORDER` of AAC-LC; of short windows it is 7.
const MAX_ORDER: usize = 12;

/// `tns_data` of one frame.
#[derive(Debug, Default)]
pub(super) struct Tns {
    /// Of each window, from its highest bands down.
    filters: [[Option<Filter>; 3]; 8],
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Filter {
    /// In bands.
    length: usize,
    downwards: bool,
    /// Of the all-pole filter, without the leading 1; none: only bands are passed.
    coefficients: [f32; MAX_ORDER],
    order: usize,
}

impl Tns {
    pub(super) fn read(bits: &mut Bits<'_>, info: &WindowInfo) -> Result<Box<Self>, Fault> {
        let is_short = info.is_short();
        let mut tns = Box::<Self>::default();
        for filters in tns.filters.iter_mut().take(if is_short { 8 } else { 1 }) {
            let n_filters = bits.read(if is_short { 1 } else { 2 }) as usize;
            let n_bits = if n_filters > 0 { 3 + bits.read(1) } else { 0 };
            for filter in &mut filters[..n_filters] {
                *filter = Some(Filter::read(bits, is_short, n_bits)?);
            }
        }
        Ok(tns)
    }

    /// Filters the lines of all windows in place.
    pub(super) fn filter(&self, info: &WindowInfo, bands: &Bands, lines: &mut [f32; MAX_LINES]) {
        let edges = info.edges(bands);
        let limit = bands.tns_limits[usize::from(info.is_short())].min(info.n_bands);
        for (filters, (_, start)) in self.filters.iter().zip(info.windows()) {
            let mut top = edges.len() - 1;
            for filter in filters.iter().flatten() {
                let bottom = top.saturating_sub(filter.length);
                let edge = |band: usize| start + usize::from(edges[band.min(limit)]);
                filter.run(&mut lines[edge(bottom)..edge(top)]);
                top = bottom;
            }
        }
    }
}

impl Filter {
    /// With reflection coefficients of `n_bits`, or one less if `coef_compress` says so.
    fn read(bits: &mut Bits<'_>, is_short: bool, n_bits: u32) -> Result<Self, Fault> {
        let mut filter = Self {
            length: bits.read(if is_short { 4 } else { 6 }) as usize,
            order: bits.read(if is_short { 3 } else { 5 }) as usize,
            ..Self::default()
        };
        if filter.order > MAX_ORDER {
            return Err("temporal noise shaping of too high an order");
        }
        if filter.order > 0 {
            filter.downwards = bits.flag();
            let n_coded = n_bits - bits.read(1);
            let mut reflections = [0.0; MAX_ORDER];
            for reflection in &mut reflections[..filter.order] {
                *reflection = reflection_of(bits.read(n_coded), n_coded, n_bits);
            }
            filter.coefficients = predictor(&reflections[..filter.order]);
        }
        Ok(filter)
    }

    /// y[n] = x[n] − Σ a[i] y[n − i].
    fn run(&self, lines: &mut [f32]) {
        if self.order == 0 {
            return;
        }
        // All orders run as the highest: the coefficients behind the last are 0. Each output is
        // prepared for the next ones at once, so that only the last product has to be waited for.
        let a = &self.coefficients;
        let mut state = [0.0_f32; MAX_ORDER + 1];
        let mut step = |line: &mut f32| {
            let value = *line - state[0];
            *line = value;
            for i in 0..MAX_ORDER {
                state[i] = state[i + 1] + a[i] * value;
            }
        };
        if self.downwards {
            lines.iter_mut().rev().for_each(&mut step);
        } else {
            lines.iter_mut().for_each(&mut step);
        }
    }
}

/// A quantised reflection coefficient (§4.6.9.3).
fn reflection_of(coded: u32, n_coded: u32, n_bits: u32) -> f64 {
    let is_negative = coded >> (n_coded - 1) == 1;
    let value = f64::from(coded) - if is_negative { f64::from(1 << n_coded) } else { 0.0 };
    let half = f64::from(1 << (n_bits - 1));
    let steps = if is_negative { half + 0.5 } else { half - 0.5 };
    (value * FRAC_PI_2 / steps).sin()
}

/// Reflection coefficients → direct form.
fn predictor(reflections: &[f64]) -> [f32; MAX_ORDER] {
    let mut a = [0.0; MAX_ORDER];
    for (m, &reflection) in reflections.iter().enumerate() {
        let last = a;
        for i in 0..m {
            a[i] = last[i] + reflection * last[m - 1 - i];
        }
        a[m] = reflection;
    }
    a.map(|a| a as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_follow_their_formula_in_both_directions() {
        let coefficients = predictor(&[0.5, -0.3, 0.2]);
        for downwards in [false, true] {
            let filter = Filter { length: 1, downwards, coefficients, order: 3 };
            let lines: Vec<f32> = (0..40).map(|i| ((i * i) as f32 * 0.3).sin()).collect();
            let mut got = lines.clone();
            filter.run(&mut got);
            let at = |n: usize| if downwards { 39 - n } else { n };
            for n in 0..40 {
                let past = |i: &usize| coefficients[i - 1] * got[at(n - i)];
                let wanted = lines[at(n)] - (1..=n.min(3)).map(|i| past(&i)).sum::<f32>();
                assert!((got[at(n)] - wanted).abs() < 1e-6, "{n}");
            }
        }
    }

    #[test]
    fn reflection_coefficients_are_those_of_the_standard() {
        for (coded, n_coded, n_bits, value, steps) in [
            (0b0111, 4, 4, 7.0, 7.5),
            (0b1000, 4, 4, -8.0, 8.5),
            (0b01, 2, 3, 1.0, 3.5),
            (0b11, 2, 3, -1.0, 4.5),
        ] {
            let wanted: f64 = value * FRAC_PI_2 / steps;
            assert!((reflection_of(coded, n_coded, n_bits) - wanted.sin()).abs() < 1e-12);
        }
        let direct = predictor(&[0.5, 0.25]).map(|a| (a * 1000.0) as i32);
        assert_eq!(direct[..3], [625, 250, 0]);
    }
}
