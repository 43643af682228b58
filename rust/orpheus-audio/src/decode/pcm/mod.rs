//! Containers of uncompressed samples: WAV and its relatives, Wave64, AIFF, AU, and CAF.
//!
//! Lengths are compared with each other and with the file: what is there is decoded, what is promised
//! and missing is counted, and what contradicts itself is said. Positions are arithmetic, so measuring
//! and seeking cost nothing.

mod adpcm;
mod aiff;
mod au;
mod blocks;
mod bytes;
mod caf;
mod chunks;
mod companded;
mod format_chunk;
mod layout;
mod linear;
mod stream;
#[cfg(test)]
mod testing;
mod wave;

use self::blocks::Blocks;
use self::layout::Layout;
use self::stream::{Lengths, Span, Stream};
use super::mpeg::Mpeg;
use super::mpeg::layer3::Mix;
use super::{Backend, Block, Losses, TrackInfo};
use crate::error::{CONVERT, Result};
use crate::limits::Limits;
use crate::sniff::{Container, Sniffed};
use crate::source::Input;

/// What the headers lead to.
#[derive(Debug)]
enum Found {
    /// Samples for us.
    Stream(Stream),
    /// Frames of MPEG audio.
    Mpeg(Span),
}

/// Opens the file with whatever decodes what is in it.
pub(super) fn open(mut input: Input, sniffed: Sniffed, mix: Mix) -> Result<Box<dyn Backend>> {
    let found = match sniffed.container {
        Container::Aiff => aiff::read(&mut input, sniffed)?,
        Container::Au => au::read(&mut input, sniffed)?,
        Container::Caf => caf::read(&mut input, sniffed)?,
        _ => wave::read(&mut input, sniffed)?,
    };
    Ok(match found {
        Found::Stream(stream) => Box::new(Pcm::new(input, stream, mix)),
        Found::Mpeg(span) => Box::new(open_mpeg(input, span, mix)?),
    })
}

fn open_mpeg(mut input: Input, span: Span, mix: Mix) -> Result<Mpeg> {
    input.end_at(span.end());
    let mut mpeg = Mpeg::open(input, span.start, mix)?;
    if span.is_cut() {
        let n_missing = span.claimed - span.len;
        mpeg.losses().add(0, format!("ends early: {n_missing} bytes are missing"));
    }
    Ok(mpeg)
}

/// Refuses what no block of samples can be laid out for, before one is; the caller's own limits are
/// checked later.
fn check_format(sample_rate: u32, n_channels: usize) -> Result<()> {
    let limits = Limits::default();
    let max_channels = n_channels.clamp(limits.max_channels, usize::from(u16::MAX));
    Limits { max_channels, ..limits }.check_format(sample_rate, n_channels)
}

/// Bytes → samples.
struct Pcm {
    blocks: Blocks,
    layout: Layout,
    mix: Mix,
    info: TrackInfo,
    lengths: Lengths,
    position: u64,
    losses: Losses,
    /// Whether what is missing at the end was added to the losses.
    is_settled: bool,
}

impl Pcm {
    fn new(input: Input, mut stream: Stream, mix: Mix) -> Self {
        let lengths = stream.settle();
        let mut losses = Losses::default();
        for doubt in stream.doubts {
            losses.add(0, doubt);
        }
        Self {
            blocks: Blocks::new(input, stream.spans, &stream.layout),
            info: TrackInfo {
                container: stream.container,
                codec: stream.layout.codec(),
                sample_rate: stream.sample_rate,
                n_channels: stream.layout.n_channels(),
                n_samples: Some(lengths.n_claimed),
            },
            layout: stream.layout,
            mix,
            lengths,
            position: 0,
            losses,
            is_settled: false,
        }
    }

    /// Once it matters: adds what the file lacks to the losses.
    fn settle(&mut self) {
        let Lengths { n_there, n_claimed } = self.lengths;
        if !self.is_settled && n_there < n_claimed {
            let why = format!("ends early: {n_there} of {n_claimed} samples");
            self.losses.add(n_claimed - n_there, why);
        }
        self.is_settled = true;
    }
}

impl Backend for Pcm {
    fn info(&self) -> &TrackInfo {
        &self.info
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool> {
        let n_left = self.lengths.n_there.saturating_sub(self.position);
        let bytes = if n_left == 0 { None } else { self.blocks.next()? };
        // The planes keep their lengths: they are overwritten, not grown again from nothing.
        block.channels.resize_with(self.layout.n_planes(self.mix), Vec::new);
        let Some(bytes) = bytes else {
            self.settle();
            block.clear(0);
            return Ok(false);
        };
        let n_wanted = usize::try_from(n_left).unwrap_or(usize::MAX);
        let mut n_silenced = 0;
        self.layout.decode(bytes, self.mix, &mut block.channels, |damaged| {
            n_silenced += damaged.end.min(n_wanted) - damaged.start.min(n_wanted);
        });
        block.channels.iter_mut().for_each(|plane| plane.truncate(n_wanted));
        if n_silenced > 0 {
            self.losses.add_silenced(n_silenced as u64, "a block contradicts its format");
        }
        self.position += block.n_samples() as u64;
        Ok(true)
    }

    fn measure(&mut self) -> Result<Option<u64>> {
        self.settle();
        Ok(Some(self.lengths.n_there))
    }

    fn seek(&mut self, sample: u64) -> Result<Option<u64>> {
        self.position = self.blocks.seek(sample.min(self.lengths.n_there), &self.layout);
        Ok(Some(self.position))
    }

    fn losses(&mut self) -> &mut Losses {
        &mut self.losses
    }

    fn forget_promise(&mut self) {
        self.info.n_samples = None;
    }

    fn tolerance(&self) -> u64 {
        0
    }
}
