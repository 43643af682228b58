//! Model front ends: what audio models are fed, computed from samples.
//!
//! A [`FrontEnd`] turns windows of one length into rows of one shape, so that rows stack into the
//! batches that models take.

mod audioset;
mod clap;
mod log_mel;
mod panns;
mod wav2vec2;

use std::sync::{Arc, Mutex, PoisonError};

use self::audioset::{PATCH_FRAMES, PATCH_SAMPLES, PATCH_VALUES, Patches};
pub use self::clap::ClapPadding;
use self::log_mel::{LogMel, LogMelBuffers, N_BANDS, Recipe};
use crate::error::{Error, Result};
use crate::spectrum::check::check;
use crate::spectrum::simd::Tier;
pub use crate::vector::classical::Precision;

/// Longest window, in samples: an hour and a half at 48 kHz.
pub const MAX_SAMPLES: usize = 1 << 28;

/// Front ends that [`FrontEnd::shared`] keeps.
const N_KEPT: usize = 8;

/// Whose front end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// CLAP with the bank of its unfused and larger checkpoints: rows `(1, 1001, 64)`.
    Clap(ClapPadding),
    /// CLAP with the bank of its fused checkpoints: rows `(4, 1001, 64)`, four times the same.
    ClapFused(ClapPadding),
    /// wav2vec 2.0, `HuBERT`, MERT: rows `(n_samples,)`.
    Wav2Vec2,
    /// `YAMNet`: rows `(n_patches, 96, 64)`, overlapping by half.
    Yamnet,
    /// `VGGish`: rows `(n_patches, 96, 64)`.
    Vggish,
    /// PANNs at 32 kHz: rows `(1, n_frames, 64)`.
    Panns,
}

impl Model {
    /// The model that goes by `name`, clips of CLAP shorter than ten seconds padded by `padding`.
    #[must_use]
    pub fn named(name: &str, padding: ClapPadding) -> Option<Self> {
        match name {
            "clap" => Some(Self::Clap(padding)),
            "clap_fused" => Some(Self::ClapFused(padding)),
            "wav2vec2" => Some(Self::Wav2Vec2),
            "yamnet" => Some(Self::Yamnet),
            "vggish" => Some(Self::Vggish),
            "panns" => Some(Self::Panns),
            _ => None,
        }
    }

    /// The name that [`Model::named`] knows it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clap(_) => "clap",
            Self::ClapFused(_) => "clap_fused",
            Self::Wav2Vec2 => "wav2vec2",
            Self::Yamnet => "yamnet",
            Self::Vggish => "vggish",
            Self::Panns => "panns",
        }
    }

    /// The rate that its windows must have, in Hz; `None` if it is the same at any.
    #[must_use]
    pub fn sample_rate(self) -> Option<u32> {
        self.recipe().map(|recipe| recipe.sample_rate)
    }

    fn recipe(self) -> Option<Recipe> {
        match self {
            Self::Clap(_) => Some(clap::recipe(false)),
            Self::ClapFused(_) => Some(clap::recipe(true)),
            Self::Wav2Vec2 => None,
            Self::Yamnet => Some(audioset::recipe(audioset::YAMNET_OFFSET)),
            Self::Vggish => Some(audioset::recipe(audioset::VGGISH_OFFSET)),
            Self::Panns => Some(panns::RECIPE),
        }
    }

    fn patches(self) -> Option<Patches> {
        match self {
            Self::Yamnet => Some(audioset::YAMNET),
            Self::Vggish => Some(audioset::VGGISH),
            _ => None,
        }
    }

    /// Samples that a window may have.
    fn check_length(self, n_samples: usize) -> Result<()> {
        let (least, most, why) = match self {
            Self::Clap(_) | Self::ClapFused(_) => {
                (1, clap::N_SAMPLES, "ten seconds; cut longer audio into windows")
            }
            Self::Vggish => (PATCH_SAMPLES, MAX_SAMPLES, "one patch at least"),
            Self::Wav2Vec2 | Self::Yamnet | Self::Panns => (1, MAX_SAMPLES, "of a window"),
        };
        if (least..=most).contains(&n_samples) {
            return Ok(());
        }
        if n_samples == 0 {
            return Err(Error::Empty);
        }
        Err(Error::Parameter {
            name: "n_samples",
            given: n_samples.to_string(),
            expected: format!("{least} to {most} for {:?} ({why})", self.name()),
        })
    }
}

