//! Where the frames of a file are.

/// Offsets of every so many frames; how many, grows with the file, so that the index does not.
#[derive(Debug)]
pub(super) struct FrameIndex {
    offsets: Vec<u64>,
    /// Frames from one noted offset to the next.
    stride: u64,
    n_frames: u64,
}

/// Entries above which every other one is given up.
const MAX_ENTRIES: usize = 1 << 16;
/// Frames that are walked over sooner than looked up.
const FIRST_STRIDE: u64 = 16;

impl FrameIndex {
    pub(super) const fn new() -> Self {
        Self { offsets: Vec::new(), stride: FIRST_STRIDE, n_frames: 0 }
    }

    /// Frames noted so far.
    pub(super) fn n_frames(&self) -> u64 {
        self.n_frames
    }

    /// Notes where the next frame starts.
    pub(super) fn push(&mut self, offset: u64) {
        if self.n_frames.is_multiple_of(self.stride) {
            self.offsets.push(offset);
        }
        self.n_frames += 1;
        if self.offsets.len() > MAX_ENTRIES {
            let mut keep = false;
            self.offsets.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride *= 2;
        }
    }

    /// The last noted frame at or before `frame`, and its offset.
    pub(super) fn before(&self, frame: u64) -> Option<(u64, u64)> {
        let entry = (frame / self.stride).min((self.offsets.len() as u64).checked_sub(1)?);
        Some((entry * self.stride, self.offsets[entry as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_frame_before_is_found_however_long_the_file() {
        let n = FIRST_STRIDE * MAX_ENTRIES as u64 * 3;
        let mut index = FrameIndex::new();
        assert_eq!(index.before(5), None);
        for frame in 0..n {
            index.push(7 + 3 * frame);
        }
        assert!(index.offsets.len() <= MAX_ENTRIES);
        for frame in [0, 1, 15, 16, 12_345, n - 1, n, n + 1_000_000] {
            let (noted, offset) = index.before(frame).unwrap();
            assert_eq!(offset, 7 + 3 * noted);
            assert!(noted <= frame && (frame >= n || frame - noted < 64), "{frame}: {noted}");
        }
    }
}
