//! Short-time Fourier transforms, a block of frames at a time.
//!
//! A block holds one frame per lane, bin by bin. No more than one block is ever in memory.

use super::buffer::Buffer;
use super::fft::{Bins, RealFft};
use super::frame_fft::{FrameFft, FrameScratch};
use super::framing::{FrameBuffers, Framing, Padding};
use super::lane_fft::LaneFft;
use super::simd::{Kernel, Real, Simd, Tier};
use super::tilt::{FAR_LOUDER_BASS, LOUD_BASS, gains_by_emphasis};
use super::window::centred;
use crate::error::{Error, Result};

/// Samples between the starts of two frames of the classical features.
pub(crate) const HOP_LENGTH: usize = 512;

/// Frames of the classical features in a signal of `n_samples`.
pub(crate) const fn n_frames(n_samples: usize) -> usize {
    1 + n_samples / HOP_LENGTH
}

/// Longest transform.
pub(crate) const MAX_N_FFT: usize = 1 << 20;
/// Longest distance between frames.
pub(crate) const MAX_HOP_LENGTH: usize = 1 << 24;

/// What a transform is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StftParameters<'a> {
    /// Samples that are transformed, 1 to [`MAX_N_FFT`].
    pub(crate) n_fft: usize,
    /// Samples between the starts of two frames, 1 to [`MAX_HOP_LENGTH`].
    pub(crate) hop_length: usize,
    /// At least one value and at most `n_fft`. It lies in the middle of a frame that is centred;
    /// one that is not ends where the window does.
    pub(crate) window: &'a [f64],
    /// What is beyond the ends of the signal.
    pub(crate) padding: Padding,
}

/// Transforms signals. It holds tables only.
#[derive(Debug)]
pub(crate) struct Stft<R: Real> {
    tier: Tier,
    n_lanes: usize,
    n_fft: usize,
    framing: Framing,
    transform: Transform<R>,
    least_correlation: f64,
}

#[derive(Debug)]
enum Transform<R: Real> {
    /// All lanes at once.
    Lanes(LaneFft<R>),
    /// Lane by lane, for lengths that are no power of two.
    Single(FrameFft),
}

/// Memory for the blocks of one signal.
#[derive(Debug, Default)]
pub(crate) struct StftBuffers<R> {
    frames: FrameBuffers<R>,
    scratch: Buffer<R>,
    single: FrameScratch,
    bins: Buffer<R>,
}

/// Some frames' spectra.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a, R> {
    /// Index of the frame in lane 0.
    pub(crate) first_frame: usize,
    /// Lanes that hold frames of the signal; what is in the others means nothing.
    pub(crate) n_valid: usize,
    /// Of squared magnitudes, bin `k` of lane `l` is at `k * n_lanes + l`. Of spectra, its real part
    /// is at `2 * k * n_lanes + l` and its imaginary part `n_lanes` later. It starts at a multiple of
    /// 64 bytes.
    pub(crate) bins: &'a [R],
}

/// The frames of one signal, block after block.
pub(crate) struct Blocks<'a, R: Real> {
    stft: &'a Stft<R>,
    signal: &'a [f32],
    buffers: &'a mut StftBuffers<R>,
    next_frame: usize,
    n_frames: usize,
    is_emphasised: bool,
}

impl<R: Real> Stft<R> {
    /// Prepares a transform.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for values outside those that [`StftParameters`] names.
    pub(crate) fn new(tier: Tier, parameters: &StftParameters<'_>) -> Result<Self> {
        let StftParameters { n_fft, hop_length, window, padding } = *parameters;
        within("n_fft", n_fft, MAX_N_FFT)?;
        within("hop_length", hop_length, MAX_HOP_LENGTH)?;
        within("win_length", window.len(), n_fft)?;
        let is_centred = padding != Padding::None;
        let padded = if is_centred { centred(window, n_fft) } else { window.to_vec() };
        let framing = Framing { frame_length: padded.len(), hop_length, padding };
        let n_lanes = tier.n_lanes::<R>();
        let transform = match RealFft::new(n_fft) {
            Some(fft) => Transform::Lanes(LaneFft::new(fft, framing, &padded, n_lanes)),
            None => Transform::Single(FrameFft::new(n_fft, framing, &padded)),
        };
        Ok(Self { tier, n_lanes, n_fft, framing, transform, least_correlation: LOUD_BASS })
    }

