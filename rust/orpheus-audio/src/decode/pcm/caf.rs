//! Core Audio Format (Apple, "Core Audio Format Specification 1.0"), as far as its samples are not
//! compressed.

use super::bytes::{Order, array, whole_hz};
use super::check_format;
use super::chunks::{Chunk, Grammar, Name, Walker};
use super::layout::Layout;
use super::linear::Number;
use super::stream::{Extent, Span, Stream};
use super::{CONVERT, Found};
use crate::error::{Error, Result};
use crate::sniff::Sniffed;
use crate::source::Input;

const HEADER_BYTES: u64 = 8;
const DESCRIPTION_BYTES: u64 = 32;
const IS_FLOAT: u32 = 1;
const IS_LITTLE_ENDIAN: u32 = 2;

/// The audio description chunk.
#[derive(Debug, Clone, Copy)]
struct Description {
    sample_rate: u32,
    codec: Name,
    flags: u32,
    packet_bytes: usize,
    n_channels: usize,
    bits: usize,
}

/// Reads the headers of the file that starts at `sniffed.start`.
pub(super) fn read(input: &mut Input, sniffed: Sniffed) -> Result<Found> {
    let file_end = input.len();
    let first = sniffed.start + HEADER_BYTES;
    let mut walker = Walker::new(input, Grammar::Caf, sniffed.start, first);
    let mut description: Option<Description> = None;
    let mut n_valid = None;
    let mut data = None;
    let mut passed = first;
    loop {
        let chunk = match (walker.next()?, &description, data) {
            (Some(chunk), ..) => chunk,
            (None, Some(known), None) if known.layout().is_some() => {
                match walker.search(&[*b"data"], passed)? {
                    Some(chunk) => chunk,
                    None => break,
                }
            }
            _ => break,
        };
        match &chunk.name {
            b"desc" if description.is_none() => {
                passed = chunk.start;
                let chunk = Chunk { len: DESCRIPTION_BYTES, ..chunk };
                description = Description::parse(&walker.contents(chunk, DESCRIPTION_BYTES)?);
            }
            b"pakt" => n_valid = Order::Big.u64(&walker.contents(chunk, 16)?, 8),
            b"data" if data.is_none() => {
                passed = chunk.start;
                data = Some(data_span(chunk, file_end));
            }
            _ => {}
        }
    }
    let description = description.ok_or_else(|| Error::damaged("no audio description chunk"))?;
    description.stream(data, n_valid)
}

/// The samples behind the chunk's edit count.
fn data_span(chunk: Chunk, file_end: u64) -> Span {
    const EDIT_COUNT: u64 = 4;
    let extent = match chunk.len {
        0 | u64::MAX => Extent::ToEnd,
        len => Extent::Bytes(len.saturating_sub(EDIT_COUNT)),
    };
    Span::new(chunk.start.saturating_add(EDIT_COUNT), extent, file_end)
}

impl Description {
    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            sample_rate: whole_hz(f64::from_be_bytes(array(bytes, 0)?)),
            codec: array(bytes, 8)?,
            flags: Order::Big.u32(bytes, 12)?,
            packet_bytes: Order::Big.u32(bytes, 16)? as usize,
            n_channels: Order::Big.u32(bytes, 24)? as usize,
            bits: Order::Big.u32(bytes, 28)? as usize,
        })
    }

    /// `None` if this is no PCM.
    fn layout(&self) -> Option<Layout> {
        let n_channels = self.n_channels.max(1);
        let number = match &self.codec {
            b"lpcm" if self.flags & IS_FLOAT != 0 => Number::float(self.number_bytes())?,
            b"lpcm" => Number::signed(self.number_bytes())?,
            b"alaw" => Number::ALaw,
            b"ulaw" => Number::MuLaw,
            b"ima4" => return Some(Layout::apple_ima(n_channels)),
            _ => return None,
        };
        let is_little = self.flags & IS_LITTLE_ENDIAN != 0;
        let order = if is_little { Order::Little } else { Order::Big };
        Some(Layout::linear(number, order, n_channels))
    }

    /// Bytes of one number: integers may stand in containers that are wider than needed.
    fn number_bytes(&self) -> usize {
        let n_least = self.bits.div_ceil(8);
        let n_stated = self.packet_bytes / self.n_channels.max(1);
        if (n_least..=8).contains(&n_stated) { n_stated } else { n_least }
    }

    fn stream(self, data: Option<Span>, n_valid: Option<u64>) -> Result<Found> {
        check_format(self.sample_rate, self.n_channels)?;
        let layout = self.layout().ok_or_else(|| self.unsupported())?;
        let span = data.ok_or_else(|| Error::damaged("no data chunk"))?;
        let mut doubts = Vec::new();
        if self.packet_bytes != layout.block_bytes() {
            doubts.push(format!(
                "the description contradicts itself: {} channels of {} bits, {} bytes a packet",
                self.n_channels, self.bits, self.packet_bytes
            ));
        }
        Ok(Found::Stream(Stream {
            container: "caf",
            sample_rate: self.sample_rate,
            // Numbers need no table of packets.
            n_stated: n_valid.filter(|_| !layout.is_linear()),
            layout,
            spans: vec![span],
            doubts,
        }))
    }

    fn unsupported(&self) -> Error {
        let what = match &self.codec {
            b"lpcm" => format!("PCM of {} bits", self.bits),
            other => format!("codec '{}' in a CAF file", other.escape_ascii()),
        };
        Error::Unsupported { what, advice: CONVERT }
    }
}
