//! Apple's Core Audio Format (Core Audio Format Specification 1.0) with coded packets.

use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;

use super::bytes::{Bytes, be_u32, be_u64};
use super::durations::Durations;
use super::mp4::sample_entry::{alac_stream, descriptor};
use super::table::{Entries, Entry, Table};
use super::{Stream, aac_stream, unsupported};
use crate::decode::Losses;
use crate::error::{Error, Result};
use crate::source::Input;

/// Where the description's format stands: it is the first chunk of every file.
const FORMAT_AT: u64 = 28;
const MOST_CHUNKS: usize = 4096;
const MOST_TABLE_BYTES: u64 = 64 << 20;

/// Whether the file holds plain samples, or A-law and µ-law ones.
pub(in crate::decode) fn is_pcm(input: &mut Input, start: u64) -> Result<bool> {
    let mut format = [0; 4];
    input.read_at(start + FORMAT_AT, &mut format)?;
    Ok(matches!(&format, b"lpcm" | b"alaw" | b"ulaw" | b"ima4"))
}

#[derive(Debug, Clone, Copy)]
struct Description {
    sample_rate: u32,
    format: [u8; 4],
    n_bytes: u32,
    n_samples: u32,
    n_channels: u16,
}

#[derive(Debug, Default)]
struct Chunks {
    description: Option<Description>,
    cookie: Vec<u8>,
    packets: Vec<u8>,
    /// Where the packets are.
    data: Option<(u64, u64)>,
    is_cut: bool,
}

/// Opens a file of coded packets.
pub(in crate::decode) fn open(
    input: Input,
    start: u64,
    end: u64,
    losses: &mut Losses,
) -> Result<Table> {
    let mut bytes = Bytes::new(input, start, end);
    let chunks = Chunks::read(&mut bytes)?;
    let missing = |what: &str| Error::damaged(format!("no {what} chunk"));
    let description = chunks.description.ok_or_else(|| missing("desc"))?;
    let (mut stream, mut durations) = codec(description, &chunks.cookie)?;
    let (data_at, data_end) = chunks.data.ok_or_else(|| missing("data"))?;
    let table = PacketTable::parse(&chunks.packets).ok_or_else(|| missing("pakt"))?;
    let mut entries = table.entries(&chunks.packets, data_at, description)?;
    if let Some(last) = entries.last() {
        // Some writers count the last packet as whole, although it says itself that it is not.
        let first = bytes.get(last.offset, Durations::N_BYTES)?;
        let n_samples = durations.of(first, last.n_bytes.into());
        if n_samples < u64::from(last.n_samples) && n_samples > 0 {
            entries.set_last(n_samples as u32);
        }
    }
    let total = entries.end();
    let stop = table.stop().filter(|&stop| stop <= total);
    stream.delay = table.priming;
    stream.n_samples = stop.unwrap_or(total).checked_sub(table.priming);
    if entries.cut_at(data_end).is_some() || chunks.is_cut {
        let n_lost = stop.unwrap_or(total).saturating_sub(entries.end());
        losses.add(n_lost, "the file ends before its last packet");
    }
    let is_exact = entries.fit(&durations);
    Ok(Table::new(bytes, stream, entries, is_exact).with_stop(stop).with_told(durations))
}

fn codec(description: Description, cookie: &[u8]) -> Result<(Stream, Durations)> {
    let Description { sample_rate, n_channels, .. } = description;
    match &description.format {
        b"alac" => {
            // Older writers put the boxes of a MOV file around it: `frma`, then `alac`.
            const MOST_BEFORE: usize = 24;
            let head = &cookie[..cookie.len().min(MOST_BEFORE)];
            let cookie = match head.windows(4).rposition(|bytes| bytes == b"alac") {
                Some(at) => cookie.get(at + 8..).unwrap_or(&[]),
                None => cookie,
            };
            alac_stream(cookie).ok_or_else(|| Error::damaged("the magic cookie cannot be read"))
        }
        b"aac " => {
            let told = descriptor(cookie).filter(|(_, config)| !config.is_empty());
            let config = told.map_or(cookie, |(_, config)| config);
            aac_stream(config, sample_rate, n_channels)
        }
        b"opus" => {
            let stream = Stream::new(CODEC_ID_OPUS, 48_000, n_channels, cookie);
            Ok((stream, Durations::Opus))
        }
        b"aach" | b"aacp" => Err(unsupported("codec HE-AAC")),
        format => Err(unsupported(format!("codec {:?}", String::from_utf8_lossy(format)))),
    }
}