    /// Emphasises only signals whose low frequencies are far louder than the high ones: for levels of
    /// bands up to a few kHz, which gain less than features of the whole spectrum.
    pub(crate) fn emphasising_less(self) -> Self {
        Self { least_correlation: FAR_LOUDER_BASS, ..self }
    }

    /// The tier that blocks are made with; kernels that read them must run with it, too.
    pub(crate) fn tier(&self) -> Tier {
        self.tier
    }

    /// Frames in a block.
    pub(crate) fn n_lanes(&self) -> usize {
        self.n_lanes
    }

    /// Frequency bins, both ends included.
    pub(crate) fn n_bins(&self) -> usize {
        self.n_fft / 2 + 1
    }

    /// Frames of a signal of `n_samples`: none if it is empty, or too short without padding.
    pub(crate) fn n_frames(&self, n_samples: usize) -> usize {
        self.framing.n_frames(n_samples)
    }

    /// The frames of `signal`, from the first on.
    pub(crate) fn blocks<'a>(
        &'a self,
        signal: &'a [f32],
        buffers: &'a mut StftBuffers<R>,
    ) -> Blocks<'a, R> {
        self.blocks_from(0, signal, buffers)
    }

    /// The frames of `signal` from `first_frame` on.
    pub(crate) fn blocks_from<'a>(
        &'a self,
        first_frame: usize,
        signal: &'a [f32],
        buffers: &'a mut StftBuffers<R>,
    ) -> Blocks<'a, R> {
        let n_frames = self.n_frames(signal.len());
        // Frames that are transformed one by one are not collected in a tile.
        if first_frame < n_frames && matches!(self.transform, Transform::Lanes(_)) {
            let start = Start { framing: self.framing, signal, first_frame, buffers };
            R::dispatch(self.tier, start);
        }
        let is_emphasised = gains_by_emphasis::<R>(self.tier, signal, self.least_correlation);
        Blocks { stft: self, signal, buffers, next_frame: first_frame, n_frames, is_emphasised }
    }
}

fn within(name: &'static str, given: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&given) {
        return Ok(());
    }
    Err(Error::Parameter { name, given: given.to_string(), expected: format!("1 to {most}") })
}

impl<R: Real> Blocks<'_, R> {
    /// Squared magnitudes of the next frames.
    pub(crate) fn next_power(&mut self) -> Option<Block<'_, R>> {
        self.next(Output::Power)
    }

    /// Spectra of the next frames.
    pub(crate) fn next_spectrum(&mut self) -> Option<Block<'_, R>> {
        self.next(Output::Spectrum)
    }

    fn next(&mut self, output: Output) -> Option<Block<'_, R>> {
        let first_frame = self.next_frame;
        let n_left = self.n_frames.checked_sub(first_frame).filter(|n_left| *n_left > 0)?;
        self.next_frame += self.stft.n_lanes;
        let Self { stft, signal, buffers, is_emphasised, .. } = self;
        let is_emphasised = *is_emphasised;
        R::dispatch(stft.tier, Next { stft, signal, buffers, first_frame, output, is_emphasised });
        let n_values = output.n_parts() * stft.n_bins() * stft.n_lanes;
        let bins = &*self.buffers.bins.take(n_values);
        Some(Block { first_frame, n_valid: n_left.min(self.stft.n_lanes), bins })
    }
}

/// What a block holds.
#[derive(Clone, Copy)]
pub(crate) enum Output {
    /// Squared magnitudes.
    Power,
    /// Real and imaginary parts.
    Spectrum,
}

