//! Source → blocks of samples → [`Signal`]; one file per decoding backend.

pub(crate) mod external;
mod flac;
pub(crate) mod mpeg;
mod symphonia;

use self::mpeg::layer3::Mix;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::resample::{Quality, Resampler};
use crate::signal::Signal;
use crate::sniff::{Container, Sniffed, sniff};
use crate::source::{Input, Source, Watch};
use crate::wall;

/// What a track says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackInfo {
    /// `wav`, `flac`, `mpeg`, `ogg`, `mp4`, ...
    pub container: &'static str,
    /// `mp3`, `vorbis`, `pcm_s16le`, ...
    pub codec: String,
    /// Samples per second, Hz.
    pub sample_rate: u32,
    /// Channels.
    pub n_channels: usize,
    /// Samples per channel that the container promises, where it can be trusted.
    pub n_samples: Option<u64>,
}

/// Planar samples of one or more packets; every channel has the same length.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) channels: Vec<Vec<f32>>,
}

impl Block {
    pub(crate) fn n_samples(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    fn drop_front(&mut self, n_samples: usize) {
        if n_samples == 0 {
            return;
        }
        for channel in &mut self.channels {
            channel.drain(..n_samples.min(channel.len()));
        }
    }

    fn clear(&mut self, n_channels: usize) {
        self.channels.resize_with(n_channels, Vec::new);
        self.channels.iter_mut().for_each(Vec::clear);
    }
}

/// What a backend could not decode.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Samples per channel that are missing.
    n_samples: u64,
    /// What happened first: later trouble often follows from it.
    first: Option<String>,
    n_times: u64,
}

impl Losses {
    pub(crate) fn add(&mut self, n_samples: u64, why: impl Into<String>) {
        self.n_samples = self.n_samples.saturating_add(n_samples);
        self.n_times += 1;
        self.first.get_or_insert_with(|| why.into());
    }
}

/// One way to turn bytes into samples.
///
/// Positions are samples per channel from the first one that a full decode hands out: encoder delay
/// and pre-skip are before 0.
trait Backend: Send {
    fn info(&self) -> &TrackInfo;
    /// Replaces the contents of `block`; `false` at the end.
    fn next_block(&mut self, block: &mut Block) -> Result<bool>;
    /// How many samples a full decode would hand out, found without decoding: by headers, tables and
    /// the last packet, not by what the container promises alone. What is found missing on the way
    /// is added to the losses. `None` if only decoding can tell.
    ///
    /// # Errors
    ///
    /// The input's.
    fn measure(&mut self) -> Result<Option<u64>> {
        Ok(None)
    }
    /// Makes the next block start at the returned position: `sample` or a little (some packets) before
    /// it. From there on, the samples are those of a full decode; the backend itself decodes and drops
    /// what its codec needs to get there. Places only move forward. `None`: it cannot, or it is not
    /// worth it; nothing has changed then.
    ///
    /// # Errors
    ///
    /// The input's.
    fn seek(&mut self, sample: u64) -> Result<Option<u64>> {
        let _ = sample;
        Ok(None)
    }
    fn losses(&mut self) -> &mut Losses;
    /// The rest of the track will not be decoded: its promised length says nothing any more.
    fn forget_promise(&mut self);
    /// How far the decoded count may lie below the promised one before samples count as lost.
    fn tolerance(&self) -> u64;
}

/// Reads one track block by block, in memory that does not grow with its length.
pub struct Decoder {
    backend: Box<dyn Backend>,
    watch: Watch,
    limits: Limits,
    block: Block,
    /// Where the next block of the backend starts.
    position: u64,
    /// Samples before this one were not asked for.
    wanted_from: u64,
    n_decoded: u64,
    n_mended: u64,
    /// Whether part of the track was passed over, so that counting what came out proves nothing.
    sought: bool,
}

/// Beyond this no recording was ever scaled; squares and sums of it leave float32.
const ABSURD_AMPLITUDE: f32 = 4_294_967_296.0;

impl Decoder {
    /// Opens a track: checks that it is a regular file within the limits and names its format.
    ///
    /// # Errors
    ///
    /// Whatever [`Error`] says, but [`Error::Cancelled`].
    pub fn open(source: &Source, limits: &Limits) -> Result<Self> {
        Self::open_mixed(source, limits, Mix::Channels)
    }

    /// Like [`Decoder::open`] for callers that want the mean of all channels, which some decoders
    /// come to sooner than to the channels. [`downmix`] takes the blocks either way.
    pub(crate) fn open_mono(source: &Source, limits: &Limits) -> Result<Self> {
        Self::open_mixed(source, limits, Mix::Mono)
    }

