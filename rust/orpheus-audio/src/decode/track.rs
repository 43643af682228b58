//! A track, or a stretch of it, in memory.

use super::mpeg::layer3::Mix;
use super::{Block, Decoder, TrackInfo, downmix};
use crate::error::{Error, Result};
use crate::guard::Guard;
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::resample::seam::Seam;
use crate::resample::{Quality, Resampler};
use crate::signal::Signal;
use crate::source::Source;
use crate::wall;

/// How [`decode`] shapes its result.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecodeOptions {
    /// Wanted rate, Hz; `None` keeps the file's.
    pub sample_rate: Option<u32>,
    /// Mean of all channels instead of each.
    pub mono: bool,
    /// Where to begin, seconds from the start of the track; rounded to a sample of the result.
    pub start_seconds: f64,
    /// How much to decode, seconds; `None` for all that follows. Rounded likewise.
    pub duration_seconds: Option<f64>,
    /// Of the resampler.
    pub quality: Quality,
    /// What the track may ask for.
    pub limits: Limits,
}

/// Longest time that is counted in samples, seconds: three years.
const MAX_SECONDS: f64 = 1e8;

impl DecodeOptions {
    /// Refuses what no track has.
    fn check(&self) -> Result<()> {
        let refuse = |name, given: f64, expected: &str| {
            Err(Error::Parameter { name, given: given.to_string(), expected: expected.to_owned() })
        };
        if !(0.0..=MAX_SECONDS).contains(&self.start_seconds) {
            return refuse("start_seconds", self.start_seconds, "0 to 1e8");
        }
        match self.duration_seconds {
            Some(seconds) if !(seconds > 0.0 && seconds <= MAX_SECONDS) => {
                refuse("duration_seconds", seconds, "more than 0, up to 1e8")
            }
            _ => Ok(()),
        }
    }

    fn is_partial(&self) -> bool {
        self.start_seconds > 0.0 || self.duration_seconds.is_some()
    }
}

/// What [`decode`] is to hand over, in samples of the result.
struct Stretch {
    seam: Seam,
    start: u64,
    end: u64,
}

impl Stretch {
    fn new(options: &DecodeOptions, from_hz: u32, to_hz: u32) -> Self {
        let samples = |seconds: f64| (seconds * f64::from(to_hz)).round() as u64;
        let start = samples(options.start_seconds);
        let duration = options.duration_seconds.map(|seconds| samples(seconds).max(1));
        let end = duration.map_or(u64::MAX, |n| start.saturating_add(n));
        Self { seam: Seam::new(from_hz, to_hz, options.quality), start, end }
    }

    /// The inputs to decode: from one that coincides with an output on.
    fn inputs(&self) -> std::ops::Range<u64> {
        let inputs = self.seam.inputs(&(self.start..self.end));
        inputs.start / self.seam.stride() * self.seam.stride()..inputs.end
    }

    /// Leaves of the outputs from the first input on those that are wanted.
    fn trim(&self, channel: &mut Vec<f32>) {
        let n_before = self.start - self.seam.outputs(self.inputs().start);
        let n_before = usize::try_from(n_before).unwrap_or(usize::MAX).min(channel.len());
        channel.drain(..n_before);
        channel.truncate(usize::try_from(self.end - self.start).unwrap_or(usize::MAX));
    }
}

/// Decodes a track, or a stretch of it, into memory.
///
/// A stretch is what the same stretch of the whole result would be; where the format allows it,
/// what stands before is not decoded.
///
/// # Errors
///
/// Any [`Error`]: why nothing could be decoded. A track that is sound in part is no error: the
/// outcome says so.
pub fn decode(source: &Source, options: &DecodeOptions) -> Result<(Signal, TrackInfo, Outcome)> {
    decode_with(source, options, &Vec::with_capacity)
}

