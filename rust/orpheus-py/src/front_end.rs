//! Lets the loader run what `orpheus-features` computes; neither crate knows the other.

use std::sync::Arc;

use orpheus_audio::Window;
use orpheus_audio::loader::{FrontEnd, FrontEndWorker};
use orpheus_features::vector::classical::{Classical, Layout, Workspace};

use crate::error::{NativeError, NativeResult};

/// The front end that Python calls `name`, for windows at `sample_rate`.
pub(crate) fn front_end(name: &str, sample_rate: u32) -> NativeResult<Arc<dyn FrontEnd>> {
    let layout = match name {
        "classical_chroma12" => Layout::Chroma12,
        "classical_chroma_mean" => Layout::ChromaMean,
        _ => {
            return Err(NativeError::parameter(format!(
                "front_end is {name:?}, expected \"classical_chroma12\" or \"classical_chroma_mean\""
            )));
        }
    };
    let classical = Classical::shared(sample_rate, layout)
        .map_err(|error| NativeError::parameter(error.to_string()))?;
    Ok(Arc::new(ClassicalFrontEnd(classical)))
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