    fn open_mixed(source: &Source, limits: &Limits, mix: Mix) -> Result<Self> {
        let (backend, watch) = match open_own(source, limits, mix) {
            Err(refused @ Error::Unsupported { .. }) => external::open(source, limits, refused)?,
            opened => opened?,
        };
        let info = backend.info();
        limits.check_format(info.sample_rate, info.n_channels)?;
        Ok(Self {
            backend,
            watch,
            limits: *limits,
            block: Block::default(),
            position: 0,
            wanted_from: 0,
            n_decoded: 0,
            n_mended: 0,
            sought: false,
        })
    }

    /// What the track says about itself.
    #[must_use]
    pub fn info(&self) -> &TrackInfo {
        self.backend.info()
    }

    /// Samples per channel so far.
    pub(crate) fn n_decoded(&self) -> u64 {
        self.n_decoded
    }

    /// How many samples the whole track has, if that can be told without decoding it. What the file
    /// lacks of what it promises is noted for the outcome.
    pub(crate) fn measure(&mut self) -> Result<Option<u64>> {
        self.backend.measure()
    }

    /// Passes over everything before `sample`, without decoding it where the format allows that:
    /// the next block starts there, unless the track ends before. Never goes back.
    pub(crate) fn seek(&mut self, sample: u64) -> Result<()> {
        if sample <= self.position {
            return Ok(());
        }
        self.wanted_from = sample;
        self.sought = true;
        if let Some(position) = self.backend.seek(sample)? {
            self.position = position;
        }
        Ok(())
    }

    /// The next samples, or `None` at the end.
    pub(crate) fn next_block(&mut self) -> Result<Option<&Block>> {
        loop {
            if !self.backend.next_block(&mut self.block)? {
                return Ok(None);
            }
            let n_unwanted = self.wanted_from.saturating_sub(self.position);
            self.position += self.block.n_samples() as u64;
            self.block.drop_front(usize::try_from(n_unwanted).unwrap_or(usize::MAX));
            if self.block.n_samples() > 0 {
                break;
            }
        }
        self.n_decoded += self.block.n_samples() as u64;
        let info = self.backend.info();
        self.limits.check_length(self.n_decoded, info.sample_rate, info.n_channels)?;
        self.n_mended += mend(&mut self.block);
        Ok(Some(&self.block))
    }

    /// Compares what was decoded with what the file promised. Call it after the last block.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] if the file was written to meanwhile; [`Error::Damaged`] or
    /// [`Error::Empty`] if nothing came out.
    pub fn finish(mut self) -> Result<Outcome> {
        self.watch.unchanged()?;
        if !self.sought {
            self.note_shortfall();
        }
        let rate = f64::from(self.info().sample_rate);
        let n_mended = self.n_mended;
        let n_decoded = self.n_decoded;
        let losses = self.backend.losses();
        if n_mended > 0 {
            losses.add(0, format!("{n_mended} samples were NaN, infinite or absurd: silenced"));
        }
        let Some(first) = losses.first.take() else {
            let nothing = n_decoded == 0;
            return if nothing {
                Err(Error::Empty)
            } else {
                Ok(Outcome::ok(n_decoded as f64 / rate))
            };
        };
        let message = match losses.n_times {
            0 | 1 => first,
            n => format!("{first} (and {} more)", n - 1),
        };
        if n_decoded == 0 {
            return Err(Error::Damaged(message));
        }
        let n_sound = n_decoded - n_mended.min(n_decoded);
        let n_lost = losses.n_samples.saturating_add(n_mended);
        Ok(Outcome::partial(message, n_sound as f64 / rate, n_lost as f64 / rate))
    }

    /// Ends before the end of the track: nothing can be said about what was not decoded.
    pub(crate) fn stop(mut self) -> Result<Outcome> {
        self.backend.forget_promise();
        self.finish()
    }

    fn note_shortfall(&mut self) {
        let n_decoded = self.n_decoded;
        let tolerance = self.backend.tolerance();
        let Some(promised) = self.info().n_samples else { return };
        let accounted = n_decoded.saturating_add(self.backend.losses().n_samples);
        let missing = promised.saturating_sub(accounted);
        if missing > tolerance {
            let why = format!("ends early: {n_decoded} of {promised} samples");
            self.backend.losses().add(missing, why);
        }
    }
}

/// Silences values that are no samples and says on how many positions.
fn mend(block: &mut Block) -> u64 {
    let sound = |value: &f32| value.abs() <= ABSURD_AMPLITUDE;
    let mut most = 0;
    for channel in &mut block.channels {
        // Counted without a branch, so that the common case is one pass of vector code.
        if channel.iter().map(|value| u32::from(!sound(value))).sum::<u32>() == 0 {
            continue;
        }
        let mut n = 0;
        for value in channel.iter_mut().filter(|value| !sound(value)) {
            *value = 0.0;
            n += 1;
        }
        most = most.max(n);
    }
    most
}

