//! The standard's formulas as they stand there, in double precision, without any short cut.

use std::f64::consts::PI;

use super::super::side_info::{BlockType, Shape};
use super::super::synthesis_window::synthesis_window;
use super::writer::{Channel, Format, FrameValues};

/// Pre-emphasis (ISO/IEC 11172-3 table B.6).
const PRETAB: [i32; 22] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 2, 0];
/// Coefficients of the alias reduction (table B.9).
const ALIAS: [f64; 8] = [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037];

/// Decodes frames from their values.
pub(super) struct Reference {
    format: Format,
    overlaps: [[[f64; 18]; 32]; 2],
    v: [Vec<f64>; 2],
}

/// A band: its coded lines, its long or short number, and its window if it is short.
struct Band {
    start: usize,
    end: usize,
    long: Option<usize>,
    window: usize,
}

impl Reference {
    pub(super) fn new(format: Format) -> Self {
        let v = std::array::from_fn(|_| vec![0.0; 1024]);
        Self { format, overlaps: [[[0.0; 18]; 32]; 2], v }
    }

    /// Samples of each channel.
    pub(super) fn decode(&mut self, frame: &FrameValues) -> Vec<Vec<f64>> {
        let mut out = vec![Vec::new(); self.format.n_channels];
        for granule in &frame.granules {
            let mut spectra: Vec<Vec<f64>> =
                granule.iter().map(|channel| self.requantized(channel)).collect();
            if let Some(joint) = frame.joint {
                self.join(joint, &granule[1], &mut spectra);
            }
            for (i, spectrum) in spectra.iter().enumerate() {
                let block = granule[i].block;
                let mut lines = self.reordered(block, spectrum);
                reduce_aliases(block, &mut lines);
                self.filter(i, block, &lines, &mut out[i]);
            }
        }
        out
    }

    fn bands(&self, block: BlockType) -> Vec<Band> {
        let layout = block.layout(self.format.bands());
        let pairs = layout.edges.windows(2).enumerate();
        let band = |(i, pair): (usize, &[u16])| Band {
            start: usize::from(pair[0]),
            end: usize::from(pair[1]),
            long: (i < layout.n_long).then_some(i),
            window: i.saturating_sub(layout.n_long) % 3,
        };
        pairs.map(band).collect()
    }

    /// §2.4.3.4.7.1
    fn requantized(&self, channel: &Channel) -> Vec<f64> {
        let mut out = vec![0.0; 576];
        for (i, band) in self.bands(channel.block).iter().enumerate() {
            let mut a = channel.global_gain as i32 - 210;
            let mut b = i32::from(channel.scalefactors[i]);
            match band.long {
                Some(long) if channel.preflag => b += PRETAB[long],
                Some(_) => {}
                None => a -= 8 * channel.subblock_gain[band.window] as i32,
            }
            let multiplier = if channel.scalefac_scale { 1.0 } else { 0.5 };
            let gain = (f64::from(a) / 4.0 - multiplier * f64::from(b)).exp2();
            for (out, &value) in
                out[band.start..band.end].iter_mut().zip(&channel.values[band.start..])
            {
                let value = f64::from(value);
                *out = value.signum() * value.abs().powf(4.0 / 3.0) * gain;
            }
        }
        out
    }

    /// §2.4.3.4.9, and ISO/IEC 13818-3 §2.4.3.2
    fn join(&self, joint: u8, right: &Channel, spectra: &mut [Vec<f64>]) {
        let bands = self.bands(right.block);
        let n = bands.len();
        let is_zero = |band: &Band| spectra[1][band.start..band.end].iter().all(|&v| v == 0.0);
        let zero: Vec<bool> = bands.iter().map(is_zero).collect();
        let positioned = |i: usize| {
            let above = |j: &usize| match bands[i].long {
                Some(_) => true,
                None => bands[*j].window == bands[i].window,
            };
            joint & 1 == 1 && (i..n).filter(above).all(|j| zero[j])
        };
        let groups = right.scalefactor_groups(&self.format, true);
        for (i, band) in bands.iter().enumerate() {
            let from = match (bands[n - 1].long, n - i) {
                (Some(_), 1) => i - 1,
                (None, 1..=3) => i - 3,
                _ => i,
            };
            let position = right.scalefactors[from];
            let width = groups.iter().find(|g| (g.0..g.1).contains(&from)).map_or(0, |g| g.2);
            let legal = if self.format.mpeg1() {
                position < 7
            } else {
                width == 0 || position < (1 << width) - 1
            };
            for line in band.start..band.end {
                let (l, r) = (spectra[0][line], spectra[1][line]);
                (spectra[0][line], spectra[1][line]) = if positioned(i) && legal {
                    let [left, right] = self.shares(position, right.scalefac_compress & 1 == 1);
                    (l * left, l * right)
                } else if joint & 2 == 2 {
                    ((l + r) * 0.5_f64.sqrt(), (l - r) * 0.5_f64.sqrt())
                } else {
                    (l, r)
                };
            }
        }
    }

