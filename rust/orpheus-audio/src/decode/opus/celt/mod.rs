//! The transform layer (RFC 6716 §4.3), in float32.

mod allocation;
mod bands;
mod energy;
mod haar;
mod kernel;
#[cfg(target_arch = "x86_64")]
mod kernel_avx2;
mod partition;
mod pvq;
mod synthesis;
mod tables;
mod theta;

use self::allocation::Allocation;
use self::bands::{Hits, MAX_FRAME, Plan, SHORT, Scratch, Spectrum};
use self::energy::{Energies, Extent};
use self::kernel::Kernel;
use self::pvq::Spread;
use self::synthesis::{Channel, Pitch, Pitches};
use self::tables::{BAND_STARTS, MEAN_ENERGY, N_BANDS, SPREAD, TAPSET, TF_CHANGE};
use super::packet::Bandwidth;
use super::range::{BIT_RESOLUTION, RangeDecoder};

/// Hybrid frames leave the bands below 8 kHz to the other layer.
const HYBRID_START: usize = 17;
/// Energy of nothing.
const SILENCE: f32 = -28.0;

/// What of a frame this layer codes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// 120, 240, 480 or 960 samples.
    pub(super) frame_length: usize,
    pub(super) stereo: bool,
    pub(super) hybrid: bool,
    pub(super) bandwidth: Bandwidth,
}

impl Layout {
    fn extent(self) -> Extent {
        let end = match self.bandwidth {
            Bandwidth::Narrow => 13,
            Bandwidth::Medium | Bandwidth::Wide => 17,
            Bandwidth::SuperWide => 19,
            Bandwidth::Full => 21,
        };
        Extent {
            start: if self.hybrid { HYBRID_START } else { 0 },
            end,
            n_channels: if self.stereo { 2 } else { 1 },
            size_log: (self.frame_length / SHORT).ilog2() as usize,
        }
    }
}

/// What a frame says before its allocation.
struct Header {
    silent: bool,
    pitch: Pitch,
    transient: bool,
    intra: bool,
}

impl Header {
    fn decode(range: &mut RangeDecoder, extent: Extent) -> Self {
        let total = range.n_bits_total();
        let tell = range.tell();
        let silent = tell >= total || (tell == 1 && range.flag(15));
        if silent {
            range.exhaust();
        }
        let filtered = extent.start == 0 && range.tell() + 16 <= total && range.flag(1);
        let pitch = if filtered { decode_pitch(range) } else { Pitch::NONE };
        let transient = extent.size_log > 0 && range.tell() + 3 <= total && range.flag(3);
        let intra = range.tell() + 3 <= total && range.flag(3);
        Self { silent, pitch, transient, intra }
    }
}

/// §4.3.7.1.
fn decode_pitch(range: &mut RangeDecoder) -> Pitch {
    let octave = range.uniform(6);
    let period = ((16 << octave) + range.raw(4 + octave)) as usize - 1;
    let gain = 0.093_75 * (range.raw(3) + 1) as f32;
    let more = range.tell() + 2 <= range.n_bits_total();
    let tapset = if more { range.icdf(&TAPSET, 2) } else { 0 };
    Pitch { period, gain, tapset }
}

/// Changes of the resolution of each band (§4.3.4.5).
fn decode_tf(range: &mut RangeDecoder, extent: Extent, transient: bool) -> [i32; N_BANDS] {
    let mut flags = [0; N_BANDS];
    let total = range.n_bits_total();
    let mut log_p = if transient { 2 } else { 4 };
    let reserve = i32::from(extent.size_log > 0 && range.tell() + log_p < total);
    let (mut flag, mut any) = (0, 0);
    for entry in &mut flags[extent.start..extent.end] {
        if range.tell() + log_p <= total - reserve {
            flag ^= usize::from(range.flag(log_p as u32));
            any |= flag;
        }
        *entry = flag;
        log_p = if transient { 4 } else { 5 };
    }
    let table = &TF_CHANGE[extent.size_log];
    let row = if transient { 4 } else { 0 };
    let matters = table[row + any] != table[row + 2 + any];
    let select = if reserve == 1 && matters && range.flag(1) { 2 } else { 0 };
    flags.map(|flag| i32::from(table[row + select + flag]))
}

/// What one frame decoded to, before synthesis.
struct Frame {
    extent: Extent,
    header: Header,
    allocation: Allocation,
    hits: Hits,
    anti_collapse: bool,
}

