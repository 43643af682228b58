//! Lets the loader run what `orpheus-features` computes; neither crate knows the other.

use std::sync::Arc;

use orpheus_audio::loader::{FrontEnd, FrontEndWorker};
use orpheus_audio::{Window, WindowPolicy};
use orpheus_features::front_end::{self as models, Precision};
use orpheus_features::vector::classical::{Classical, Layout, Workspace};
use orpheus_features::vector::sound::{self, Sound};

use crate::error::{NativeError, NativeResult};
use crate::features::front_ends::model;

/// The front end that Python calls `name`, for windows of `policy` at `sample_rate`.
pub(crate) fn front_end(
    name: &str,
    sample_rate: u32,
    policy: &WindowPolicy,
) -> NativeResult<Arc<dyn FrontEnd>> {
    let layout = match name {
        "sound" => return sound_front_end(sample_rate),
        "classical_chroma12" => Layout::Chroma12,
        "classical_chroma_mean" => Layout::ChromaMean,
        _ => return model_front_end(name, sample_rate, policy),
    };
    let classical = Classical::shared(sample_rate, layout)?;
    Ok(Arc::new(ClassicalFrontEnd(classical)))
}

/// The front end of a model: its rows have one shape, so its windows have one length.
fn model_front_end(
    name: &str,
    sample_rate: u32,
    policy: &WindowPolicy,
) -> NativeResult<Arc<dyn FrontEnd>> {
    let model = model(name, "repeatpad", sample_rate)?;
    let plan = policy.at(sample_rate).map_err(|error| NativeError::parameter(error.to_string()))?;
    let Some(n_samples) = plan.length() else {
        return Err(NativeError::parameter(format!(
            "placement is \"whole\", expected windows of one length for front end {name:?}"
        )));
    };
    let front_end = models::FrontEnd::new(model, n_samples, Precision::Fast)?;
    Ok(Arc::new(ModelFrontEnd(Arc::new(front_end))))
}

fn sound_front_end(sample_rate: u32) -> NativeResult<Arc<dyn FrontEnd>> {
    if sample_rate != sound::SAMPLE_RATE {
        return Err(NativeError::parameter(format!(
            "sample_rate is {sample_rate} Hz, expected {} for front end \"sound\"",
            sound::SAMPLE_RATE
        )));
    }
    Ok(Arc::new(SoundFrontEnd(Sound::shared()?)))
}

/// The sound vector of what a window holds of its track: padding is silence that nobody recorded.
struct SoundFrontEnd(Arc<Sound>);

impl FrontEnd for SoundFrontEnd {
    fn row_shape(&self) -> Vec<usize> {
        vec![sound::DIM]
    }

    fn worker(&self) -> Box<dyn FrontEndWorker> {
        Box::new(SoundWorker { plan: self.0.clone(), workspace: self.0.workspace() })
    }
}

struct SoundWorker {
    plan: Arc<Sound>,
    workspace: sound::Workspace,
}

impl FrontEndWorker for SoundWorker {
    fn compute(&mut self, window: Window<'_>, row: &mut [f32]) -> Result<(), String> {
        let samples = window.samples.get(..window.n_valid).unwrap_or(window.samples);
        self.plan.vector_into(samples, &mut self.workspace, row).map_err(|error| error.to_string())
    }
}

/// The study's vector of each window.
struct ClassicalFrontEnd(Arc<Classical>);

impl FrontEnd for ClassicalFrontEnd {
    fn row_shape(&self) -> Vec<usize> {
        vec![self.0.dim()]
    }

    fn worker(&self) -> Box<dyn FrontEndWorker> {
        Box::new(ClassicalWorker { plan: self.0.clone(), workspace: self.0.workspace() })
    }
}

struct ClassicalWorker {
    plan: Arc<Classical>,
    workspace: Workspace,
}

impl FrontEndWorker for ClassicalWorker {
    fn compute(&mut self, window: Window<'_>, row: &mut [f32]) -> Result<(), String> {
        self.plan
            .vector_into(window.samples, &mut self.workspace, row)
            .map_err(|error| error.to_string())
    }
}

/// What a model is fed.
struct ModelFrontEnd(Arc<models::FrontEnd>);

impl FrontEnd for ModelFrontEnd {
    fn row_shape(&self) -> Vec<usize> {
        self.0.row_shape().to_vec()
    }

    fn worker(&self) -> Box<dyn FrontEndWorker> {
        Box::new(ModelWorker { plan: self.0.clone(), workspace: self.0.workspace() })
    }
}

struct ModelWorker {
    plan: Arc<models::FrontEnd>,
    workspace: models::Workspace,
}

impl FrontEndWorker for ModelWorker {
    fn compute(&mut self, window: Window<'_>, row: &mut [f32]) -> Result<(), String> {
        // The model pads what the track does not fill.
        let samples = window.samples.get(..window.n_valid).unwrap_or(window.samples);
        self.plan.compute_into(samples, &mut self.workspace, row).map_err(|error| error.to_string())
    }
}