/// Like [`decode`], into memory that `allocate` hands out: an empty vector with room for about as many
/// samples as it is asked for.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_with(
    source: &Source,
    options: &DecodeOptions,
    allocate: &dyn Fn(usize) -> Vec<f32>,
) -> Result<(Signal, TrackInfo, Outcome)> {
    options.check()?;
    wall::contain(|| {
        let mix = if options.mono { Mix::Mono } else { Mix::Channels };
        let guard = Guard::uncancelled(&options.limits);
        let mut decoder = Decoder::open_guarded(source, &options.limits, mix, guard)?;
        let info = decoder.info().clone();
        let to_hz = options.sample_rate.unwrap_or(info.sample_rate);
        let n_channels = if options.mono { 1 } else { info.n_channels };
        let mut converters = Converters::new(n_channels, info.sample_rate, to_hz, options.quality)?;
        let stretch = Stretch::new(options, info.sample_rate, to_hz);
        if options.is_partial() {
            go_to(&mut decoder, &stretch, options)?;
        }
        converters.reserve(&stretch, decoder.measured_info().n_samples, allocate);
        let ended = converters.fill(&mut decoder, stretch.inputs().end, options.mono)?;
        converters.channels.iter_mut().for_each(|channel| stretch.trim(channel));
        if ended && options.is_partial() && converters.channels.iter().all(Vec::is_empty) {
            return Err(past_end(options, decoder.position(), info.sample_rate));
        }
        let info = decoder.measured_info();
        let outcome = if ended { decoder.finish()? } else { decoder.stop()? };
        Ok((Signal::from_channels(converters.channels, to_hz), info, outcome))
    })
}

/// Goes to where the stretch needs its first sample.
fn go_to(decoder: &mut Decoder, stretch: &Stretch, options: &DecodeOptions) -> Result<()> {
    if let Some(n_samples) = decoder.measure()?
        && n_samples > 0
        && stretch.start >= stretch.seam.outputs(n_samples)
    {
        return Err(past_end(options, n_samples, decoder.info().sample_rate));
    }
    decoder.seek(stretch.inputs().start)
}

fn past_end(options: &DecodeOptions, n_samples: u64, sample_rate: u32) -> Error {
    let seconds = n_samples as f64 / f64::from(sample_rate);
    Error::PastEnd { start_seconds: options.start_seconds, seconds }
}

/// A resampler and a result for each channel.
struct Converters {
    resamplers: Vec<Resampler>,
    channels: Vec<Vec<f32>>,
    mono: Vec<f32>,
}

impl Converters {
    fn new(n: usize, from_hz: u32, to_hz: u32, quality: Quality) -> Result<Self> {
        let resamplers = (0..n).map(|_| Resampler::new(from_hz, to_hz, quality));
        let resamplers = resamplers.collect::<Result<Vec<_>>>()?;
        Ok(Self { resamplers, channels: vec![Vec::new(); n], mono: Vec::new() })
    }

    /// Room for what the container promises, but no more than a lie may cost.
    fn reserve(
        &mut self,
        stretch: &Stretch,
        promised: Option<u64>,
        allocate: &dyn Fn(usize) -> Vec<f32>,
    ) {
        const MOST: u64 = 1 << 24;
        // The resampler ends with whole blocks, which are cut afterwards: growing for their sake would
        // move the whole result.
        const SLACK: u64 = 1 << 16;
        let n_expected =
            stretch.seam.outputs(promised.unwrap_or(0)).min(stretch.end - stretch.start);
        for channel in &mut self.channels {
            *channel = allocate((n_expected.min(MOST) + SLACK) as usize);
        }
    }

    /// Converts everything up to `end`; says whether the track ended before.
    fn fill(&mut self, decoder: &mut Decoder, end: u64, mono: bool) -> Result<bool> {
        let mut ended = false;
        while decoder.position() < end && !ended {
            match decoder.next_block()? {
                Some(block) => self.push(block, mono),
                None => ended = true,
            }
        }
        for (resampler, out) in self.resamplers.iter_mut().zip(&mut self.channels) {
            resampler.finish(out);
        }
        Ok(ended)
    }

    fn push(&mut self, block: &Block, mono: bool) {
        let parts = self.resamplers.iter_mut().zip(&mut self.channels);
        if mono {
            downmix(block, &mut self.mono);
            parts.for_each(|(resampler, out)| resampler.process(&self.mono, out));
        } else {
            let parts = parts.zip(&block.channels);
            parts.for_each(|((resampler, out), samples)| resampler.process(samples, out));
        }
    }
}