/// State of the layer; boxed where it is held, since it is large.
pub(super) struct CeltDecoder {
    /// 1: the mean of the channels.
    n_out: usize,
    kernel: Kernel,
    energies: Energies,
    last_energies: Energies,
    energies_before: Energies,
    seed: u32,
    pitches: Pitches,
    spectrum: Spectrum,
    scratch: Scratch,
    channels: Vec<Channel>,
}

impl CeltDecoder {
    pub(super) fn new(n_out: usize) -> Self {
        Self {
            n_out,
            kernel: Kernel::best(),
            energies: [[0.0; N_BANDS]; 2],
            last_energies: [[SILENCE; N_BANDS]; 2],
            energies_before: [[SILENCE; N_BANDS]; 2],
            seed: 0,
            pitches: Pitches { before: Pitch::NONE, last: Pitch::NONE, now: Pitch::NONE },
            spectrum: [[0.0; MAX_FRAME]; 2],
            scratch: Scratch::new(),
            channels: (0..n_out).map(|_| Channel::new()).collect(),
        }
    }

    pub(super) fn reset(&mut self) {
        self.energies = [[0.0; N_BANDS]; 2];
        self.last_energies = [[SILENCE; N_BANDS]; 2];
        self.energies_before = [[SILENCE; N_BANDS]; 2];
        self.seed = 0;
        self.pitches = Pitches { before: Pitch::NONE, last: Pitch::NONE, now: Pitch::NONE };
        self.channels.iter_mut().for_each(Channel::reset);
    }

