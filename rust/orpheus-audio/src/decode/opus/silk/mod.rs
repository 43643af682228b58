//! The linear-prediction layer (RFC 6716 §4.2), in the integers that the standard demands.

mod channel;
mod codebooks;
mod fixed;
mod indices;
mod nlsf;
mod pulses;
mod resampler;
mod stereo;
mod tables;

use std::ops::Range;

use self::channel::Channel;
use self::indices::Coding;
use self::resampler::Resampler;
use self::stereo::{Stereo, Weights};
use super::packet::Bandwidth;
use super::range::RangeDecoder;

/// Samples of 20 ms at 16 kHz.
const MAX_FRAME: usize = 320;
/// Frames of 20 ms in 60.
const MAX_FRAMES: usize = 3;

/// A frame and the two samples before it.
type Samples = [i16; MAX_FRAME + 2];

/// What of a packet's frame this layer codes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// 480, 960, 1920 or 2880 samples at 48 kHz.
    pub(super) frame_length: usize,
    pub(super) stereo: bool,
    pub(super) bandwidth: Bandwidth,
}

impl Layout {
    fn khz(self) -> usize {
        match self.bandwidth {
            Bandwidth::Narrow => 8,
            Bandwidth::Medium => 12,
            _ => 16,
        }
    }

    fn n_channels(self) -> usize {
        if self.stereo { 2 } else { 1 }
    }

    fn n_frames(self) -> usize {
        self.frame_length.div_ceil(960)
    }
}

/// Which frames of a channel are active, and of which there is a redundant copy.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    active: [bool; MAX_FRAMES],
    redundant: [bool; MAX_FRAMES],
}

/// State of the layer.
pub(super) struct SilkDecoder {
    channels: [Channel; 2],
    resamplers: [Resampler; 2],
    stereo: Stereo,
    n_channels: usize,
    /// The last frame had no side.
    mid_only: bool,
    samples: [Samples; 2],
}

impl SilkDecoder {
    pub(super) fn new() -> Self {
        Self {
            channels: [Channel::new(), Channel::new()],
            resamplers: [Resampler::new(16), Resampler::new(16)],
            stereo: Stereo::default(),
            n_channels: 0,
            mid_only: false,
            samples: [[0; MAX_FRAME + 2]; 2],
        }
    }

    /// Decodes one frame of a packet into the first samples of `out`, at 48 kHz; with one output,
    /// the mean of the channels.
    pub(super) fn decode(
        &mut self,
        range: &mut RangeDecoder,
        layout: Layout,
        out: &mut [Vec<f32>],
    ) {
        let collapsed = self.adapt(layout);
        let flags = decode_flags(range, layout);
        self.skip_redundant(range, layout, &flags);
        for frame in 0..layout.n_frames() {
            self.decode_frame(range, frame, &flags);
            self.render(frame, collapsed, out);
        }
    }

    /// Nothing is known: silence, which the resamplers fade into.
    pub(super) fn decode_nothing(&mut self, frame_length: usize, out: &mut [Vec<f32>]) {
        let khz = self.channels[0].khz();
        if khz == 0 {
            for out in out {
                out[..frame_length].fill(0.0);
            }
            return;
        }
        for channel in &mut self.channels {
            channel.forget();
        }
        self.samples = [[0; MAX_FRAME + 2]; 2];
        for start in (0..frame_length).step_by(960) {
            let end = frame_length.min(start + 960);
            self.render_part((end - start) * khz / 48, start..end, false, out);
        }
    }

    /// Takes over rate and channels of a frame; `true` if stereo just became mono.
    fn adapt(&mut self, layout: Layout) -> bool {
        let n_channels = layout.n_channels();
        let khz = layout.khz();
        let rate_changes = khz != self.channels[0].khz();
        let collapsed = n_channels == 1 && self.n_channels == 2 && !rate_changes;
        if n_channels > self.n_channels {
            self.channels[1] = Channel::new();
        }
        if rate_changes {
            self.resamplers = [Resampler::new(khz), Resampler::new(khz)];
        }
        let n_subframes = if layout.frame_length == 480 { 2 } else { 4 };
        for channel in &mut self.channels[..n_channels] {
            channel.set_shape(khz, n_subframes);
        }
        if n_channels == 2 && self.n_channels != 2 {
            self.stereo.weights = [0; 2];
            self.stereo.side = [0; 2];
            self.resamplers[1] = self.resamplers[0].clone();
        }
        self.n_channels = n_channels;
        collapsed
    }