/// Opens a track with the decoders of this crate.
fn open_own(source: &Source, limits: &Limits, mix: Mix) -> Result<(Box<dyn Backend>, Watch)> {
    let mut input = Input::open(source, limits)?;
    let watch = input.watch()?;
    let sniffed = sniff(&mut input)?;
    Ok((open_backend(input, sniffed, mix)?, watch))
}

fn open_backend(input: Input, sniffed: Sniffed, mix: Mix) -> Result<Box<dyn Backend>> {
    Ok(match sniffed.container {
        Container::Mpeg => Box::new(mpeg::Mpeg::open(input, sniffed.start, mix)?),
        Container::Flac => Box::new(flac::open(input, sniffed)?),
        _ => Box::new(symphonia::Symphonia::open(input, Vec::new(), sniffed)?),
    })
}

/// How [`decode`] shapes its result.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecodeOptions {
    /// Wanted rate, Hz; `None` keeps the file's.
    pub sample_rate: Option<u32>,
    /// Mean of all channels instead of each.
    pub mono: bool,
    /// Of the resampler.
    pub quality: Quality,
    /// What the track may ask for.
    pub limits: Limits,
}

/// Decodes a whole track into memory.
///
/// # Errors
///
/// Any [`Error`]: why nothing could be decoded. A track that is sound in part is no error: the
/// outcome says so.
pub fn decode(source: &Source, options: &DecodeOptions) -> Result<(Signal, TrackInfo, Outcome)> {
    wall::contain(|| {
        let mix = if options.mono { Mix::Mono } else { Mix::Channels };
        let mut decoder = Decoder::open_mixed(source, &options.limits, mix)?;
        let info = decoder.info().clone();
        let to = options.sample_rate.unwrap_or(info.sample_rate);
        let n_channels = if options.mono { 1 } else { info.n_channels };
        let mut lanes = (0..n_channels)
            .map(|_| Resampler::new(info.sample_rate, to, options.quality))
            .collect::<Result<Vec<_>>>()?;
        let n_expected = expected_samples(&info, to);
        let mut channels: Vec<_> =
            (0..n_channels).map(|_| Vec::with_capacity(n_expected)).collect();
        let mut mono = Vec::new();
        while let Some(block) = decoder.next_block()? {
            if options.mono {
                downmix(block, &mut mono);
                lanes[0].process(&mono, &mut channels[0]);
            } else {
                let pairs = lanes.iter_mut().zip(&mut channels);
                for ((lane, out), samples) in pairs.zip(&block.channels) {
                    lane.process(samples, out);
                }
            }
        }
        for (lane, out) in lanes.iter_mut().zip(&mut channels) {
            lane.finish(out);
        }
        Ok((Signal::from_channels(channels, to), info, decoder.finish()?))
    })
}

/// Room to reserve for a channel: what the container promises, but no more than a lie may cost.
fn expected_samples(info: &TrackInfo, to: u32) -> usize {
    const MOST: u64 = 1 << 24;
    let promised = info.n_samples.unwrap_or(0).min(MOST);
    (promised * u64::from(to) / u64::from(info.sample_rate)).min(MOST) as usize
}

/// Mean over the channels, as most analysis software defines mono.
pub(crate) fn downmix(block: &Block, mono: &mut Vec<f32>) {
    mono.clear();
    match block.channels.as_slice() {
        [] => {}
        [only] => mono.extend_from_slice(only),
        [left, right] => mono.extend(left.iter().zip(right).map(|(l, r)| 0.5 * (l + r))),
        [first, rest @ ..] => {
            mono.extend_from_slice(first);
            for channel in rest {
                mono.iter_mut().zip(channel).for_each(|(sum, value)| *sum += value);
            }
            let scale = 1.0 / block.channels.len() as f32;
            for value in mono {
                *value *= scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_is_the_mean_of_all_channels() {
        let block = Block { channels: vec![vec![1.0, 0.0], vec![0.0, 0.5], vec![0.5, 1.0]] };
        let mut mono = vec![9.0];
        downmix(&block, &mut mono);
        assert_eq!(mono, [0.5, 0.5]);
    }

    #[test]
    fn values_that_are_no_samples_are_silenced_and_counted() {
        let mut block =
            Block { channels: vec![vec![f32::NAN, 0.5, f32::INFINITY], vec![0.25, -1e20, 1.5]] };
        assert_eq!(mend(&mut block), 2);
        assert_eq!(block.channels, [vec![0.0, 0.5, 0.0], vec![0.25, 0.0, 1.5]]);
    }
}