/// Turns windows of one length into rows for a model.
///
/// It holds tables only: one may be shared by any number of threads, each with its own
/// [`Workspace`].
///
/// # Examples
///
/// ```
/// use orpheus_features::front_end::{ClapPadding, FrontEnd, Model, Precision};
///
/// let clap = FrontEnd::new(Model::Clap(ClapPadding::RepeatPad), 480_000, Precision::Fast)?;
/// let mut workspace = clap.workspace();
/// let mut row = vec![0.0; clap.n_values()];
/// let window: Vec<f32> = (0..480_000).map(|n| (n as f32 * 0.05).sin() * 0.5).collect();
/// clap.compute_into(&window, &mut workspace, &mut row)?;
/// assert_eq!(clap.row_shape(), [1, 1001, 64]);
/// # Ok::<(), orpheus_features::Error>(())
/// ```
#[derive(Debug)]
pub struct FrontEnd {
    model: Model,
    precision: Precision,
    tier: Tier,
    n_samples: usize,
    row_shape: Vec<usize>,
    tables: Tables,
}

#[derive(Debug)]
enum Tables {
    None,
    Fast(LogMel<f32>),
    Reference(LogMel<f64>),
}

/// Memory to compute in; it is reused from window to window.
#[derive(Debug, Default)]
pub struct Workspace {
    fast: LogMelBuffers<f32>,
    reference: LogMelBuffers<f64>,
    padded: Vec<f32>,
    frames: Vec<f32>,
}

impl FrontEnd {
    /// Prepares for windows of `n_samples`.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] or [`Error::Parameter`] for a length that the model cannot take: CLAP takes
    /// ten seconds at most, `VGGish` 15,600 samples at least.
    pub fn new(model: Model, n_samples: usize, precision: Precision) -> Result<Self> {
        Self::on(Tier::best(), model, n_samples, precision)
    }

    /// A front end that is kept for the next caller with the same needs.
    ///
    /// # Errors
    ///
    /// As [`FrontEnd::new`].
    pub fn shared(model: Model, n_samples: usize, precision: Precision) -> Result<Arc<Self>> {
        static KEPT: Mutex<Vec<Arc<FrontEnd>>> = Mutex::new(Vec::new());
        let fits = |kept: &&Arc<Self>| {
            kept.model == model && kept.n_samples == n_samples && kept.precision == precision
        };
        // A front end is never half made while the lock is held.
        let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(front_end) = all.iter().find(fits) {
            return Ok(Arc::clone(front_end));
        }
        let front_end = Arc::new(Self::new(model, n_samples, precision)?);
        if all.len() == N_KEPT {
            all.remove(0);
        }
        all.push(Arc::clone(&front_end));
        Ok(front_end)
    }

    fn on(tier: Tier, model: Model, n_samples: usize, precision: Precision) -> Result<Self> {
        model.check_length(n_samples)?;
        let tables = match (model.recipe(), precision) {
            (None, _) => Tables::None,
            (Some(recipe), Precision::Fast) => Tables::Fast(LogMel::new(tier, &recipe)?),
            (Some(recipe), Precision::Reference) => Tables::Reference(LogMel::new(tier, &recipe)?),
        };
        let row_shape = match (model, model.patches()) {
            (Model::Clap(_), _) => vec![1, clap::N_FRAMES, N_BANDS],
            (Model::ClapFused(_), _) => vec![clap::N_FUSED, clap::N_FRAMES, N_BANDS],
            (_, Some(patches)) => vec![patches.n_patches(n_samples), PATCH_FRAMES, N_BANDS],
            (Model::Panns, _) => vec![1, tables.n_frames(n_samples), N_BANDS],
            _ => vec![n_samples],
        };
        Ok(Self { model, precision, tier, n_samples, row_shape, tables })
    }

    /// Whose front end this is.
    #[must_use]
    pub fn model(&self) -> Model {
        self.model
    }

    /// Shape of the row that a window becomes.
    #[must_use]
    pub fn row_shape(&self) -> &[usize] {
        &self.row_shape
    }

