//! Log-mel patches of the `AudioSet` models `VGGish` and `YAMNet`, by their published parameters.
//!
//! 16 kHz; windows of 25 ms (periodic Hann), 10 ms apart, not padded, transformed over 512 samples;
//! 64 bands of magnitude from 125 to 7500 Hz, straight over the mel scale that HTK uses; the natural
//! logarithm of a band and an offset. Patches hold 96 frames.

use super::log_mel::{Level, N_BANDS, Recipe};
use crate::spectrum::framing::Padding;
use crate::spectrum::mel::{MelNorm, MelScale, Slopes};

/// Frames of a patch.
pub(super) const PATCH_FRAMES: usize = 96;
/// Values of a patch.
pub(super) const PATCH_VALUES: usize = PATCH_FRAMES * N_BANDS;

const WIN_LENGTH: usize = 400;
const HOP_LENGTH: usize = 160;

/// Samples that fill one patch.
pub(super) const PATCH_SAMPLES: usize = WIN_LENGTH + (PATCH_FRAMES - 1) * HOP_LENGTH;

/// How a model cuts frames into patches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patches {
    /// Frames between the starts of two patches.
    pub(super) hop_frames: usize,
    /// Whether the signal is padded with zeros until its last patch is full; otherwise what does not
    /// fill one is left out.
    pub(super) is_padded: bool,
}

/// Patches follow each other.
pub(super) const VGGISH: Patches = Patches { hop_frames: PATCH_FRAMES, is_padded: false };
/// Patches overlap by half.
pub(super) const YAMNET: Patches = Patches { hop_frames: PATCH_FRAMES / 2, is_padded: true };

impl Patches {
    /// Patches of a window of `n_samples`.
    pub(super) fn n_patches(self, n_samples: usize) -> usize {
        let hop_samples = self.hop_frames * HOP_LENGTH;
        match n_samples.checked_sub(PATCH_SAMPLES) {
            Some(rest) if self.is_padded => 1 + rest.div_ceil(hop_samples),
            Some(rest) => 1 + rest / hop_samples,
            None => usize::from(self.is_padded),
        }
    }

    /// Samples that the patches cover.
    pub(super) fn n_samples(self, n_patches: usize) -> usize {
        PATCH_SAMPLES + (n_patches - 1) * self.hop_frames * HOP_LENGTH
    }

    /// Frames that the patches cover.
    pub(super) fn n_frames(self, n_patches: usize) -> usize {
        PATCH_FRAMES + (n_patches - 1) * self.hop_frames
    }
}

/// Both models, with the offset of one.
pub(super) fn recipe(offset: f64) -> Recipe {
    Recipe {
        sample_rate: 16_000,
        n_fft: 512,
        win_length: WIN_LENGTH,
        hop_length: HOP_LENGTH,
        padding: Padding::None,
        range_hz: [125.0, 7500.0],
        bands: (MelScale::Htk, MelNorm::None, Slopes::Mel),
        level: Level::Ln(offset),
    }
}

/// Offset of `VGGish`.
pub(super) const VGGISH_OFFSET: f64 = 0.01;
/// Offset of `YAMNet`.
pub(super) const YAMNET_OFFSET: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::{PATCH_SAMPLES, VGGISH, YAMNET};

    #[test]
    fn patches_are_counted_as_the_models_count_them() {
        assert_eq!(PATCH_SAMPLES, 15_600);
        let counts = |n| (VGGISH.n_patches(n), YAMNET.n_patches(n));
        assert_eq!(counts(1), (0, 1));
        assert_eq!(counts(15_599), (0, 1));
        assert_eq!(counts(15_600), (1, 1));
        assert_eq!(counts(15_601), (1, 2));
        assert_eq!(counts(15_600 + 7680), (1, 2));
        assert_eq!(counts(15_600 + 15_360), (2, 3));
        assert_eq!(YAMNET.n_samples(2), 15_600 + 7680);
        assert_eq!((VGGISH.n_frames(2), YAMNET.n_frames(2)), (192, 144));
    }
}
