//! Vectors as bytes: a quarter of the memory traffic for a search whose result is measured again.

use memmap2::MmapMut;

use super::Vectors;
use crate::build::crew::Crew;
use crate::error::{Error, Result};
use crate::metric::Metric;

/// Dimensions beyond which inner products of codes do not fit 32 bits.
const MAX_DIM: usize = 1 << 16;
/// Vectors whose mean stands for that of all.
const N_MEAN: usize = 4096;
/// Vectors that a thread encodes at a time.
const CHUNK: usize = 512;

/// Vectors less a common mean, each as bytes times a factor of its own.
pub(super) struct Codes {
    values: MmapMut,
    factors: Vec<Factors>,
    dim: usize,
    /// What an inner product counts for in a distance.
    weight: f32,
}

#[derive(Clone, Copy, Default)]
struct Factors {
    scale: f32,
    /// The part of the distance that does not depend on the other vector.
    offset: f32,
}

impl Codes {
    /// Encodes finite vectors, unless their dimension is too large.
    pub(super) fn new(
        vectors: Vectors<'_>,
        metric: Metric,
        crew: &Crew<'_>,
    ) -> Result<Option<Self>> {
        let (n, dim) = (vectors.n(), vectors.dim());
        if dim > MAX_DIM {
            return Ok(None);
        }
        let mean = mean(vectors);
        let mut values = roomy(n * dim)?;
        let mut factors = vec![Factors::default(); n];
        let codes = bytemuck::cast_slice_mut::<u8, i8>(&mut values);
        let chunks = codes.chunks_mut(CHUNK * dim).zip(factors.chunks_mut(CHUNK)).enumerate();
        let items = chunks.map(|(chunk, item)| (chunk * CHUNK, item));
        crew.silently(
            items,
            || vec![0.0; dim],
            |centred: &mut Vec<f32>, (first, item)| {
                let (values, factors): (&mut [i8], &mut [Factors]) = item;
                let places = values.chunks_exact_mut(dim).zip(factors).enumerate();
                for (index, (values, factors)) in places {
                    let row = vectors.lanes(first + index);
                    *factors = encode(row, &mean, metric, centred, values);
                }
            },
        )?;
        let weight = if metric == Metric::L2 { -2.0 } else { -1.0 };
        Ok(Some(Self { values, factors, dim, weight }))
    }

    /// The codes of a vector.
    pub(super) fn values(&self, node: u32) -> &[i8] {
        bytemuck::cast_slice(&self.values[node as usize * self.dim..][..self.dim])
    }

    /// About how far two vectors are, from the inner product of their codes: less a number that is
    /// the same for all `other`.
    pub(super) fn distance(&self, node: u32, other: u32, dot: i32) -> f32 {
        let other = self.factors[other as usize];
        let scale = self.weight * self.factors[node as usize].scale * other.scale;
        let distance = other.offset + scale * dot as f32;
        if distance.is_nan() { f32::INFINITY } else { distance }
    }
}

/// Zeros, on huge pages where the system has them: random rows are found twice as fast there.
fn roomy(n_bytes: usize) -> Result<MmapMut> {
    let refuse = |source| Error::Io { path: "memory for the codes of a graph".into(), source };
    let memory = MmapMut::map_anon(n_bytes.max(1)).map_err(refuse)?;
    // Where the advice is refused, nothing changes.
    #[cfg(target_os = "linux")]
    let _ = memory.advise(memmap2::Advice::HugePage);
    Ok(memory)
}

fn mean(vectors: Vectors<'_>) -> Vec<f32> {
    let step = vectors.n().div_ceil(N_MEAN).max(1);
    let mut sums = vec![0.0f64; vectors.dim()];
    let mut n = 0.0;
    for node in (0..vectors.n()).step_by(step) {
        let row = vectors.lanes(node).iter().map(|lane| f32::from_le_bytes(*lane));
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(value));
        n += 1.0;
    }
    sums.into_iter().map(|sum| (sum / f64::max(n, 1.0)) as f32).collect()
}

fn encode(
    row: &[[u8; 4]],
    mean: &[f32],
    metric: Metric,
    centred: &mut [f32],
    values: &mut [i8],
) -> Factors {
    let row = row.iter().map(|lane| f32::from_le_bytes(*lane));
    let mut offset = 0.0f64;
    for ((centred, value), mean) in centred.iter_mut().zip(row).zip(mean) {
        *centred = value - mean;
        offset += f64::from(match metric {
            Metric::L2 => *centred * *centred,
            _ => -mean * value,
        });
    }
    let largest = centred.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    for (code, value) in values.iter_mut().zip(centred) {
        // Casts of what is too large or no number end at the nearest code, or at 0.
        *code = (*value * inverse).round_ties_even() as i8;
    }
    Factors { scale: largest / 127.0, offset: offset as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::Kernels;
    use crate::rows::Rows;

    #[test]
    fn distances_of_codes_differ_from_those_of_vectors_by_little_and_a_constant() {
        let (n, dim) = (50, 96);
        let values: Vec<f32> =
            (0..n * dim).map(|i| ((i * 7919 + i / 7) % 1013) as f32 / 1013.0 + 3.0).collect();
        let rows = Rows::new(&values, dim).unwrap();
        let crew = Crew::new(1, None).unwrap();
        for metric in [Metric::L2, Metric::InnerProduct] {
            let codes = Codes::new(Vectors::new(rows), metric, &crew).unwrap().unwrap();
            let errors: Vec<f32> = (1..n as u32)
                .map(|other| {
                    let pairs = rows.row(0).zip(rows.row(other as usize));
                    let exact: f32 = match metric {
                        Metric::L2 => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
                        _ => -pairs.map(|(a, b)| a * b).sum::<f32>(),
                    };
                    let mut dot = [0];
                    let others = [codes.values(other)];
                    Kernels::best().code_dots(codes.values(0), &others, &mut dot);
                    codes.distance(0, other, dot[0]) - exact
                })
                .collect();
            // 96 products of values up to 0.5, each rounded to a part in 254.
            assert!(errors.iter().all(|error| (error - errors[0]).abs() < 0.1), "{errors:?}");
        }
    }

    #[test]
    fn a_vector_that_is_the_mean_has_codes_of_zero() {
        let values = [2.0f32; 12];
        let rows = Rows::new(&values, 3).unwrap();
        let crew = Crew::new(1, None).unwrap();
        let codes = Codes::new(Vectors::new(rows), Metric::L2, &crew).unwrap().unwrap();
        assert_eq!(codes.values(1), [0; 3]);
        assert!(codes.distance(0, 1, 0).abs() < f32::EPSILON);
    }
}
