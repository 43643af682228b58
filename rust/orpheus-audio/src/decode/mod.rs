//! Source → blocks of samples → [`Signal`]; one file per decoding backend.

mod demux;
pub(crate) mod external;
mod flac;
mod losses;
pub(crate) mod mpeg;
mod opus;
mod packets;
mod pcm;
mod symphonia;
mod track;
mod vorbis;

pub use self::track::{DecodeOptions, decode, decode_with};

pub(crate) use self::losses::Losses;
use self::mpeg::layer3::Mix;
use crate::error::{Error, Result};
use crate::guard::Guard;
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::sniff::{Container, Sniffed, sniff};
use crate::source::{Input, Source, Watch};

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
    /// Samples per channel that were counted, or else that the container promises, where it can be
    /// trusted; with those found missing.
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
    /// is added to the losses, now and not once more when decoding. `None` if only decoding can tell.
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
    guard: Guard,
    block: Block,
    /// Where in the track the next block of the backend starts.
    position: u64,
    /// Samples before this one were not asked for.
    wanted_from: u64,
    n_decoded: u64,
    n_mended: u64,
    /// Samples that the whole track has, with those found missing, once measured.
    measured: Option<u64>,
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
        Self::open_guarded(source, limits, Mix::Channels, Guard::uncancelled(limits))
    }

    /// Like [`Decoder::open`] under a guard that every step asks. With [`Mix::Mono`], for callers
    /// that want the mean of all channels, which some decoders come to sooner than to the
    /// channels; [`downmix`] takes the blocks either way.
    pub(crate) fn open_guarded(
        source: &Source,
        limits: &Limits,
        mix: Mix,
        guard: Guard,
    ) -> Result<Self> {
        let (backend, watch) = match open_own(source, limits, mix, &guard) {
            Err(refused @ Error::Unsupported { .. }) => {
                external::open(source, limits, &guard, refused)?
            }
            opened => opened?,
        };
        Self::with_backend(backend, watch, limits, guard)
    }

    fn with_backend(
        backend: Box<dyn Backend>,
        watch: Watch,
        limits: &Limits,
        guard: Guard,
    ) -> Result<Self> {
        let info = backend.info();
        limits.check_format(info.sample_rate, info.n_channels)?;
        Ok(Self {
            backend,
            watch,
            limits: *limits,
            guard,
            block: Block::default(),
            position: 0,
            wanted_from: 0,
            n_decoded: 0,
            n_mended: 0,
            measured: None,
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

    /// Where in the track the last block ended, or a seek led to.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// How many samples a full decode would hand out, if that can be told without one. What the
    /// file lacks of what it promises is noted for the outcome.
    pub(crate) fn measure(&mut self) -> Result<Option<u64>> {
        let measured = self.backend.measure().map_err(|error| self.guard.cause(error))?;
        let Some(n_samples) = measured else { return Ok(None) };
        let info = self.backend.info();
        self.limits.check_length(n_samples, info.sample_rate, info.n_channels)?;
        self.measured = Some(n_samples.saturating_add(self.backend.losses().n_samples));
        Ok(measured)
    }

    /// What the track says about itself, its length as measured.
    pub(crate) fn measured_info(&self) -> TrackInfo {
        let info = self.info().clone();
        TrackInfo { n_samples: self.measured.or(info.n_samples), ..info }
    }

    /// Passes over everything before `sample`, without decoding it where the format allows that:
    /// the next block starts there, unless the track ends before. Never goes back.
    pub(crate) fn seek(&mut self, sample: u64) -> Result<()> {
        if sample <= self.position {
            return Ok(());
        }
        self.wanted_from = sample;
        let position = self.backend.seek(sample).map_err(|error| self.guard.cause(error))?;
        self.position = position.unwrap_or(self.position);
        Ok(())
    }

    /// The next samples, or `None` at the end.
    pub(crate) fn next_block(&mut self) -> Result<Option<&Block>> {
        loop {
            self.guard.check()?;
            let more = self.backend.next_block(&mut self.block);
            if !more.map_err(|error| self.guard.cause(error))? {
                // A reader that was stopped may take it for the end.
                self.guard.check_time()?;
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
        self.guard.yielded(self.n_decoded as f64 / f64::from(info.sample_rate));
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
        self.note_shortfall();
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
        if n_decoded <= losses.n_silenced {
            return Err(Error::Damaged(message));
        }
        let n_mended = n_mended.saturating_add(losses.n_silenced);
        let n_sound = n_decoded - n_mended.min(n_decoded);
        let n_lost = losses.n_samples.saturating_add(n_mended);
        Ok(Outcome::partial(message, n_sound as f64 / rate, n_lost as f64 / rate))
    }

    /// Ends before the end of the track: nothing can be said about what was not decoded.
    pub(crate) fn stop(mut self) -> Result<Outcome> {
        self.backend.forget_promise();
        self.measured = None;
        self.finish()
    }

    /// Every sample before the end was handed out, passed over, or noted as missing.
    fn note_shortfall(&mut self) {
        let n_passed = self.position;
        let tolerance = self.backend.tolerance();
        let Some(promised) = self.measured.or(self.info().n_samples) else { return };
        let accounted = n_passed.saturating_add(self.backend.losses().n_samples);
        let missing = promised.saturating_sub(accounted);
        if missing > tolerance {
            let why = format!("ends early: {n_passed} of {promised} samples");
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
fn open_own(
    source: &Source,
    limits: &Limits,
    mix: Mix,
    guard: &Guard,
) -> Result<(Box<dyn Backend>, Watch)> {
    let mut input = Input::open(source, limits)?.guarded(guard.clone());
    let watch = input.watch()?;
    let opened = sniff(&mut input).and_then(|sniffed| open_backend(input, sniffed, mix));
    Ok((opened.map_err(|error| guard.cause(error))?, watch))
}

fn open_backend(mut input: Input, sniffed: Sniffed, mix: Mix) -> Result<Box<dyn Backend>> {
    Ok(match sniffed.container {
        Container::Mpeg => Box::new(mpeg::Mpeg::open(input, sniffed.start, mix)?),
        Container::Flac => Box::new(flac::Flac::open(input, sniffed, mix)?),
        Container::Wav | Container::Wave64 | Container::Aiff | Container::Au => {
            pcm::open(input, sniffed, mix)?
        }
        Container::Caf if demux::caf::is_pcm(&mut input, sniffed.start)? => {
            pcm::open(input, sniffed, mix)?
        }
        Container::Ogg
        | Container::Mp4
        | Container::Matroska
        | Container::Adts
        | Container::Caf => Box::new(packets::Packets::open(input, sniffed, mix)?),
    })
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
