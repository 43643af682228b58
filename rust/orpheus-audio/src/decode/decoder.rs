//! A track's blocks, in their places, within the limits, and what became of them.

use super::mpeg::layer3::Mix;
use super::{Backend, Block, TrackInfo, external, open_own};
use crate::error::{Error, Result};
use crate::guard::Guard;
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::source::{Source, Watch};

/// Reads one track block by block, in memory that does not grow with its length.
pub struct Decoder {
    pub(super) backend: Box<dyn Backend>,
    watch: Watch,
    limits: Limits,
    guard: Guard,
    block: Block,
    /// Handed out in front of `block`, while something is missing there.
    silence: Block,
    /// Whether `block` waits for the silence in front of it.
    is_held: bool,
    /// Where in the track the next block of the backend starts.
    position: u64,
    /// Samples before this one were not asked for.
    wanted_from: u64,
    n_decoded: u64,
    /// Samples that came out, with those that were only passed over: what the work is measured by.
    n_worked: u64,
    n_mended: u64,
    /// Samples that the whole track has, with those found missing, once measured.
    measured: Option<u64>,
}

/// A wider gap is more likely a lie of the container than damage to it.
const MOST_FILLED_SECONDS: u64 = 600;
/// Silence is handed out in blocks of at most this.
const SILENCE_SAMPLES: u64 = 1 << 14;
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
            silence: Block::default(),
            is_held: false,
            position: 0,
            wanted_from: 0,
            n_decoded: 0,
            n_worked: 0,
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
        let n_samples = self.measured.or(info.n_samples).filter(|&n| self.believes(n));
        TrackInfo { n_samples, ..info }
    }

    /// Whether a track may be as long. A promise beyond that is a flipped bit of its header, and says
    /// nothing about how much is missing.
    fn believes(&self, n_samples: u64) -> bool {
        let info = self.backend.info();
        self.limits.check_length(n_samples, info.sample_rate, info.n_channels).is_ok()
    }

    /// Passes over everything before `sample`, without decoding it where the format allows that:
    /// the next block starts there, unless the track ends before. Never goes back.
    pub(crate) fn seek(&mut self, sample: u64) -> Result<()> {
        if sample <= self.position {
            return Ok(());
        }
        self.wanted_from = sample;
        let position = self.backend.seek(sample).map_err(|error| self.guard.cause(error))?;
        if let Some(position) = position {
            self.position = position;
            self.is_held = false;
            self.backend.losses().leave_gap();
        }
        Ok(())
    }

    /// The next samples, or `None` at the end.
    pub(crate) fn next_block(&mut self) -> Result<Option<&Block>> {
        let is_silence = loop {
            let Some(is_silence) = self.step()? else { return Ok(None) };
            let block = if is_silence { &mut self.silence } else { &mut self.block };
            let n_unwanted = self.wanted_from.saturating_sub(self.position);
            let n_samples = block.n_samples() as u64;
            self.position += n_samples;
            self.n_worked += n_samples;
            let info = self.backend.info();
            self.limits.check_length(self.n_worked, info.sample_rate, info.n_channels)?;
            self.guard.yielded(self.n_worked as f64 / f64::from(info.sample_rate));
            block.drop_front(usize::try_from(n_unwanted).unwrap_or(usize::MAX));
            if block.n_samples() > 0 {
                break is_silence;
            }
        };
        let block = if is_silence { &mut self.silence } else { &mut self.block };
        let n_samples = block.n_samples() as u64;
        self.n_decoded += n_samples;
        if is_silence {
            self.backend.losses().n_silenced += n_samples;
        }
        self.n_mended += mend(block);
        Ok(Some(block))
    }

    /// Makes `silence`, while something is missing in front of `block`, or else `block` the next to be
    /// handed out and says whether it is the former; `None` at the end.
    fn step(&mut self) -> Result<Option<bool>> {
        self.guard.check()?;
        if !std::mem::take(&mut self.is_held) {
            let more = self.backend.next_block(&mut self.block);
            if !more.map_err(|error| self.guard.cause(error))? {
                // A reader that was stopped may take it for the end.
                self.guard.check_time()?;
                return Ok(None);
            }
        }
        if self.block.n_samples() == 0 {
            return Ok(Some(false));
        }
        let most = MOST_FILLED_SECONDS * u64::from(self.backend.info().sample_rate);
        let losses = self.backend.losses();
        if losses.n_pending > most {
            losses.leave_gap();
        }
        let n_filled = losses.fill(SILENCE_SAMPLES);
        if n_filled > 0 {
            self.silence.clear(self.block.channels.len());
            for channel in &mut self.silence.channels {
                channel.resize(n_filled as usize, 0.0);
            }
        }
        self.is_held = n_filled > 0;
        Ok(Some(self.is_held))
    }

    /// Compares what was decoded with what the file promised. Call it after the last block.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] if the file was written to meanwhile; [`Error::Damaged`] or
    /// [`Error::Empty`] if nothing came out.
    pub fn finish(mut self) -> Result<Outcome> {
        self.watch.unchanged()?;
        self.backend.losses().leave_gap();
        self.note_shortfall();
        let rate = f64::from(self.info().sample_rate);
        let n_mended = self.n_mended;
        let n_decoded = self.n_decoded;
        let promised = self.position.saturating_add(self.backend.losses().n_samples);
        let is_believed = self.believes(promised);
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
        let n_missing = if is_believed { losses.n_samples } else { 0 };
        let n_lost = n_missing.saturating_add(n_mended);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Losses;
    use crate::source::Input;

    /// A second of silence after the other, each of which costs some CPU time; it cannot seek.
    struct Slow {
        info: TrackInfo,
        losses: Losses,
        n_left: u32,
        cpu_seconds: f64,
    }

    impl Backend for Slow {
        fn info(&self) -> &TrackInfo {
            &self.info
        }

        fn next_block(&mut self, block: &mut Block) -> Result<bool> {
            let until = cpu_time::ThreadTime::now();
            while until.elapsed().as_secs_f64() < self.cpu_seconds {}
            block.clear(1);
            block.channels[0].resize(self.info.sample_rate as usize, 0.0);
            self.n_left = self.n_left.saturating_sub(1);
            Ok(self.n_left > 0)
        }

        fn losses(&mut self) -> &mut Losses {
            &mut self.losses
        }

        fn forget_promise(&mut self) {}

        fn tolerance(&self) -> u64 {
            0
        }
    }

    fn slow(n_seconds: u32, cpu_seconds: f64, limits: &Limits) -> Decoder {
        let info = TrackInfo {
            container: "slow",
            codec: "slow".to_owned(),
            sample_rate: 1000,
            n_channels: 1,
            n_samples: None,
        };
        let backend = Slow { info, losses: Losses::default(), n_left: n_seconds, cpu_seconds };
        let watch = Input::open(&Source::Bytes([0].as_slice().into()), limits).unwrap().watch();
        let guard = Guard::uncancelled(limits);
        Decoder::with_backend(Box::new(backend), watch.unwrap(), limits, guard).unwrap()
    }

    #[test]
    fn what_is_passed_over_earns_its_cpu_time() {
        let limits = Limits { max_cpu_seconds: 0.05, ..Limits::default() };
        let mut decoder = slow(200, 0.002, &limits);
        decoder.seek(190_000).unwrap();
        assert_eq!(decoder.next_block().unwrap().map(Block::n_samples), Some(1000));
    }

    #[test]
    fn what_is_passed_over_counts_against_the_limits() {
        let limits = Limits { max_seconds: 100.0, ..Limits::default() };
        let mut decoder = slow(200, 0.0, &limits);
        decoder.seek(190_000).unwrap();
        assert_eq!(decoder.next_block().unwrap_err().kind(), "limit");
    }

    #[test]
    fn values_that_are_no_samples_are_silenced_and_counted() {
        let mut block =
            Block { channels: vec![vec![f32::NAN, 0.5, f32::INFINITY], vec![0.25, -1e20, 1.5]] };
        assert_eq!(mend(&mut block), 2);
        assert_eq!(block.channels, [vec![0.0, 0.5, 0.0], vec![0.25, 0.0, 1.5]]);
    }
}
