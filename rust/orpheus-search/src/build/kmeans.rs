//! Lloyd's k-means: centroids that vectors are near to.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clusters::Clusters;
use super::crew::{Crew, Share, Step};
use super::random::Random;
use crate::distance::Kernels;
use crate::distance::panels::{Panels, WIDTH};
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::rows::Rows;

/// Vectors that a thread takes at a time.
const CHUNK: usize = 960;
/// How far the two halves of a cluster are put apart, relative to their values.
const SPLIT: f32 = 1.0 / 1024.0;

/// How to find centroids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KMeansOptions {
    /// How many centroids.
    pub(super) n_centroids: usize,
    /// How often they are moved.
    pub(super) n_iterations: usize,
    /// Vectors looked at, per centroid. If there are more, a random sample is drawn.
    pub(super) sample_per_centroid: usize,
    /// What the sample and the first centroids depend on.
    pub(super) seed: u64,
}

/// Where the nearest centroid of each vector goes.
pub(super) struct Nearest<'a> {
    /// Its number.
    pub(super) of: &'a mut [u32],
    /// The inner product with it, under [`Metric::L2`] less half its squared length.
    pub(super) scores: &'a mut [f32],
}

/// Vectors that stand for those near to them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Centroids {
    values: Vec<f32>,
    dim: usize,
    metric: Metric,
}

impl Centroids {
    /// Takes centroids as they are: whole vectors of `dim` values, which is not 0.
    pub(super) fn from_values(values: Vec<f32>, dim: usize, metric: Metric) -> Self {
        Self { values, dim, metric }
    }

    /// Finds centroids of finite `rows`. Under [`Metric::L2`] each becomes the mean of the vectors
    /// that are nearest to it, otherwise the direction of the mean of those that have the largest
    /// inner product with it. The result does not depend on the number of threads.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if there are fewer rows than centroids or nothing is asked for;
    /// [`Error::Stopped`].
    pub(super) fn train(
        rows: Rows<'_>,
        metric: Metric,
        options: &KMeansOptions,
        crew: &Crew<'_>,
    ) -> Result<Self> {
        let KMeansOptions { n_centroids, n_iterations, sample_per_centroid, seed } = *options;
        check(rows, options)?;
        let mut random = Random::new(seed);
        let n_sampled = n_centroids.saturating_mul(sample_per_centroid.max(1));
        let sample = random.sample(n_sampled, rows.n_rows());
        let total = n_iterations.saturating_add(1).saturating_mul(sample.len());
        let mut centroids = Self { values: Vec::new(), dim: rows.dim(), metric };
        centroids.scatter(rows, &sample, n_centroids, &mut random, (crew, total))?;
        let mut clusters = Clusters::new(sample.len(), n_centroids);
        let mut scores = vec![0.0; sample.len()];
        for iteration in 1..=n_iterations {
            let share =
                Share { step: Step::Train, before: iteration * sample.len(), total, counts: true };
            let nearest = Nearest { of: &mut clusters.of, scores: &mut scores };
            centroids.nearest_into(rows, |i| sample[i], nearest, crew, share)?;
            clusters.sort();
            centroids.move_to(rows, &sample, &clusters, crew)?;
            if iteration < n_iterations {
                centroids.fill_empty(&clusters);
            }
        }
        Ok(centroids)
    }

