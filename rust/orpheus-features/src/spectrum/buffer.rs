//! Memory that vectors can be read from.

use super::simd::Real;

/// Alignment of the widest vector.
const ALIGN_BYTES: usize = 64;

/// Reusable memory that starts at a multiple of 64 bytes. It grows, and never shrinks.
#[derive(Debug, Default)]
pub(crate) struct Buffer<R> {
    values: Vec<R>,
    start: usize,
}

impl<R: Real> Buffer<R> {
    /// `length` values, whatever was left in them.
    pub(crate) fn take(&mut self, length: usize) -> &mut [R] {
        let spare = ALIGN_BYTES / size_of::<R>();
        if self.values.len() < length + spare {
            self.values = vec![R::default(); length + spare];
            // A vector's memory does not move with it, so this stays true until the next growth.
            let offset = self.values.as_ptr().align_offset(ALIGN_BYTES);
            self.start = if offset <= spare { offset } else { 0 };
        }
        &mut self.values[self.start..self.start + length]
    }
}

#[cfg(test)]
mod tests {
    use super::Buffer;

    #[test]
    fn memory_is_aligned_and_reused() {
        let mut buffer = Buffer::<f32>::default();
        let first = buffer.take(1000).as_ptr();
        assert_eq!(first as usize % 64, 0);
        assert_eq!(buffer.take(10).as_ptr(), first);
        assert_eq!(buffer.take(5000).as_ptr() as usize % 64, 0);
    }
}
