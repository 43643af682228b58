//! Sun/NeXT audio files (`.au`, `.snd`), and DEC's little-endian ones.

use super::bytes::{Order, array};
use super::layout::Layout;
use super::linear::Number;
use super::stream::{Extent, Span, Stream};
use super::{CONVERT, Found, check_format};
use crate::error::{Error, Result};
use crate::sniff::Sniffed;
use crate::source::Input;

const HEADER_BYTES: u32 = 24;
const UNKNOWN: u32 = u32::MAX;

/// Reads the header of the file that starts at `sniffed.start`.
pub(super) fn read(input: &mut Input, sniffed: Sniffed) -> Result<Found> {
    let mut head = [0; HEADER_BYTES as usize];
    if input.read_at(sniffed.start, &mut head)? < head.len() {
        return Err(Error::damaged("the file ends inside its header"));
    }
    let order = if head.starts_with(b".snd") { Order::Big } else { Order::Little };
    let word = |n: usize| match (order, array(&head, 4 * n).unwrap_or_default()) {
        (Order::Big, bytes) => u32::from_be_bytes(bytes),
        (Order::Little, bytes) => u32::from_le_bytes(bytes),
    };
    let (offset, len, coding, sample_rate) = (word(1), word(2), word(3), word(4));
    let n_channels = word(5) as usize;
    check_format(sample_rate, n_channels)?;
    if offset < HEADER_BYTES {
        return Err(Error::damaged(format!("the samples start in the header, at byte {offset}")));
    }
    let layout = Layout::linear(number(coding)?, order, n_channels);
    let end = input.len();
    let start = sniffed.start + u64::from(offset);
    let extent = match len {
        // What a writer leaves that never came back to complete its header.
        0 | UNKNOWN => Extent::ToEnd,
        len => Extent::Bytes(u64::from(len)),
    };
    let span = Span::new(start, extent, end);
    let mut doubts = Vec::new();
    if span.end() + HEADER_BYTES as u64 <= end {
        doubts.push("the file is longer than its header says".to_owned());
    }
    Ok(Found::Stream(Stream {
        container: "au",
        sample_rate,
        layout,
        spans: vec![span],
        n_stated: None,
        doubts,
    }))
}

fn number(coding: u32) -> Result<Number> {
    let name = match coding {
        1 => return Ok(Number::MuLaw),
        2 => return Ok(Number::Signed8),
        3 => return Ok(Number::Signed16),
        4 => return Ok(Number::Signed24),
        5 => return Ok(Number::Signed32),
        6 => return Ok(Number::Float32),
        7 => return Ok(Number::Float64),
        27 => return Ok(Number::ALaw),
        23 => "codec G.721 ADPCM".to_owned(),
        24 => "codec G.722".to_owned(),
        25 | 26 => "codec G.723 ADPCM".to_owned(),
        other => format!("codec {other} in an AU file"),
    };
    Err(Error::Unsupported { what: name, advice: CONVERT })
}