    /// Decodes one frame into the first samples of each of `out`.
    ///
    /// # Errors
    ///
    /// If the frame says more than its bytes hold. The state is then what it says nonetheless.
    pub(super) fn decode(
        &mut self,
        range: &mut RangeDecoder,
        layout: Layout,
        out: &mut [Vec<f32>],
    ) -> Result<(), &'static str> {
        let extent = layout.extent();
        let mut frame = self.decode_shapes(range, extent);
        let overrun = range.tell() > range.n_bits_total();
        if frame.anti_collapse {
            self.fill_collapsed(&frame);
        }
        if frame.header.silent {
            for channel in &mut self.energies[..extent.n_channels] {
                channel.fill(SILENCE);
            }
        }
        self.scale(&frame);
        self.synthesize(&mut frame, layout.frame_length, out);
        self.remember(&frame);
        self.seed = range.final_range();
        if overrun { Err("frame says more than it holds") } else { Ok(()) }
    }

    /// Nothing new: what the last frame left fades out.
    pub(super) fn decode_nothing(&mut self, frame_length: usize, out: &mut [Vec<f32>]) {
        self.spectrum = [[0.0; MAX_FRAME]; 2];
        self.pitches.now = Pitch::NONE;
        self.render(frame_length, 1, out);
    }

    fn decode_shapes(&mut self, range: &mut RangeDecoder, extent: Extent) -> Frame {
        if extent.n_channels == 1 {
            let [first, second] = &mut self.energies;
            for (first, second) in first.iter_mut().zip(second) {
                *first = first.max(*second);
            }
        }
        let header = Header::decode(range, extent);
        energy::decode_coarse(range, extent, header.intra, &mut self.energies);
        let tf_changes = decode_tf(range, extent, header.transient);
        let spread = if range.tell() + 4 <= range.n_bits_total() {
            Spread::from_index(range.icdf(&SPREAD, 5))
        } else {
            Spread::Normal
        };
        let mut reserve = 0;
        let allocation = allocation::decode(range, extent, |left| {
            let worth = header.transient && extent.size_log >= 2;
            let affordable = left >= (extent.size_log as i32 + 2) << BIT_RESOLUTION;
            reserve = if worth && affordable { 1 << BIT_RESOLUTION } else { 0 };
            reserve
        });
        energy::decode_fine(range, extent, &allocation.fine_bits, &mut self.energies);
        let plan = Plan {
            extent,
            allocation: &allocation,
            tf_changes: &tf_changes,
            spread,
            transient: header.transient,
            total: (range.n_bits_total() << BIT_RESOLUTION) - reserve,
            seed: self.seed,
            kernel: self.kernel,
        };
        let (hits, seed) = bands::decode(range, &plan, &mut self.scratch, &mut self.spectrum);
        self.seed = seed;
        let anti_collapse = reserve > 0 && range.raw(1) == 1;
        let Allocation { fine_bits, fine_later, .. } = &allocation;
        energy::decode_final(range, extent, fine_bits, fine_later, &mut self.energies);
        Frame { extent, header, allocation, hits, anti_collapse }
    }

    /// Noise for short blocks that lost all their energy (§4.3.5).
    fn fill_collapsed(&mut self, frame: &Frame) {
        let Extent { start, end, n_channels, size_log } = frame.extent;
        for band in start..end {
            let width = BAND_STARTS[band + 1] - BAND_STARTS[band];
            let depth = ((1 + frame.allocation.shape[band]) / width as i32) >> size_log;
            let threshold = 0.5 * (-0.125 * depth as f32).exp2();
            let per_bin = 1.0 / ((width << size_log) as f32).sqrt();
            for channel in 0..n_channels {
                let past = |energies: &Energies| match n_channels {
                    1 => energies[0][band].max(energies[1][band]),
                    _ => energies[channel][band],
                };
                let quietest = past(&self.last_energies).min(past(&self.energies_before));
                let rise = (self.energies[channel][band] - quietest).max(0.0);
                let mut level = 2.0 * (-rise).exp2();
                if size_log == 3 {
                    level *= std::f32::consts::SQRT_2;
                }
                let level = level.min(threshold) * per_bin;
                let bins = BAND_STARTS[band] << size_log..BAND_STARTS[band + 1] << size_log;
                let shape = &mut self.spectrum[channel][bins];
                fill_blocks(shape, frame.hits[band][channel], 1 << size_log, level, &mut self.seed);
            }
        }
    }

    /// Shapes times energies; with one output, the mean of the channels.
    fn scale(&mut self, frame: &Frame) {
        let Extent { start, end, n_channels, size_log } = frame.extent;
        let coded = BAND_STARTS[start] << size_log..BAND_STARTS[end] << size_log;
        for channel in 0..n_channels {
            let spectrum = &mut self.spectrum[channel];
            if frame.header.silent {
                spectrum.fill(0.0);
                continue;
            }
            spectrum[..coded.start].fill(0.0);
            spectrum[coded.end..].fill(0.0);
            for band in start..end {
                let log = self.energies[channel][band] + MEAN_ENERGY[band];
                let gain = log.min(32.0).exp2();
                let bins = BAND_STARTS[band] << size_log..BAND_STARTS[band + 1] << size_log;
                spectrum[bins].iter_mut().for_each(|bin| *bin *= gain);
            }
        }
        let [first, second] = &mut self.spectrum;
        match (n_channels, self.n_out) {
            (2, 1) => {
                for (first, second) in first.iter_mut().zip(second) {
                    *first = 0.5 * (*first + *second);
                }
            }
            (1, 2) => *second = *first,
            _ => {}
        }
    }

    fn synthesize(&mut self, frame: &mut Frame, frame_length: usize, out: &mut [Vec<f32>]) {
        self.pitches.now = frame.header.pitch;
        let n_blocks = if frame.header.transient { frame_length / SHORT } else { 1 };
        self.render(frame_length, n_blocks, out);
    }

    fn render(&mut self, frame_length: usize, n_blocks: usize, out: &mut [Vec<f32>]) {
        for ((channel, spectrum), out) in self.channels.iter_mut().zip(&self.spectrum).zip(out) {
            let bins = &spectrum[..frame_length];
            self.kernel.synthesize(channel, bins, n_blocks, &self.pitches, out);
        }
        let Pitches { last, now, .. } = self.pitches;
        self.pitches.before = if frame_length > SHORT { now } else { last };
        self.pitches.last = now;
    }

    /// Energies that the next frames are predicted from.
    fn remember(&mut self, frame: &Frame) {
        let Extent { start, end, n_channels, .. } = frame.extent;
        if n_channels == 1 {
            self.energies[1] = self.energies[0];
        }
        if frame.header.transient {
            for (last, now) in self.last_energies.iter_mut().zip(&self.energies) {
                last.iter_mut().zip(now).for_each(|(last, &now)| *last = last.min(now));
            }
        } else {
            self.energies_before = self.last_energies;
            self.last_energies = self.energies;
        }
        for channel in 0..2 {
            for band in (0..start).chain(end..N_BANDS) {
                self.energies[channel][band] = 0.0;
                self.last_energies[channel][band] = SILENCE;
                self.energies_before[channel][band] = SILENCE;
            }
        }
    }
}

/// Puts noise of one level where blocks of a band are empty.
fn fill_blocks(shape: &mut [f32], hits: u32, n_blocks: usize, level: f32, seed: &mut u32) {
    let mut any = false;
    for block in 0..n_blocks {
        if hits & (1 << block) != 0 {
            continue;
        }
        any = true;
        for bin in shape[block..].iter_mut().step_by(n_blocks) {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *bin = if *seed & 0x8000 != 0 { level } else { -level };
        }
    }
    if any {
        pvq::renormalize(shape, 1.0);
    }
}
