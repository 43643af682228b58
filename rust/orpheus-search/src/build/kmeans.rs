//! Lloyd's k-means: centroids that vectors are near to.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::crew::{Crew, Share, Step};
use super::random::Random;
use crate::distance::Kernels;
use crate::distance::panels::Panels;
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
        let sample = random.sample(n_sampled.max(n_centroids), rows.n_rows());
        let mut values = Vec::with_capacity(n_centroids * rows.dim());
        for place in random.sample(n_centroids, sample.len()) {
            values.extend(rows.row(sample[place]));
        }
        let mut centroids = Self { values, dim: rows.dim(), metric };
        if metric != Metric::L2 {
            centroids.values.chunks_exact_mut(rows.dim()).for_each(make_unit);
        }
        let mut clusters = Clusters::new(sample.len(), n_centroids);
        let total = n_iterations.saturating_mul(sample.len());
        for iteration in 0..n_iterations {
            let share = Share { step: Step::Train, before: iteration * sample.len(), total };
            centroids.nearest_into(rows, |i| sample[i], &mut clusters.of, crew, share)?;
            clusters.sort();
            centroids.move_to(rows, &sample, &clusters, crew)?;
            centroids.fill_empty(&clusters);
        }
        Ok(centroids)
    }

    /// Writes the number of the nearest centroid of each vector; the first of equally near ones.
    pub(super) fn nearest_into(
        &self,
        rows: Rows<'_>,
        row_of: impl Fn(usize) -> usize + Sync,
        nearest: &mut [u32],
        crew: &Crew<'_>,
        share: Share,
    ) -> Result<()> {
        let kernels = Kernels::best();
        let centroids = self.rows()?;
        // The nearest has the smallest |x - c|^2 = |x|^2 - 2 (x c - |c|^2 / 2).
        let panels = Panels::new(centroids, |centroid| match self.metric {
            Metric::L2 => -squared_length(&self.values[centroid * self.dim..][..self.dim]) / 2.0,
            _ => 0.0,
        });
        let chunks = nearest.chunks_mut(CHUNK).enumerate();
        let items = chunks.map(|(chunk, nearest)| (nearest.len(), (chunk * CHUNK, nearest)));
        let scores = || vec![0.0; CHUNK];
        crew.work(share, items, scores, |scores: &mut Vec<f32>, (first, nearest): (_, &mut [_])| {
            let scores = &mut scores[..nearest.len()];
            panels.nearest_into(kernels, rows, |i| row_of(first + i), nearest, scores);
        })
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
        let items = self.values.chunks_exact_mut(dim).enumerate().map(|item| (0, item));
        let sums = || vec![0.0f64; dim];
        // Not a step of its own: a few hundredths of the time that finding the nearest takes.
        let share = Share { step: Step::Train, before: 0, total: usize::MAX };
        let silent = Crew::new(crew.n_threads(), None)?;
        silent.work(share, items, sums, |sums, (number, centroid)| {
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
        })
    }

    /// Gives each centroid without vectors half of those of the largest cluster.
    fn fill_empty(&mut self, clusters: &Clusters) {
        let sizes = (0..clusters.n()).map(|number| (clusters.members(number).len(), number));
        let mut empty = sizes.clone().filter(|(size, _)| *size == 0).peekable();
        if empty.peek().is_none() {
            return;
        }
        let mut largest: BinaryHeap<_> =
            sizes.clone().map(|(size, number)| (size, Reverse(number))).collect();
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

fn squared_length(values: &[f32]) -> f32 {
    values.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>() as f32
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

/// Things in groups.
pub(super) struct Clusters {
    /// The group of each thing, below the number of groups.
    pub(super) of: Vec<u32>,
    /// The things, by group, each group in ascending order.
    order: Vec<u32>,
    /// Where each group starts in `order`, and the end.
    starts: Vec<usize>,
}

impl Clusters {
    /// `n_things`, which are below 2^32, all in the first of `n` groups until sorted.
    pub(super) fn new(n_things: usize, n: usize) -> Self {
        let of = vec![0; n_things];
        Self { of, order: vec![0; n_things], starts: vec![0; n + 1] }
    }

    /// Puts the things into the groups that `of` says.
    pub(super) fn sort(&mut self) {
        self.starts.fill(0);
        for &group in &self.of {
            self.starts[group as usize + 1] += 1;
        }
        for group in 1..self.starts.len() {
            self.starts[group] += self.starts[group - 1];
        }
        let mut ends = self.starts.clone();
        for (thing, &group) in self.of.iter().enumerate() {
            let end = &mut ends[group as usize];
            self.order[*end] = thing as u32;
            *end += 1;
        }
    }

    /// The things of a group.
    pub(super) fn members(&self, group: usize) -> &[u32] {
        &self.order[self.starts[group]..self.starts[group + 1]]
    }

    /// How many groups.
    pub(super) fn n(&self) -> usize {
        self.starts.len() - 1
    }
}
