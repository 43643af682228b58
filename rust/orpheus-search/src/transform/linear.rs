//! Linear maps: principal components, random rotations, OPQ.

use std::sync::OnceLock;

use crate::codec::dot;
use crate::error::{Error, Result};
use crate::format::model::Linear;

/// How far `A Aᵀ` may be from the identity for `Aᵀ` to undo `A`: as in FAISS.
const ORTHONORMAL_TOLERANCE: f32 = 4e-5;

/// `y = A x + b`.
#[derive(Debug)]
pub(super) struct LinearMap {
    d_in: usize,
    /// `[d_out][d_in]`.
    a: Vec<f32>,
    b: Vec<f32>,
    /// Whether `Aᵀ` undoes `A`, as far as that can be; looked at when it is asked for.
    is_orthonormal: OnceLock<bool>,
}

impl LinearMap {
    pub(super) fn new(d_in: usize, d_out: usize, linear: Linear) -> Self {
        let Linear { mut a, b, have_bias } = linear;
        let b = if have_bias { b } else { Vec::new() };
        a.truncate(d_in * d_out);
        Self { d_in, a, b, is_orthonormal: OnceLock::new() }
    }

    /// The same of a map that is known to be a rotation.
    pub(super) fn rotation(d_in: usize, d_out: usize, linear: Linear) -> Self {
        Self { is_orthonormal: OnceLock::from(true), ..Self::new(d_in, d_out, linear) }
    }

    pub(super) fn apply(&self, from: &[f32], to: &mut [f32]) {
        for (to, row) in to.iter_mut().zip(self.a.chunks_exact(self.d_in)) {
            *to = dot(row, from);
        }
        for (to, bias) in to.iter_mut().zip(&self.b) {
            *to += bias;
        }
    }

    pub(super) fn reverse(&self, from: &[f32], to: &mut [f32]) -> Result<()> {
        if !*self.is_orthonormal.get_or_init(|| self.rows_are_orthonormal()) {
            return Err(Error::NotReconstructible("its linear map is not orthonormal"));
        }
        for (index, (value, row)) in from.iter().zip(self.a.chunks_exact(self.d_in)).enumerate() {
            let value = value - self.b.get(index).copied().unwrap_or(0.0);
            for (to, a) in to.iter_mut().zip(row) {
                *to += value * a;
            }
        }
        Ok(())
    }

    fn rows_are_orthonormal(&self) -> bool {
        let rows: Vec<&[f32]> = self.a.chunks_exact(self.d_in).collect();
        rows.len() <= self.d_in
            && rows.iter().enumerate().all(|(index, row)| {
                rows[..=index].iter().enumerate().all(|(other, with)| {
                    let expected = f32::from(u8::from(other == index));
                    (dot(row, with) - expected).abs() <= ORTHONORMAL_TOLERANCE
                })
            })
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::*;

    #[test]
    fn an_orthonormal_map_is_undone_and_another_is_not() {
        let b = vec![10.0, 20.0];
        let linear = Linear { a: vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0], b, have_bias: true };
        let map = LinearMap::new(3, 2, linear);
        let mut changed = [0.0; 2];
        map.apply(&[3.0, 4.0, 5.0], &mut changed);
        assert_eq!(changed, [14.0, 25.0]);
        let mut back = [0.0; 3];
        map.reverse(&changed, &mut back).unwrap();
        assert_eq!(back, [0.0, 4.0, 5.0]);

        let scaled = Linear { a: vec![2.0], b: vec![], have_bias: false };
        let error = LinearMap::new(1, 1, scaled).reverse(&[1.0], &mut [0.0]).unwrap_err();
        assert!(matches!(error, Error::NotReconstructible(_)));
    }
}
