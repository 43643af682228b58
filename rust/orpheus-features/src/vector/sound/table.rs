//! Series side by side: one row per quantity, one column per frame.

use crate::spectrum::simd::MAX_LANES;

/// A matrix whose rows have room for whole vectors.
#[derive(Debug, Default)]
pub(super) struct Table {
    values: Vec<f32>,
    n_rows: usize,
    n_frames: usize,
}

impl Table {
    /// Makes room; what the rows hold is left over from before.
    pub(super) fn reshape(&mut self, n_rows: usize, n_frames: usize) {
        (self.n_rows, self.n_frames) = (n_rows, n_frames);
        let n_values = n_rows * self.stride();
        if self.values.len() < n_values {
            self.values.resize(n_values, 0.0);
        }
    }

    /// Frames.
    pub(super) fn n_frames(&self) -> usize {
        self.n_frames
    }

    /// Values from the start of a row to the start of the next one. An odd number of vectors, so
    /// that the rows of one frame do not share cache sets.
    pub(super) fn stride(&self) -> usize {
        (self.n_frames.div_ceil(MAX_LANES) | 1) * MAX_LANES
    }

    /// All rows with the room at their ends.
    pub(super) fn values(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// One series.
    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.stride()..][..self.n_frames]
    }

    /// One series, to be changed.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let (stride, n_frames) = (self.stride(), self.n_frames);
        &mut self.values()[row * stride..][..n_frames]
    }

    /// Leaves only the frames for which `keep` is true.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        if keep.iter().all(|keep| *keep) {
            return;
        }
        let (stride, n_kept) = (self.stride(), keep.iter().filter(|keep| **keep).count());
        let n_rows = self.n_rows;
        let narrow = Self { n_frames: n_kept, ..Self::default() }.stride();
        let values = self.values();
        let mut kept = 0;
        for row in 0..n_rows {
            kept = row * narrow;
            for (frame, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
                values[kept] = values[row * stride + frame];
                kept += 1;
            }
        }
        debug_assert!(kept <= values.len());
        self.n_frames = n_kept;
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn only_the_frames_that_are_kept_remain() {
        let mut table = Table::default();
        table.reshape(3, 40);
        for row in 0..3 {
            for (frame, value) in table.row_mut(row).iter_mut().enumerate() {
                *value = (100 * row + frame) as f32;
            }
        }
        let keep: Vec<bool> = (0..40).map(|frame| frame % 3 == 1).collect();
        table.retain(&keep);
        for row in 0..3 {
            let expected: Vec<f32> = (0..13).map(|i| (100 * row + 3 * i + 1) as f32).collect();
            assert_eq!(table.row(row), expected);
        }
    }
}