impl Output {
    pub(crate) const fn n_parts(self) -> usize {
        match self {
            Self::Power => 1,
            Self::Spectrum => 2,
        }
    }
}

struct Start<'a, R> {
    framing: Framing,
    signal: &'a [f32],
    first_frame: usize,
    buffers: &'a mut StftBuffers<R>,
}

impl<R: Real> Kernel<R> for Start<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        self.buffers.frames.start(simd, self.framing, self.signal, self.first_frame);
    }
}

struct Next<'a, R: Real> {
    stft: &'a Stft<R>,
    signal: &'a [f32],
    buffers: &'a mut StftBuffers<R>,
    first_frame: usize,
    output: Output,
    is_emphasised: bool,
}

impl<R: Real> Kernel<R> for Next<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let Self { stft, signal, buffers, first_frame, output, is_emphasised } = self;
        let StftBuffers { frames, scratch, single, bins } = buffers;
        let bins = bins.take(output.n_parts() * stft.n_bins() * S::LANES);
        match &stft.transform {
            Transform::Lanes(fft) => {
                let tile = frames.next_block(simd, stft.framing, signal);
                let scratch = scratch.take(fft.scratch_length(S::LANES));
                let bins = simd.lanes_mut(bins);
                let bins = match output {
                    Output::Power => Bins::Power(bins),
                    Output::Spectrum => Bins::Spectrum(bins.as_chunks_mut::<2>().0),
                };
                fft.run(simd, (tile, is_emphasised), scratch, bins);
            }
            Transform::Single(fft) => {
                fft.run((signal, first_frame), (output, S::LANES), single, bins);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::{Padding, Stft, StftBuffers, StftParameters};
    use crate::error::Error;
    use crate::signals::{noise, tune};
    use crate::spectrum::simd::{Real, Tier};
    use crate::spectrum::window::WindowShape;

    const PADDINGS: [Padding; 4] =
        [Padding::None, Padding::Constant, Padding::Reflect, Padding::Edge];

    /// A transform, its window and its padding.
    struct Case {
        n_fft: usize,
        hop_length: usize,
        window: Vec<f64>,
        padding: Padding,
    }

    impl Case {
        fn new(n_fft: usize, hop_length: usize, win_length: usize, padding: Padding) -> Self {
            let window = WindowShape::Hamming.periodic(win_length);
            Self { n_fft, hop_length, window, padding }
        }

        fn stft<R: Real>(&self, tier: Tier) -> Stft<R> {
            let Self { n_fft, hop_length, ref window, padding } = *self;
            Stft::new(tier, &StftParameters { n_fft, hop_length, window, padding }).expect("sound")
        }

        /// Squared magnitude of a bin, and the bin, of frame `t`, by the definitions of padding and
        /// transform.
        fn by_definition(&self, signal: &[f32], t: usize, k: usize) -> [f64; 3] {
            let n = signal.len() as i64;
            let is_centred = self.padding != Padding::None;
            let lead = if is_centred { self.n_fft / 2 } else { 0 } as i64;
            let offset = if is_centred { (self.n_fft - self.window.len()) / 2 } else { 0 };
            let (mut re, mut im) = (0.0, 0.0);
            for (i, weight) in self.window.iter().enumerate() {
                let mut at = (t * self.hop_length + offset + i) as i64 - lead;
                match self.padding {
                    Padding::Reflect if n > 1 => {
                        while !(0..n).contains(&at) {
                            at = if at < 0 { -at } else { 2 * (n - 1) - at };
                        }
                    }
                    Padding::Reflect | Padding::Edge => at = at.clamp(0, n - 1),
                    Padding::None | Padding::Constant => {}
                }
                let sample = usize::try_from(at).ok().and_then(|at| signal.get(at)).unwrap_or(&0.0);
                let turn = (k * (offset + i)) % self.n_fft;
                let angle = TAU * turn as f64 / self.n_fft as f64;
                re += weight * f64::from(*sample) * angle.cos();
                im -= weight * f64::from(*sample) * angle.sin();
            }
            [re * re + im * im, re, im]
        }

        /// For every frame, the squared magnitudes, and the real and imaginary parts.
        fn spectra<R: Real>(&self, tier: Tier, signal: &[f32]) -> Vec<[Vec<f64>; 3]> {
            let (stft, mut buffers) = (self.stft::<R>(tier), StftBuffers::default());
            let n = stft.n_lanes();
            let part = |bins: &[R], lane: usize, stride: usize| -> Vec<f64> {
                bins.iter().skip(lane).step_by(stride).map(|x| x.to_f64()).collect()
            };
            let mut frames = Vec::new();
            let mut blocks = stft.blocks(signal, &mut buffers);
            while let Some(block) = blocks.next_power() {
                assert_eq!(block.first_frame, frames.len());
                assert_eq!(block.bins.len(), n * stft.n_bins());
                let power = (0..block.n_valid).map(|lane| part(block.bins, lane, n));
                frames.extend(power.map(|power| [power, Vec::new(), Vec::new()]));
            }
            let mut blocks = stft.blocks(signal, &mut buffers);
            while let Some(block) = blocks.next_spectrum() {
                for lane in 0..block.n_valid {
                    let frame = &mut frames[block.first_frame + lane];
                    frame[1] = part(block.bins, lane, 2 * n);
                    frame[2] = part(block.bins, lane + n, 2 * n);
                }
            }
            assert_eq!(frames.len(), stft.n_frames(signal.len()));
            frames
        }

        fn check<R: Real>(&self, tier: Tier, signal: &[f32], tolerance: f64) {
            let frames = self.spectra::<R>(tier, signal);
            // The sum of the window and full scale bound every bin.
            let scale: f64 = self.window.iter().sum::<f64>() * 0.2;
            let n_frames = frames.len();
            for t in [0, 1, n_frames / 2, n_frames - 1] {
                let t = t.min(n_frames - 1);
                let n_bins = frames[t][0].len();
                for k in [0, 1, 2, n_bins / 3, n_bins / 2, n_bins - 1] {
                    let k = k.min(n_bins - 1);
                    let [power, re, im] = self.by_definition(signal, t, k);
                    let found = [frames[t][0][k], frames[t][1][k], frames[t][2][k]];
                    let case = format!(
                        "{} of {} by {}, {:?}, {}, frame {t}, bin {k}: {found:?} against {power} {re} {im}",
                        self.window.len(),
                        self.n_fft,
                        self.hop_length,
                        self.padding,
                        tier.name()
                    );
                    assert!((found[0].sqrt() - power.sqrt()).abs() <= tolerance * scale, "{case}");
                    assert!((found[1] - re).abs() <= tolerance * scale, "{case}");
                    assert!((found[2] - im).abs() <= tolerance * scale, "{case}");
                }
            }
        }
    }

    #[test]
    fn every_tier_computes_what_the_definition_gives_at_every_length() {
        let signal = [noise(1, 20_000), tune(2, 20_000)].concat();
        let lengths = [128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 64, 100, 441, 1000, 3, 2, 1];
        for (index, n_fft) in lengths.into_iter().enumerate() {
            let case = Case::new(n_fft, n_fft.div_ceil(3), n_fft, PADDINGS[index % 4]);
            for tier in Tier::available() {
                case.check::<f32>(tier, &signal, 2e-6);
                case.check::<f64>(tier, &signal, 1e-13);
            }
        }
    }

    #[test]
    fn every_tier_computes_what_the_definition_gives_at_every_hop_and_padding() {
        for padding in PADDINGS {
            for hop_length in [1, 7, 160, 480, 512, 1024, 1500] {
                for win_length in [1024, 400, 1] {
                    let case = Case::new(1024, hop_length, win_length, padding);
                    for n_samples in [1030, 3001] {
                        for tier in Tier::available() {
                            case.check::<f32>(tier, &noise(3, n_samples), 2e-6);
                            case.check::<f64>(tier, &noise(3, n_samples), 1e-13);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn signals_shorter_than_the_padding_are_mirrored_as_often_as_it_takes() {
        for padding in [Padding::Constant, Padding::Reflect, Padding::Edge] {
            for n_samples in [1, 2, 3, 100] {
                for n_fft in [1024, 1000] {
                    let case = Case::new(n_fft, 480, n_fft, padding);
                    for tier in Tier::available() {
                        case.check::<f32>(tier, &noise(4, n_samples), 2e-6);
                    }
                }
            }
        }
    }

    #[test]
    fn every_number_of_frames_gives_the_same_spectra_from_any_frame_on() {
        let case = Case::new(512, 160, 400, Padding::None);
        let signal = noise(5, 400 + 160 * 40);
        for tier in Tier::available() {
            let all = case.spectra::<f32>(tier, &signal);
            let (stft, mut buffers) = (case.stft::<f32>(tier), StftBuffers::default());
            for n_frames in 1..=40 {
                let some = case.spectra::<f32>(tier, &signal[..400 + 160 * (n_frames - 1)]);
                assert_eq!(some[..], all[..n_frames], "{n_frames} frames, {}", tier.name());
                let mut blocks = stft.blocks_from(n_frames, &signal, &mut buffers);
                let block = blocks.next_power().expect("frames are left");
                let found = f64::from(block.bins[0]);
                assert_eq!(found.to_bits(), all[n_frames][0][0].to_bits(), "{}", tier.name());
            }
            assert!(stft.blocks_from(41, &signal, &mut buffers).next_power().is_none());
        }
    }

    #[test]
    fn what_is_too_short_without_padding_has_no_frames() {
        let none = Case::new(512, 160, 400, Padding::None).stft::<f32>(Tier::best());
        assert_eq!([0, 399, 400, 559, 560].map(|n| none.n_frames(n)), [0, 0, 1, 1, 2]);
        let centred = Case::new(512, 160, 400, Padding::Constant).stft::<f32>(Tier::best());
        assert_eq!([0, 1, 159, 160, 320].map(|n| centred.n_frames(n)), [0, 1, 1, 2, 3]);
        assert!(centred.blocks(&[], &mut StftBuffers::default()).next_power().is_none());
    }

    #[test]
    fn errors_of_float32_stay_far_below_what_is_faint() {
        // A loud low tone and one 120 dB below it, high up.
        let tone = |n: usize, hz: f64| (TAU * hz * n as f64 / 22_050.0).sin();
        let samples: Vec<f32> =
            (0..8192).map(|n| (0.5 * tone(n, 200.0) + 5e-7 * tone(n, 9000.0)) as f32).collect();
        let mut case = Case::new(2048, 512, 2048, Padding::Constant);
        case.window = WindowShape::Hann.periodic(2048);
        for tier in Tier::available() {
            let single = &case.spectra::<f32>(tier, &samples)[8][0];
            let double = &case.spectra::<f64>(tier, &samples)[8][0];
            let error = single[836].sqrt() / double[836].sqrt() - 1.0;
            assert!(error.abs() < 0.02, "{}", tier.name());
        }
    }

    #[test]
    fn what_is_no_transform_is_refused_by_name() {
        let refused = |n_fft: usize, hop_length: usize, window: &[f64]| {
            let parameters = StftParameters { n_fft, hop_length, window, padding: Padding::None };
            match Stft::<f32>::new(Tier::best(), &parameters) {
                Err(Error::Parameter { name, .. }) => name,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(0, 1, &[1.0]), "n_fft");
        assert_eq!(refused(usize::MAX, 1, &[1.0]), "n_fft");
        assert_eq!(refused(8, 0, &[1.0]), "hop_length");
        assert_eq!(refused(8, 1, &[]), "win_length");
        assert_eq!(refused(8, 1, &[1.0; 9]), "win_length");
    }
}