    fn shares(&self, position: u8, coarse: bool) -> [f64; 2] {
        if self.format.mpeg1() {
            if position == 6 {
                return [1.0, 0.0];
            }
            let ratio = (f64::from(position) * PI / 12.0).tan();
            return [ratio / (1.0 + ratio), 1.0 / (1.0 + ratio)];
        }
        let io = if coarse { 0.5_f64.sqrt() } else { 0.5_f64.sqrt().sqrt() };
        if position % 2 == 1 {
            [io.powi(i32::from(position).div_euclid(2) + 1), 1.0]
        } else {
            [1.0, io.powi(i32::from(position) / 2)]
        }
    }

    /// §2.4.3.4.8
    fn reordered(&self, block: BlockType, spectrum: &[f64]) -> [f64; 576] {
        let mut out = [0.0; 576];
        let bands = self.bands(block);
        let mut i = 0;
        while i < bands.len() {
            let (start, n) = (bands[i].start, bands[i].end - bands[i].start);
            if bands[i].long.is_some() {
                out[start..start + n].copy_from_slice(&spectrum[start..start + n]);
                i += 1;
                continue;
            }
            for line in 0..3 * n {
                out[start + line] = spectrum[start + line % 3 * n + line / 3];
            }
            i += 3;
        }
        out
    }

    /// Inverse transform, windows, overlap and polyphase synthesis of one granule.
    fn filter(&mut self, channel: usize, block: BlockType, lines: &[f64; 576], out: &mut Vec<f64>) {
        let mut samples = [[0.0; 32]; 18];
        for (subband, overlap) in self.overlaps[channel].iter_mut().enumerate() {
            let low = block.mixed && subband < 2;
            let shape = if low { Shape::Long } else { block.shape };
            let time = inverse(shape, &lines[subband * 18..subband * 18 + 18]);
            for t in 0..18 {
                let sign = if t % 2 == 1 && subband % 2 == 1 { -1.0 } else { 1.0 };
                samples[t][subband] = sign * (time[t] + overlap[t]);
                overlap[t] = time[18 + t];
            }
        }
        for step in samples {
            self.synthesize(channel, &step, out);
        }
    }

    /// The flow chart of figure A.2.
    fn synthesize(&mut self, channel: usize, step: &[f64; 32], out: &mut Vec<f64>) {
        let v = &mut self.v[channel];
        v.copy_within(..1024 - 64, 64);
        for (i, v) in v[..64].iter_mut().enumerate() {
            let terms = step.iter().enumerate();
            *v = terms.map(|(k, s)| s * (((16 + i) * (2 * k + 1)) as f64 * PI / 64.0).cos()).sum();
        }
        for j in 0..32 {
            let mut sum = 0.0;
            for i in 0..8 {
                sum += v[i * 128 + j] * synthesis_window(i * 64 + j);
                sum += v[i * 128 + 96 + j] * synthesis_window(i * 64 + 32 + j);
            }
            out.push(sum);
        }
    }
}

fn reduce_aliases(block: BlockType, lines: &mut [f64; 576]) {
    let n = match (block.shape, block.mixed) {
        (Shape::Short, false) => 0,
        (Shape::Short, true) => 1,
        _ => 31,
    };
    for edge in (1..=n).map(|subband| 18 * subband) {
        for (i, c) in ALIAS.iter().enumerate() {
            let (cs, ca) = (1.0 / (1.0 + c * c).sqrt(), c / (1.0 + c * c).sqrt());
            let (low, high) = (lines[edge - 1 - i], lines[edge + i]);
            lines[edge - 1 - i] = low * cs - high * ca;
            lines[edge + i] = high * cs + low * ca;
        }
    }
}

/// §2.4.3.4.10.2 and .3
fn inverse(shape: Shape, lines: &[f64]) -> [f64; 36] {
    let transform = |x: &[f64], n: usize, i: usize| -> f64 {
        let angle = |k: usize| PI / (2 * n) as f64 * ((2 * i + 1 + n / 2) * (2 * k + 1)) as f64;
        x.iter().enumerate().map(|(k, x)| x * angle(k).cos()).sum()
    };
    let sine = |n: usize, i: usize| (PI / n as f64 * (i as f64 + 0.5)).sin();
    let mut out = [0.0; 36];
    if shape == Shape::Short {
        for w in 0..3 {
            let x: Vec<f64> = (0..6).map(|k| lines[3 * k + w]).collect();
            (0..12).for_each(|i| out[6 + 6 * w + i] += transform(&x, 12, i) * sine(12, i));
        }
        return out;
    }
    for (i, out) in out.iter_mut().enumerate() {
        let window = match (shape, i) {
            (Shape::Start, 18..24) | (Shape::Stop, 12..18) => 1.0,
            (Shape::Start, 24..30) => sine(12, i - 18),
            (Shape::Stop, 6..12) => sine(12, i - 6),
            (Shape::Start, 30..) | (Shape::Stop, 0..6) => 0.0,
            _ => sine(36, i),
        };
        *out = transform(lines, 36, i) * window;
    }
    out
}