    /// Chooses the first `n` centroids among the sample, some at a time: the farther a vector is
    /// from those there are, the likelier it is chosen (after Arthur and Vassilvitskii, k-means++,
    /// SODA 2007, but for taking several between two looks at the distances).
    fn scatter(
        &mut self,
        rows: Rows<'_>,
        sample: &[usize],
        n: usize,
        random: &mut Random,
        (crew, total): (&Crew<'_>, usize),
    ) -> Result<()> {
        let together = if n < 8 * WIDTH { n.div_ceil(8) } else { (n / 8).next_multiple_of(WIDTH) };
        let mut weights = vec![f32::INFINITY; sample.len()];
        let (mut of, mut scores) = (vec![0; sample.len()], vec![0.0; sample.len()]);
        let mut chosen = random.sample(together, sample.len());
        while self.n() < n {
            let batch = self.with_values(chosen.iter().flat_map(|&place| rows.row(sample[place])));
            self.values.extend_from_slice(&batch.values);
            let before = sample.len() * (self.n() - batch.n()) / n;
            let share = Share { step: Step::Train, before, total, counts: false };
            let nearest = Nearest { of: &mut of, scores: &mut scores };
            batch.nearest_into(rows, |i| sample[i], nearest, crew, share)?;
            self.shorten(rows, sample, &scores, &mut weights, crew)?;
            let wanted = together.min(n - self.n());
            chosen = random.weighted_sample(wanted, &weights);
            // Few are far from anything.
            chosen.extend(random.sample(wanted - chosen.len(), sample.len()));
        }
        Ok(())
    }

    /// Other centroids of the same kind.
    fn with_values(&self, values: impl Iterator<Item = f32>) -> Self {
        let mut others = Self { values: values.collect(), ..*self };
        if self.metric != Metric::L2 {
            others.values.chunks_exact_mut(self.dim).for_each(make_unit);
        }
        others
    }

    /// Brings the distances of the sample down to those from centroids with which it has `scores`.
    fn shorten(
        &self,
        rows: Rows<'_>,
        sample: &[usize],
        scores: &[f32],
        distances: &mut [f32],
        crew: &Crew<'_>,
    ) -> Result<()> {
        let chunks =
            distances.chunks_mut(CHUNK).zip(scores.chunks(CHUNK)).zip(sample.chunks(CHUNK));
        crew.silently(
            chunks,
            || (),
            |(), ((distances, scores), sample)| {
                for ((distance, score), &row) in distances.iter_mut().zip(scores).zip(sample) {
                    let squared = squared_length(rows.row(row));
                    // Squared distances of directions, times the length, are twice what is kept here.
                    let shorter = match self.metric {
                        Metric::L2 => squared - 2.0 * score,
                        _ => squared.sqrt() - score,
                    };
                    *distance = distance.min(shorter.max(0.0));
                }
            },
        )
    }

    /// Writes the number of the nearest centroid of each vector, the first of equally near ones.
    pub(super) fn nearest_into(
        &self,
        rows: Rows<'_>,
        row_of: impl Fn(usize) -> usize + Sync,
        nearest: Nearest<'_>,
        crew: &Crew<'_>,
        share: Share,
    ) -> Result<()> {
        let kernels = Kernels::best();
        // The nearest has the smallest |x - c|^2 = |x|^2 - 2 (x c - |c|^2 / 2).
        let panels = Panels::new(self.rows()?, |centroid| match self.metric {
            Metric::L2 => {
                let values = &self.values[centroid * self.dim..][..self.dim];
                -squared_length(values.iter().copied()) / 2.0
            }
            _ => 0.0,
        });
        let Nearest { of, scores } = nearest;
        let chunks = of.chunks_mut(CHUNK).zip(scores.chunks_mut(CHUNK)).enumerate();
        let items = chunks.map(|(chunk, item)| (item.0.len(), (chunk * CHUNK, item)));
        crew.work(
            share,
            items,
            || (),
            |(), (first, (of, scores)): (_, (&mut [_], &mut [_]))| {
                panels.nearest_into(kernels, rows, |i| row_of(first + i), of, scores);
            },
        )
    }

    /// Moves each centroid to the middle of its cluster; one of an empty cluster stays.
    fn move_to(
        &mut self,
        rows: Rows<'_>,
        sample: &[usize],
        clusters: &Clusters,
        crew: &Crew<'_>,
    ) -> Result<()> {
        let (dim, metric) = (self.dim, self.metric);
        let items = self.values.chunks_exact_mut(dim).enumerate();
        crew.silently(
            items,
            || vec![0.0f64; dim],
            |sums, (number, centroid)| {
                let members = clusters.members(number);
                if members.is_empty() {
                    return;
                }
                sums.fill(0.0);
                for &place in members {
                    let row = rows.row(sample[place as usize]);
                    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(value));
                }
                let n = members.len() as f64;
                centroid.iter_mut().zip(&*sums).for_each(|(value, sum)| *value = (sum / n) as f32);
                if metric != Metric::L2 {
                    make_unit(centroid);
                }
            },
        )
    }

    /// Gives each centroid without vectors half of those of the largest cluster.
    fn fill_empty(&mut self, clusters: &Clusters) {
        let sizes = (0..clusters.n()).map(|number| (clusters.members(number).len(), number));
        let mut empty = sizes.clone().filter(|(size, _)| *size == 0).peekable();
        if empty.peek().is_none() {
            return;
        }
        let mut largest: BinaryHeap<_> =
            sizes.map(|(size, number)| (size, Reverse(number))).collect();
        for (_, target) in empty {
            let Some((size, Reverse(source))) = largest.pop() else { return };
            for d in 0..self.dim {
                let value = self.values[source * self.dim + d];
                let apart = if d % 2 == 0 { SPLIT } else { -SPLIT };
                self.values[target * self.dim + d] = value * (1.0 + apart);
                self.values[source * self.dim + d] = value * (1.0 - apart);
            }
            largest.push((size / 2, Reverse(source)));
            largest.push((size - size / 2, Reverse(target)));
        }
    }

    /// The vectors.
    pub(super) fn rows(&self) -> Result<Rows<'_>> {
        Rows::new(&self.values, self.dim)
    }

    /// How many there are.
    pub(super) fn n(&self) -> usize {
        self.values.len() / self.dim
    }
}

