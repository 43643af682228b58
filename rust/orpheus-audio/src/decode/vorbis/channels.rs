//! The spectra of a block's channels (Vorbis I §4.3.2 to §4.3.6).

use super::bits::Bits;
use super::residue::Residue;
use super::setup::{Mapping, Setup};

/// One channel of the block in the works.
pub(super) struct Channel {
    curve: Vec<f32>,
    pub(super) spectrum: Vec<f32>,
    /// Whether it has an envelope: without one it is silent.
    sounds: bool,
    /// Whether the packet holds a residue for it: a silent channel may be coupled with one that sounds.
    coded: bool,
}

impl Channel {
    pub(super) fn new(n_lines: usize) -> Self {
        Self {
            curve: vec![0.0; n_lines],
            spectrum: vec![0.0; n_lines],
            sounds: false,
            coded: false,
        }
    }
}

/// Room to work in.
#[derive(Default)]
pub(super) struct Scratch {
    woven: Vec<f32>,
    classes: Vec<u8>,
}

/// What a packet holds, and how to read it.
pub(super) struct Coded<'a> {
    pub(super) setup: &'a Setup,
    pub(super) mapping: &'a Mapping,
    pub(super) n_lines: usize,
}

impl Coded<'_> {
    /// Every channel's spectrum, under its envelope.
    #[inline(always)]
    pub(super) fn read(
        &self,
        bits: &mut Bits<'_>,
        channels: &mut [Channel],
        scratch: &mut Scratch,
    ) {
        self.read_curves(bits, channels);
        self.read_spectra(bits, channels, scratch);
        for channel in channels {
            let spectrum = &mut channel.spectrum[..self.n_lines];
            for (line, height) in spectrum.iter_mut().zip(&channel.curve) {
                *line *= height;
            }
        }
    }

    /// The mean of all channels, under their envelopes, into the first one's spectrum.
    #[inline(always)]
    pub(super) fn read_mean(
        &self,
        bits: &mut Bits<'_>,
        channels: &mut [Channel],
        scratch: &mut Scratch,
    ) {
        self.read_curves(bits, channels);
        if let Some(residue) = self.residue_of_pair()
            && let [first, second] = channels
        {
            let woven = self.read_woven(bits, residue, first.coded, 2, scratch);
            mix_pair(woven, first, second);
            return;
        }
        self.read_spectra(bits, channels, scratch);
        mix(channels, self.n_lines);
    }

    /// The residue of two coupled channels that come woven together: what stereo usually is.
    fn residue_of_pair(&self) -> Option<&Residue> {
        let Mapping { couplings, multiplex, submaps } = self.mapping;
        let [first, second] = multiplex[..] else { return None };
        let residue = &self.setup.residues[submaps[first].1];
        (first == second && couplings[..] == [(0, 1)] && residue.is_woven()).then_some(residue)
    }

    /// §4.3.2 and §4.3.3.
    #[inline(always)]
    fn read_curves(&self, bits: &mut Bits<'_>, channels: &mut [Channel]) {
        for (channel, &submap) in channels.iter_mut().zip(&self.mapping.multiplex) {
            let floor = &self.setup.floors[self.mapping.submaps[submap].0];
            let curve = &mut channel.curve[..self.n_lines];
            channel.sounds = floor.curve(bits, &self.setup.books, curve);
            channel.coded = channel.sounds;
            if !channel.sounds {
                curve.fill(0.0);
            }
        }
        for &(magnitude, angle) in &self.mapping.couplings {
            let coded = channels[magnitude].coded || channels[angle].coded;
            (channels[magnitude].coded, channels[angle].coded) = (coded, coded);
        }
    }

    #[inline(always)]
    fn read_spectra(&self, bits: &mut Bits<'_>, channels: &mut [Channel], scratch: &mut Scratch) {
        for channel in &mut *channels {
            channel.spectrum[..self.n_lines].fill(0.0);
        }
        self.read_residues(bits, channels, scratch);
        for &(magnitude, angle) in self.mapping.couplings.iter().rev() {
            uncouple(channels, magnitude, angle, self.n_lines);
        }
    }

    /// §4.3.4.
    #[inline(always)]
    fn read_residues(&self, bits: &mut Bits<'_>, channels: &mut [Channel], scratch: &mut Scratch) {
        let n_lines = self.n_lines;
        for (number, &(_, residue)) in self.mapping.submaps.iter().enumerate() {
            let residue = &self.setup.residues[residue];
            let mut own: Vec<&mut Channel> = channels
                .iter_mut()
                .zip(&self.mapping.multiplex)
                .filter_map(|(channel, &submap)| (submap == number).then_some(channel))
                .collect();
            let is_coded = own.iter().any(|channel| channel.coded);
            if is_coded && residue.is_woven() {
                let woven = self.read_woven(bits, residue, true, own.len(), scratch);
                unweave(woven, &mut own, n_lines);
            } else if is_coded {
                let coded = own.iter_mut().filter(|channel| channel.coded);
                let mut targets: Vec<&mut [f32]> =
                    coded.map(|channel| &mut channel.spectrum[..n_lines]).collect();
                residue.add(bits, &self.setup.books, &mut targets, &mut scratch.classes);
            }
        }
    }

    /// The lines of `n_channels` channels in turn.
    #[inline(always)]
    fn read_woven<'s>(
        &self,
        bits: &mut Bits<'_>,
        residue: &Residue,
        is_coded: bool,
        n_channels: usize,
        scratch: &'s mut Scratch,
    ) -> &'s [f32] {
        scratch.woven.clear();
        scratch.woven.resize(n_channels * self.n_lines, 0.0);
        if is_coded {
            let mut targets = [scratch.woven.as_mut_slice()];
            residue.add(bits, &self.setup.books, &mut targets, &mut scratch.classes);
        }
        &scratch.woven
    }
}

