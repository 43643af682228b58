//! What is done to a vector before it comes to an index.

mod hadamard;
mod linear;

use std::fmt::Debug;

use self::hadamard::Hadamard;
use self::linear::LinearMap;
use crate::error::{Error, Result};
use crate::format::model::{Transform, TransformKind};

/// Transforms, one after the other.
#[derive(Debug)]
pub(crate) struct Chain {
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    d_in: usize,
    d_out: usize,
    kind: StepKind,
}

#[derive(Debug)]
enum StepKind {
    /// Nothing has been learned, so nothing is stored either: all vectors become zeros.
    Untrained,
    Linear(LinearMap),
    Normalize,
    Center(Vec<f32>),
    Remap(Vec<Option<usize>>),
    Hadamard(Hadamard),
}

impl Chain {
    /// What a file states, whose dimensions fit each other.
    pub(crate) fn new(transforms: Vec<Transform>) -> Self {
        Self { steps: transforms.into_iter().map(Step::new).collect() }
    }

    /// What becomes of `vector`.
    pub(crate) fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let mut vector = vector.to_vec();
        for step in &self.steps {
            let mut next = vec![0.0; step.d_out];
            step.apply(&vector, &mut next);
            vector = next;
        }
        vector
    }

    /// A vector that becomes `vector`, or the nearest that there is to it.
    ///
    /// # Errors
    ///
    /// [`Error::NotReconstructible`] if a step is neither orthonormal nor undone otherwise.
    pub(crate) fn reverse(&self, vector: &[f32]) -> Result<Vec<f32>> {
        let mut vector = vector.to_vec();
        for step in self.steps.iter().rev() {
            let mut previous = vec![0.0; step.d_in];
            step.reverse(&vector, &mut previous)?;
            vector = previous;
        }
        Ok(vector)
    }
}

impl Step {
    fn new(transform: Transform) -> Self {
        let Transform { d_in, d_out, is_trained, kind } = transform;
        let kind = match kind {
            _ if !is_trained => StepKind::Untrained,
            TransformKind::RandomRotation(linear) => {
                StepKind::Linear(LinearMap::rotation(d_in, d_out, linear))
            }
            TransformKind::Pca { linear, .. } | TransformKind::Linear(linear) => {
                StepKind::Linear(LinearMap::new(d_in, d_out, linear))
            }
            TransformKind::Normalize => StepKind::Normalize,
            TransformKind::Center { mean } => StepKind::Center(mean),
            TransformKind::Remap { map } => {
                let place = |place: i32| usize::try_from(place).ok().filter(|at| *at < d_in);
                StepKind::Remap(map.into_iter().map(place).collect())
            }
            TransformKind::Hadamard { seed } => StepKind::Hadamard(Hadamard::new(seed)),
        };
        Self { d_in, d_out, kind }
    }

    fn apply(&self, from: &[f32], to: &mut [f32]) {
        match &self.kind {
            StepKind::Untrained => {}
            StepKind::Linear(map) => map.apply(from, to),
            StepKind::Normalize => normalize(from, to),
            StepKind::Center(mean) => {
                for ((to, from), mean) in to.iter_mut().zip(from).zip(mean) {
                    *to = from - mean;
                }
            }
            StepKind::Remap(map) => {
                for (to, place) in to.iter_mut().zip(map) {
                    *to = place.map_or(0.0, |place| from[place]);
                }
            }
            StepKind::Hadamard(rotation) => rotation.apply(from, to),
        }
    }

    fn reverse(&self, from: &[f32], to: &mut [f32]) -> Result<()> {
        match &self.kind {
            StepKind::Untrained => return Err(Error::NotReconstructible("it is not trained")),
            StepKind::Linear(map) => map.reverse(from, to)?,
            // The length is lost.
            StepKind::Normalize => to.copy_from_slice(from),
            StepKind::Center(mean) => {
                for ((to, from), mean) in to.iter_mut().zip(from).zip(mean) {
                    *to = from + mean;
                }
            }
            StepKind::Remap(map) => {
                for (from, place) in from.iter().zip(map) {
                    if let Some(place) = *place {
                        to[place] = *from;
                    }
                }
            }
            StepKind::Hadamard(rotation) => rotation.reverse(from, to),
        }
        Ok(())
    }
}

/// `from` with length one; zeros stay.
fn normalize(from: &[f32], to: &mut [f32]) {
    let squared: f64 = from.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
    let inverse = if squared > 0.0 { 1.0 / squared.sqrt() } else { 1.0 };
    for (to, from) in to.iter_mut().zip(from) {
        *to = (f64::from(*from) * inverse) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transform(d_in: usize, d_out: usize, kind: TransformKind) -> Transform {
        Transform { d_in, d_out, is_trained: true, kind }
    }

    #[test]
    fn steps_follow_each_other_and_are_undone_in_reverse() {
        let center = TransformKind::Center { mean: vec![1.0, 2.0, 3.0] };
        let remap = TransformKind::Remap { map: vec![2, -1, 0, 1] };
        let chain = Chain::new(vec![transform(3, 3, center), transform(3, 4, remap)]);
        let changed = chain.apply(&[5.0, 7.0, 9.0]);
        assert_eq!(changed, [6.0, 0.0, 4.0, 5.0]);
        assert_eq!(chain.reverse(&changed).unwrap(), [5.0, 7.0, 9.0]);
    }

    #[test]
    fn a_normalized_vector_has_length_one_and_zeros_stay() {
        let chain = Chain::new(vec![transform(2, 2, TransformKind::Normalize)]);
        let unit = chain.apply(&[3e30, 4e30]);
        assert!((unit[0] - 0.6).abs() < 1e-6 && (unit[1] - 0.8).abs() < 1e-6);
        assert_eq!(chain.apply(&[0.0, 0.0]), [0.0, 0.0]);
    }

    #[test]
    fn what_was_not_trained_is_not_undone() {
        let mut center = transform(1, 1, TransformKind::Center { mean: vec![] });
        center.is_trained = false;
        let chain = Chain::new(vec![center]);
        assert_eq!(chain.apply(&[4.0]), [0.0]);
        assert!(matches!(chain.reverse(&[4.0]), Err(Error::NotReconstructible(_))));
    }
}