fn check(rows: Rows<'_>, options: &KMeansOptions) -> Result<()> {
    let KMeansOptions { n_centroids, n_iterations, .. } = *options;
    for (name, value) in [("nlist", n_centroids), ("n_iterations", n_iterations)] {
        if value == 0 {
            let (found, expected) = ("0".to_owned(), "at least 1".to_owned());
            return Err(Error::Parameter { name, found, expected });
        }
    }
    if rows.n_rows() < n_centroids {
        let n = rows.n_rows();
        return Err(Error::Parameter {
            name: "nlist",
            found: n_centroids.to_string(),
            expected: format!("at most {n}, the number of vectors; for so few, kind \"Flat\""),
        });
    }
    Ok(())
}

fn squared_length(values: impl Iterator<Item = f32>) -> f32 {
    values.map(|value| f64::from(value) * f64::from(value)).sum::<f64>() as f32
}

/// Scales to length one what has a direction.
fn make_unit(values: &mut [f32]) {
    let inverse = crate::queries::inverse_norm(values.iter().copied().map(f64::from));
    if inverse > 0.0 {
        for value in values {
            *value = (f64::from(*value) * inverse) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIM: usize = 5;

    /// `n_groups` groups of 20 vectors about points far from each other.
    fn grouped(n_groups: usize) -> Vec<f32> {
        let mut random = Random::new(1);
        let mut noise = || random.unit() as f32 - 0.5;
        let rows = (0..20 * n_groups).map(|row| row % n_groups + 1);
        rows.flat_map(|group| (0..DIM).map(move |d| (group, d)))
            .map(|(group, d)| 10.0 * ((group * (d + 1)) as f32).sin() + noise())
            .collect()
    }

    fn options(n_centroids: usize) -> KMeansOptions {
        KMeansOptions { n_centroids, n_iterations: 10, sample_per_centroid: 100, seed: 5 }
    }

    fn trained(values: &[f32], metric: Metric, n: usize, n_threads: usize) -> Centroids {
        let rows = Rows::new(values, DIM).unwrap();
        let crew = Crew::new(n_threads, None).unwrap();
        Centroids::train(rows, metric, &options(n), &crew).unwrap()
    }

    #[test]
    fn every_group_gets_a_centroid() {
        let values = grouped(12);
        let centroids = trained(&values, Metric::L2, 20, 1);
        for row in values.chunks(DIM) {
            let squared = |centroid: &[f32]| -> f32 {
                centroid.iter().zip(row).map(|(c, x)| (c - x) * (c - x)).sum()
            };
            let nearest = centroids.values.chunks(DIM).map(squared).fold(f32::MAX, f32::min);
            // Within the group, values are at most one apart.
            assert!(nearest < 5.0, "{nearest}");
        }
    }

    #[test]
    fn threads_change_no_bit_and_directions_have_length_one() {
        let values = grouped(100);
        for metric in [Metric::L2, Metric::InnerProduct] {
            let one = trained(&values, metric, 60, 1);
            assert_eq!(one, trained(&values, metric, 60, 4));
            for centroid in one.values.chunks(DIM).filter(|_| metric != Metric::L2) {
                let length: f32 = centroid.iter().map(|value| value * value).sum();
                assert!((length - 1.0).abs() < 1e-6, "{length}");
            }
        }
    }

    #[test]
    fn a_centroid_without_vectors_gets_half_of_the_largest_cluster() {
        let values = [1.0; 3 * DIM].to_vec();
        let mut centroids = Centroids::from_values(values, DIM, Metric::L2);
        let mut clusters = Clusters::new(6, 3);
        clusters.of.copy_from_slice(&[2, 0, 2, 2, 2, 0]);
        clusters.sort();
        centroids.fill_empty(&clusters);
        let rows = centroids.rows().unwrap();
        assert_eq!(rows.row(0).collect::<Vec<_>>(), [1.0; DIM]);
        let (near, far) = (1.0 - SPLIT, 1.0 + SPLIT);
        assert_eq!(rows.row(1).collect::<Vec<_>>(), [far, near, far, near, far]);
        assert_eq!(rows.row(2).collect::<Vec<_>>(), [near, far, near, far, near]);
    }

    #[test]
    fn as_many_centroids_as_vectors_and_all_the_same_ones_come_to_an_end() {
        let values = grouped(1);
        assert_eq!(trained(&values, Metric::L2, 20, 2).n(), 20);
        for metric in [Metric::L2, Metric::InnerProduct] {
            for value in [0.0, 1.0, f32::MAX] {
                assert_eq!(trained(&[value; 100 * DIM], metric, 60, 2).n(), 60);
            }
        }
    }

    #[test]
    fn more_centroids_than_vectors_are_refused() {
        let rows = Rows::new(&[1.0; 3 * DIM], DIM).unwrap();
        let crew = Crew::new(1, None).unwrap();
        let error = Centroids::train(rows, Metric::L2, &options(4), &crew).unwrap_err();
        assert!(error.to_string().contains("nlist is 4, expected at most 3"), "{error}");
    }
}