impl Chunks {
    fn read(bytes: &mut Bytes) -> Result<Self> {
        let mut chunks = Self::default();
        let mut at = 8;
        for _ in 0..MOST_CHUNKS {
            let header = bytes.get(at, 12)?;
            let (Some(kind), Some(n_bytes)) = (header.get(..4), be_u64(header, 4)) else { break };
            let kind: Vec<u8> = kind.to_vec();
            let body = at + 12;
            // −1: up to the end of the file, for data only.
            let claimed =
                if n_bytes > i64::MAX as u64 { bytes.len() } else { body.saturating_add(n_bytes) };
            let end = claimed.min(bytes.len());
            chunks.is_cut |= claimed > end;
            chunks.take(bytes, &kind, body, end)?;
            if claimed >= bytes.len() {
                break;
            }
            at = claimed;
        }
        Ok(chunks)
    }

    fn take(&mut self, bytes: &mut Bytes, kind: &[u8], body: u64, end: u64) -> Result<()> {
        let mut read = || -> Result<Vec<u8>> {
            let mut contents = Vec::new();
            bytes.append(
                body,
                end.saturating_sub(body).min(MOST_TABLE_BYTES) as usize,
                &mut contents,
            )?;
            Ok(contents)
        };
        match kind {
            b"desc" => self.description = Description::parse(&read()?),
            b"kuki" => self.cookie = read()?,
            b"pakt" => self.packets = read()?,
            // Four bytes count the edits.
            b"data" => self.data = Some((body.saturating_add(4), end)),
            _ => {}
        }
        Ok(())
    }
}

impl Description {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let rate = f64::from_bits(be_u64(bytes, 0)?);
        Some(Self {
            sample_rate: rate as u32,
            format: bytes.get(8..12)?.try_into().ok()?,
            n_bytes: be_u32(bytes, 16)?,
            n_samples: be_u32(bytes, 20)?,
            n_channels: be_u32(bytes, 24)?.min(u32::from(u16::MAX)) as u16,
        })
    }
}

/// The head of the `pakt` chunk.
struct PacketTable {
    n_packets: u64,
    /// Samples that sound, and those in front of them.
    valid: u64,
    priming: u64,
}

impl PacketTable {
    const HEAD: usize = 24;

    fn parse(bytes: &[u8]) -> Option<Self> {
        let n_priming = be_u32(bytes, 16)? as i32;
        Some(Self {
            n_packets: be_u64(bytes, 0)?,
            valid: be_u64(bytes, 8)?,
            priming: u64::try_from(n_priming).unwrap_or(0),
        })
    }

    /// When nothing sounds any more.
    fn stop(&self) -> Option<u64> {
        self.priming.checked_add(self.valid).filter(|_| self.valid > 0)
    }

    fn entries(&self, bytes: &[u8], mut offset: u64, description: Description) -> Result<Entries> {
        let mut entries = Entries::default();
        let mut at = Self::HEAD;
        let mut number = |constant: u32| match constant {
            0 => variable_length(bytes, &mut at),
            constant => Some(constant),
        };
        for _ in 0..self.n_packets {
            let sizes = number(description.n_bytes)
                .and_then(|n_bytes| Some((n_bytes, number(description.n_samples)?)));
            let Some((n_bytes, n_samples)) = sizes else {
                entries.push_hole(0, "the packet table is cut short");
                break;
            };
            entries.push(Entry { offset, n_bytes, n_samples })?;
            offset = offset.saturating_add(u64::from(n_bytes));
        }
        Ok(entries)
    }
}

/// Seven bits in each byte, the highest first.
fn variable_length(bytes: &[u8], at: &mut usize) -> Option<u32> {
    let mut value = 0_u32;
    for _ in 0..5 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value = value.checked_mul(128)? | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