    /// Redundant copies serve those who lost the packet before; they change what later frames
    /// refer to nonetheless.
    fn skip_redundant(&mut self, range: &mut RangeDecoder, layout: Layout, flags: &[Flags; 2]) {
        for frame in 0..layout.n_frames() {
            for (index, channel) in self.channels[..layout.n_channels()].iter_mut().enumerate() {
                let redundant = &flags[index].redundant;
                if !redundant[frame] {
                    continue;
                }
                if layout.stereo && index == 0 {
                    stereo::decode_weights(range);
                    if !flags[1].redundant[frame] {
                        range.icdf(&tables::MID_ONLY, 8);
                    }
                }
                let follows = frame > 0 && redundant[frame - 1];
                channel
                    .skip(range, if follows { Coding::Conditional } else { Coding::Independent });
            }
        }
    }

    fn decode_frame(&mut self, range: &mut RangeDecoder, frame: usize, flags: &[Flags; 2]) {
        let stereo = self.n_channels == 2;
        let n_samples = self.channels[0].frame_length();
        let weights = if stereo { stereo::decode_weights(range) } else { Weights::default() };
        let mid_only = stereo && !flags[1].active[frame] && range.icdf(&tables::MID_ONLY, 8) == 1;
        let [mid, side] = &mut self.samples;
        let coding = if frame == 0 { Coding::Independent } else { Coding::Conditional };
        if stereo && !mid_only && self.mid_only {
            self.channels[1].forget();
        }
        self.channels[0].decode(range, flags[0].active[frame], coding, &mut mid[2..2 + n_samples]);
        if !stereo {
            self.stereo.pass(mid, n_samples);
            self.mid_only = false;
            return;
        }
        let side_samples = &mut side[2..2 + n_samples];
        if mid_only {
            side_samples.fill(0);
        } else {
            let coding = match frame {
                0 => Coding::Independent,
                _ if self.mid_only => Coding::IndependentUnscaled,
                _ => Coding::Conditional,
            };
            self.channels[1].decode(range, flags[1].active[frame], coding, side_samples);
        }
        let khz = self.channels[0].khz();
        self.stereo.unmix(&mut self.samples, weights, khz, n_samples);
        self.mid_only = mid_only;
    }

    /// Brings the frame to 48 kHz.
    fn render(&mut self, frame: usize, collapsed: bool, out: &mut [Vec<f32>]) {
        let n_samples = self.channels[0].frame_length();
        let n_out = n_samples * 48 / self.channels[0].khz();
        let place = frame * n_out..(frame + 1) * n_out;
        self.render_part(n_samples, place, collapsed, out);
    }

    /// Brings the first `n_samples` to `place`.
    fn render_part(
        &mut self,
        n_samples: usize,
        place: Range<usize>,
        collapsed: bool,
        out: &mut [Vec<f32>],
    ) {
        let n_out = place.len();
        let [mid, side] = &self.samples;
        let [left, right] = &mut self.resamplers;
        let (first, rest) = out.split_at_mut(1);
        let first = &mut first[0][place.clone()];
        left.process(&mid[1..=n_samples], first);
        let mut own = [0.0; 960];
        let second = &mut own[..n_out];
        match (self.n_channels, collapsed) {
            (2, _) => right.process(&side[1..=n_samples], second),
            (_, true) => right.process(&mid[1..=n_samples], second),
            _ => second.copy_from_slice(first),
        }
        match rest.first_mut() {
            Some(out) => out[place].copy_from_slice(second),
            None if self.n_channels == 2 => {
                first.iter_mut().zip(second).for_each(|(a, b)| *a = 0.5 * (*a + *b));
            }
            None => {}
        }
    }
}

/// §4.2.3 and §4.2.4.
fn decode_flags(range: &mut RangeDecoder, layout: Layout) -> [Flags; 2] {
    let mut flags = [Flags::default(); 2];
    let n_frames = layout.n_frames();
    let mut any_redundant = [false; 2];
    let n_channels = layout.n_channels();
    for (flags, any_redundant) in flags.iter_mut().zip(&mut any_redundant).take(n_channels) {
        for active in &mut flags.active[..n_frames] {
            *active = range.flag(1);
        }
        *any_redundant = range.flag(1);
    }
    for (flags, _) in flags.iter_mut().zip(any_redundant).filter(|(_, any)| *any) {
        let bits = match n_frames {
            1 => 1,
            2 => range.icdf(&tables::REDUNDANT_2, 8) + 1,
            _ => range.icdf(&tables::REDUNDANT_3, 8) + 1,
        };
        for (frame, redundant) in flags.redundant[..n_frames].iter_mut().enumerate() {
            *redundant = bits >> frame & 1 == 1;
        }
    }
    flags
}