#[inline(always)]
fn unweave(woven: &[f32], channels: &mut [&mut Channel], n_lines: usize) {
    if let [left, right] = channels {
        // The usual case, in a form that becomes vector code.
        let targets = left.spectrum[..n_lines].iter_mut().zip(&mut right.spectrum[..n_lines]);
        for ((left, right), pair) in targets.zip(woven.as_chunks::<2>().0) {
            (*left, *right) = (pair[0], pair[1]);
        }
        return;
    }
    let n_channels = channels.len();
    for (number, channel) in channels.iter_mut().enumerate() {
        let own = woven.iter().skip(number).step_by(n_channels);
        for (line, value) in channel.spectrum[..n_lines].iter_mut().zip(own) {
            *line = *value;
        }
    }
}

/// §4.3.5: magnitude and angle → two channels.
#[inline(always)]
fn uncouple(channels: &mut [Channel], magnitude: usize, angle: usize, n_lines: usize) {
    let Ok([magnitude, angle]) = channels.get_disjoint_mut([magnitude, angle]) else { return };
    let pairs = magnitude.spectrum[..n_lines].iter_mut().zip(&mut angle.spectrum[..n_lines]);
    for (first, second) in pairs {
        (*first, *second) = uncoupled(*first, *second);
    }
}

#[inline(always)]
fn uncoupled(magnitude: f32, angle: f32) -> (f32, f32) {
    let signed = if magnitude > 0.0 { angle } else { -angle };
    let first = magnitude + if angle > 0.0 { 0.0 } else { signed };
    let second = magnitude - if angle > 0.0 { signed } else { 0.0 };
    (first, second)
}

/// The mean of all channels, under their envelopes, into the first one's spectrum.
#[inline(always)]
fn mix(channels: &mut [Channel], n_lines: usize) {
    let scale = 1.0 / channels.len() as f32;
    let Some((first, others)) = channels.split_first_mut() else { return };
    let sum = &mut first.spectrum[..n_lines];
    if let [other] = others {
        let under = other.spectrum[..n_lines].iter().zip(&other.curve);
        for ((line, height), (other, other_height)) in sum.iter_mut().zip(&first.curve).zip(under) {
            *line = scale * (*line * height + other * other_height);
        }
        return;
    }
    for (line, height) in sum.iter_mut().zip(&first.curve) {
        *line *= scale * height;
    }
    for other in others {
        for (line, (other, height)) in sum.iter_mut().zip(other.spectrum.iter().zip(&other.curve)) {
            *line += scale * other * height;
        }
    }
}

/// [`unweave`], [`uncouple`] and [`mix`] of two channels, in one pass.
#[inline(always)]
fn mix_pair(woven: &[f32], first: &mut Channel, second: &Channel) {
    let lines = first.spectrum.iter_mut().zip(woven.as_chunks::<2>().0);
    let heights = first.curve.iter().zip(&second.curve);
    for ((line, &[magnitude, angle]), (first, second)) in lines.zip(heights) {
        let values = uncoupled(magnitude, angle);
        *line = 0.5 * (values.0 * first + values.1 * second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_over_a_pair_is_the_three_it_stands_for() {
        let n_lines = 61;
        let values = [-1.5, -0.0, 0.0, 0.25, 3.0];
        let value = |i: usize, k: usize| values[(i * k + i / 5) % 5];
        let woven: Vec<f32> = (0..2 * n_lines).map(|i| value(i, 3)).collect();
        let channel = |k: usize| {
            let mut channel = Channel::new(n_lines);
            channel.curve = (0..n_lines).map(|i| 0.1 + (i * k % 7) as f32).collect();
            channel
        };
        let mut pair = [channel(3), channel(5)];
        let [first, second] = &mut pair;
        mix_pair(&woven, first, second);
        let mut steps = [channel(3), channel(5)];
        unweave(&woven, &mut steps.iter_mut().collect::<Vec<_>>(), n_lines);
        uncouple(&mut steps, 0, 1, n_lines);
        mix(&mut steps, n_lines);
        assert_eq!(pair[0].spectrum, steps[0].spectrum);
        assert!(steps[0].spectrum.iter().any(|line| *line != 0.0));
    }
}
