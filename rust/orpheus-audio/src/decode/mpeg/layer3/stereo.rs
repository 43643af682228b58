//! Joint stereo (ISO/IEC 11172-3 §2.4.3.4.9, ISO/IEC 13818-3 §2.4.3.2).

use std::f32::consts::FRAC_1_SQRT_2;
use std::f64::consts::PI;

use super::bands::{Layout, MAX_BANDS, N_LINES, N_PAIRS, Slot};
use super::scalefactors::Scalefactors;

type Lines = [f32; N_LINES];

/// First position of MPEG-1 that means nothing.
const N_POSITIONS: u8 = 7;

/// Sum and difference of two spectra that were scaled by `1/√2` already.
pub(super) fn sum_and_difference(left: &mut Lines, right: &mut Lines) {
    for (left, right) in left.iter_mut().zip(right) {
        (*left, *right) = (*left + *right, *left - *right);
    }
}

/// The same for blocks of different kinds, whose lines only meet in coded order.
pub(super) fn sum_and_difference_as_coded(
    left: &mut Lines,
    right: &mut Lines,
    slots: [&[Slot; N_PAIRS]; 2],
) {
    for (l, r) in slots[0].iter().zip(slots[1]) {
        for (l, r) in l.at.map(usize::from).into_iter().zip(r.at.map(usize::from)) {
            (left[l], right[r]) = (left[l] + right[r], left[l] - right[r]);
        }
    }
}

/// The right channel's share of what a frame with intensity stereo says.
pub(super) struct Positions<'a> {
    pub(super) layout: &'a Layout,
    pub(super) scalefactors: &'a Scalefactors,
    pub(super) mpeg1: bool,
    /// Whether a step of MPEG-2's positions is 3 dB rather than 1.5 dB.
    pub(super) coarse: bool,
    /// Whether the bands without a position are sum and difference.
    pub(super) mid_side: bool,
}

/// Spreads the left spectrum over both channels, in the bands above the right one's last line.
///
/// Both spectra have the layout of the right channel.
pub(super) fn intensity(positions: &Positions, left: &mut Lines, right: &mut Lines) {
    let layout = positions.layout;
    let n_bands = layout.edges.len() - 1;
    let spread = spread_bands(layout, right);
    for band in 0..n_bands {
        // The highest bands have no scalefactors; the ones below them count.
        let from = match (n_bands - band, layout.n_long == n_bands) {
            (1, true) => band - 1,
            (1..=3, false) => band - 3,
            _ => band,
        };
        let [l, r] = match positions.factors(from).filter(|_| spread[band]) {
            Some([l, r]) => [[l, 0.0], [r, 0.0]],
            None if positions.mid_side => {
                [[FRAC_1_SQRT_2, FRAC_1_SQRT_2], [FRAC_1_SQRT_2, -FRAC_1_SQRT_2]]
            }
            None => continue,
        };
        for at in places(layout, band) {
            let pair = [left[at], right[at]];
            left[at] = pair[0] * l[0] + pair[1] * l[1];
            right[at] = pair[0] * r[0] + pair[1] * r[1];
        }
    }
}

/// Places of the lines of `band`.
fn places(layout: &Layout, band: usize) -> impl Iterator<Item = usize> {
    let [start, end] = [band, band + 1].map(|i| usize::from(layout.edges[i]) / 2);
    layout.slots[start..end].iter().flat_map(|slot| slot.at.map(usize::from))
}

/// The bands above the last line of the right channel, in each window by itself.
fn spread_bands(layout: &Layout, right: &Lines) -> [bool; MAX_BANDS] {
    let n_bands = layout.edges.len() - 1;
    let mut spread = [false; MAX_BANDS];
    let empty = |&band: &usize| places(layout, band).all(|at| right[at] == 0.0);
    for window in 0..3 {
        let bands = (layout.n_long + window..n_bands).step_by(3).rev();
        bands.take_while(empty).for_each(|band| spread[band] = true);
    }
    if spread[layout.n_long..n_bands].iter().all(|&spread| spread) {
        (0..layout.n_long).rev().take_while(empty).for_each(|band| spread[band] = true);
    }
    spread
}

impl Positions<'_> {
    /// Shares of left and right; `None` for a band that has no position.
    fn factors(&self, band: usize) -> Option<[f32; 2]> {
        let position = self.scalefactors.values[band];
        if self.mpeg1 {
            let sine_and_cosine = |angle: f64| [angle.sin(), angle.cos()];
            let [sin, cos] = sine_and_cosine(PI / 12.0 * f64::from(position));
            let shares = [sin, cos].map(|share| (share / (sin + cos)) as f32);
            return (position < N_POSITIONS).then_some(shares);
        }
        let step = if self.coarse { 0.5 } else { 0.25 };
        let share = (-step * f64::from(position.div_ceil(2))).exp2() as f32;
        let shares = if position % 2 == 1 { [share, 1.0] } else { [1.0, share] };
        (position != self.scalefactors.illegal[band]).then_some(shares)
    }
}
