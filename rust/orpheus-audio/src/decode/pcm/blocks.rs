//! The bytes of a stream, in whole blocks, by large reads.

use std::ops::Range;

use super::layout::Layout;
use super::stream::Span;
use crate::error::Result;
use crate::source::Input;

/// What one system call fetches: large enough to be few, small enough to stay in the cache until it
/// is decoded.
const READ_BYTES: usize = 256 << 10;
/// Reads that start at multiples of this are copied page by page.
const PAGE_BYTES: u64 = 4096;
/// Samples per channel to hand out at a time: they stay in the nearest caches on their way through
/// the resampler.
const HANDED_SAMPLES: usize = 8192;

/// Hands out the bytes of some spans.
pub(super) struct Blocks {
    input: Input,
    spans: Vec<Span>,
    block_bytes: usize,
    handed_bytes: usize,
    /// The span that is being read, and how many of its bytes were.
    span: usize,
    n_read: u64,
    buffer: Vec<u8>,
    /// What in the buffer was not handed out yet.
    waiting: Range<usize>,
}

impl Blocks {
    pub(super) fn new(input: Input, spans: Vec<Span>, layout: &Layout) -> Self {
        let block_bytes = layout.block_bytes();
        let n_handed = (HANDED_SAMPLES / layout.block_samples()).max(1);
        let handed_bytes = n_handed * block_bytes;
        Self {
            input,
            spans,
            block_bytes,
            handed_bytes,
            span: 0,
            n_read: 0,
            buffer: Vec::new(),
            waiting: 0..0,
        }
    }

    /// The next whole blocks, or the beginning of one where a span ends with it; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        while self.waiting.is_empty() {
            let Some(span) = self.spans.get(self.span) else { return Ok(None) };
            let left = span.len.saturating_sub(self.n_read);
            let at = span.start.saturating_add(self.n_read);
            if left == 0 {
                self.span += 1;
                self.n_read = 0;
                continue;
            }
            // Bytes that are in memory already need no buffer.
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(self.handed_bytes);
            if self.input.is_memory() {
                self.n_read += want as u64;
                return Ok(self.input.memory(at, want));
            }
            self.fill(at, left)?;
        }
        let n = self.waiting.len().min(self.handed_bytes);
        let start = self.waiting.start;
        self.waiting.start += n;
        Ok(Some(&self.buffer[start..start + n]))
    }

    fn fill(&mut self, at: u64, left: u64) -> Result<()> {
        let most = READ_BYTES.max(self.handed_bytes);
        let to_page = (at % PAGE_BYTES) as usize;
        let n_aligned = (most - to_page.min(most)).max(self.block_bytes);
        let whole = n_aligned - n_aligned % self.block_bytes;
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(whole);
        self.buffer.resize(self.buffer.len().max(want), 0);
        let n = self.input.read_at(at, &mut self.buffer[..want])?;
        self.waiting = 0..n;
        self.n_read += n as u64;
        if n < want {
            // The file was cut while it was being read; whoever watches it will say so.
            self.span = self.spans.len();
        }
        Ok(())
    }

    /// Makes the block that holds `sample` the next one; returns the position of its first sample.
    pub(super) fn seek(&mut self, sample: u64, layout: &Layout) -> u64 {
        self.waiting = 0..0;
        let mut position = 0_u64;
        for (index, span) in self.spans.iter().enumerate() {
            let n_samples = layout.samples_in(span.len);
            let inside = sample.saturating_sub(position);
            if inside < n_samples {
                let n_blocks = inside / layout.block_samples() as u64;
                self.span = index;
                self.n_read = n_blocks * layout.block_bytes() as u64;
                return position + n_blocks * layout.block_samples() as u64;
            }
            position = position.saturating_add(n_samples);
        }
        self.span = self.spans.len();
        self.n_read = 0;
        position
    }
}
