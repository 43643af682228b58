use std::f64::consts::TAU;

use super::{Padding, Stft, StftBuffers, StftParameters};
use crate::error::Error;
use crate::signals::{noise, tune};
use crate::spectrum::simd::{Real, Tier};
use crate::spectrum::window::WindowShape;

const PADDINGS: [Padding; 4] = [Padding::None, Padding::Constant, Padding::Reflect, Padding::Edge];

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