    /// Values of a row.
    #[must_use]
    pub fn n_values(&self) -> usize {
        self.row_shape.iter().product()
    }

    /// Memory to compute in. Any workspace serves any front end.
    #[must_use]
    pub fn workspace(&self) -> Workspace {
        Workspace::default()
    }

    /// Fills a row.
    ///
    /// `samples` is one channel, full scale at ±1.0: those of the window that come from the track.
    /// If they are fewer than the window has, the rest is what the model demands: CLAP's padding,
    /// and zeros otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NotFinite`] or [`Error::TooLoud`] for samples that cannot be worked
    /// with; [`Error::Parameter`] if there are more than the window has; [`Error::OutputLength`] if
    /// `row` does not hold [`FrontEnd::n_values`]. `row` is then unchanged.
    pub fn compute_into(
        &self,
        samples: &[f32],
        workspace: &mut Workspace,
        row: &mut [f32],
    ) -> Result<()> {
        if row.len() != self.n_values() {
            return Err(Error::OutputLength { given: row.len(), expected: self.n_values() });
        }
        if samples.len() > self.n_samples {
            return Err(Error::Parameter {
                name: "samples",
                given: samples.len().to_string(),
                expected: format!("at most {}, as long as a window", self.n_samples),
            });
        }
        check(self.tier, samples)?;
        if matches!(self.tables, Tables::None) {
            wav2vec2::standardise(samples, row);
            return Ok(());
        }
        let mut padded = std::mem::take(&mut workspace.padded);
        let signal = self.padded(samples, &mut padded);
        match (self.model, self.model.patches()) {
            (_, Some(patches)) => self.fill_patches(patches, signal, workspace, row),
            (Model::ClapFused(_), _) => {
                let (first, copies) = row.split_at_mut(clap::N_VALUES);
                self.tables.fill(signal, workspace, first);
                copies.chunks_exact_mut(clap::N_VALUES).for_each(|row| row.copy_from_slice(first));
            }
            _ => self.tables.fill(signal, workspace, row),
        }
        workspace.padded = padded;
        Ok(())
    }

    /// The signal whose frames the row is made of.
    fn padded<'a>(&self, samples: &'a [f32], memory: &'a mut Vec<f32>) -> &'a [f32] {
        let n_samples = match (self.model, self.model.patches()) {
            (Model::Clap(_) | Model::ClapFused(_), _) => clap::N_SAMPLES,
            (_, Some(patches)) => patches.n_samples(self.row_shape[0]),
            _ => self.n_samples,
        };
        if samples.len() >= n_samples {
            return &samples[..n_samples];
        }
        memory.resize(n_samples, 0.0);
        let padding = match self.model {
            Model::Clap(padding) | Model::ClapFused(padding) => padding,
            _ => ClapPadding::Pad,
        };
        padding.fill(samples, memory);
        memory
    }

    /// Frames, cut into patches.
    fn fill_patches(
        &self,
        patches: Patches,
        signal: &[f32],
        workspace: &mut Workspace,
        row: &mut [f32],
    ) {
        if patches.hop_frames == PATCH_FRAMES {
            return self.tables.fill(signal, workspace, row);
        }
        let mut frames = std::mem::take(&mut workspace.frames);
        frames.resize(patches.n_frames(self.row_shape[0]) * N_BANDS, 0.0);
        self.tables.fill(signal, workspace, &mut frames);
        for (index, patch) in row.chunks_exact_mut(PATCH_VALUES).enumerate() {
            let start = index * patches.hop_frames * N_BANDS;
            patch.copy_from_slice(&frames[start..start + PATCH_VALUES]);
        }
        workspace.frames = frames;
    }
}

impl Tables {
    fn n_frames(&self, n_samples: usize) -> usize {
        match self {
            Self::None => 0,
            Self::Fast(plan) => plan.n_frames(n_samples),
            Self::Reference(plan) => plan.n_frames(n_samples),
        }
    }

    fn fill(&self, signal: &[f32], workspace: &mut Workspace, rows: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Fast(plan) => plan.fill(signal, &mut workspace.fast, rows),
            Self::Reference(plan) => plan.fill(signal, &mut workspace.reference, rows),
        }
    }
}

#[cfg(test)]
mod tests;
