//! ADTS: frames of AAC, each with its own header (ISO/IEC 13818-7 §6.2).

use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;

use super::bytes::Bytes;
use super::mp4::sample_entry::AAC_RATES;
use super::table::{Entries, Entry, Table};
use super::{Stream, unsupported};
use crate::decode::Losses;
use crate::error::{Error, Result};
use crate::source::Input;

const FRAME_SAMPLES: u32 = 1024;
const LOW_COMPLEXITY: u8 = 1;

/// The parts of a header that are the same in all frames, and those that are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    fixed: [u8; 3],
    /// Bytes of the header itself.
    n_before: u32,
    n_bytes: u32,
    n_blocks: u8,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..7)?;
        let has_checksum = bytes[1] & 1 == 0;
        let n_bytes =
            u32::from(bytes[3] & 3) << 11 | u32::from(bytes[4]) << 3 | u32::from(bytes[5] >> 5);
        let n_before = if has_checksum { 9 } else { 7 };
        let valid = bytes[0] == 0xff
            && bytes[1] & 0xf6 == 0xf0
            && usize::from(bytes[2] >> 2 & 0xf) < AAC_RATES.len()
            && n_bytes > n_before;
        // Version, profile, rate and channels; the private bit may change.
        let fixed = [bytes[1] & 8, bytes[2] & 0xfd, bytes[3] & 0xc0];
        valid.then_some(Self { fixed, n_before, n_bytes, n_blocks: bytes[6] & 3 })
    }

    fn stream(self) -> Result<Stream> {
        let [_, second, third] = self.fixed;
        if second >> 6 != LOW_COMPLEXITY {
            return Err(unsupported(format!("codec AAC of profile {}", second >> 6)));
        }
        let rate = AAC_RATES[usize::from(second >> 2 & 0xf)];
        match (second & 1) << 2 | third >> 6 {
            0 => Err(unsupported("feature (AAC whose channels a program config element lists)")),
            7 => Ok(Stream::new(CODEC_ID_AAC, rate, 8, &[])),
            n => Ok(Stream::new(CODEC_ID_AAC, rate, u16::from(n), &[])),
        }
    }
}

/// Walks over all frames. Nothing in the stream tells the encoder's delay, so nothing is cut off.
pub(in crate::decode) fn open(
    input: Input,
    start: u64,
    end: u64,
    losses: &mut Losses,
) -> Result<Table> {
    let mut bytes = Bytes::new(input, start, end);
    let first = Header::parse(bytes.get(0, 7)?).ok_or_else(|| Error::damaged("no ADTS frame"))?;
    let stream = first.stream()?;
    let entries = walk(&mut bytes, first, losses)?;
    Ok(Table::new(bytes, stream, entries, true))
}

fn walk(bytes: &mut Bytes, first: Header, losses: &mut Losses) -> Result<Entries> {
    let mut entries = Entries::default();
    let mut at = 0;
    while at < bytes.len() {
        let found = Header::parse(bytes.get(at, 7)?).filter(|header| header.fixed == first.fixed);
        let Some(header) = found else {
            if is_tag(bytes.get(at, 8)?) {
                break;
            }
            let next = resync(bytes, at + 1, first)?;
            note_gap(next.unwrap_or(bytes.len()) - at, &mut entries);
            let Some(next) = next else { break };
            at = next;
            continue;
        };
        let end = at + u64::from(header.n_bytes);
        let n_samples = FRAME_SAMPLES * (u32::from(header.n_blocks) + 1);
        if end > bytes.len() {
            losses.add(n_samples.into(), "the file ends in the middle of a packet");
            break;
        }
        let offset = at + u64::from(header.n_before);
        entries.push(Entry { offset, n_bytes: header.n_bytes - header.n_before, n_samples })?;
        at = end;
    }
    Ok(entries)
}

fn is_tag(bytes: &[u8]) -> bool {
    bytes.starts_with(b"TAG") || bytes.starts_with(b"APETAGEX") || bytes.starts_with(b"ID3")
}

/// As many samples as the bytes would hold at the rate so far.
fn note_gap(n_bytes: u64, entries: &mut Entries) {
    let n_lost = match entries.bytes_per_packet() {
        0 => FRAME_SAMPLES.into(),
        mean => n_bytes.div_ceil(mean) * u64::from(FRAME_SAMPLES),
    };
    entries.push_hole(n_lost, "bytes between frames make no sense");
}

/// The next place where two frames follow each other, or one ends the file.
fn resync(bytes: &mut Bytes, mut at: u64, first: Header) -> Result<Option<u64>> {
    while at + 7 <= bytes.len() {
        let block = bytes.get(at, 4096)?;
        let Some(offset) = block.iter().position(|&byte| byte == 0xff) else {
            at += block.len().max(1) as u64;
            continue;
        };
        at += offset as u64;
        if let Some(header) = Header::parse(bytes.get(at, 7)?)
            && header.fixed == first.fixed
        {
            let end = at + u64::from(header.n_bytes);
            let next = Header::parse(bytes.get(end, 7)?);
            if end == bytes.len() || next.is_some_and(|next| next.fixed == first.fixed) {
                return Ok(Some(at));
            }
        }
        at += 1;
    }
    Ok(None)
}
