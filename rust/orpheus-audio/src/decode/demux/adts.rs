//! ADTS: frames of AAC, each with its own header (ISO/IEC 13818-7 §6.2).

use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;

use super::bits::BitsMsb;
use super::bytes::Bytes;
use super::table::{Entries, Entry, Table};
use super::{Stream, aac_stream, unsupported};
use crate::decode::Losses;
use crate::decode::aac::{Program, SAMPLE_RATES};
use crate::error::{Error, Result};
use crate::sniff::{TAG_HEAD_BYTES, behind_tags, skip_id3v2};
use crate::source::Input;

/// What is left of a frame may stand in front of a stream that was cut out of another: all of one at most.
const LARGEST_FRAME: u64 = 8191;
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
            && usize::from(bytes[2] >> 2 & 0xf) < SAMPLE_RATES.len()
            && n_bytes > n_before;
        // Version, profile, rate and channels; the private bit may change.
        let fixed = [bytes[1] & 8, bytes[2] & 0xfd, bytes[3] & 0xc0];
        valid.then_some(Self { fixed, n_before, n_bytes, n_blocks: bytes[6] & 3 })
    }

    /// `packet` is the first one: where the header does not list the channels, it does.
    fn stream(self, packet: &[u8]) -> Result<Stream> {
        let [_, second, third] = self.fixed;
        if second >> 6 != LOW_COMPLEXITY {
            let profile = ["AAC Main", "AAC-LC", "AAC SSR", "AAC LTP"][usize::from(second >> 6)];
            return Err(unsupported(format!("codec {profile}")));
        }
        if self.n_blocks > 0 {
            return Err(unsupported("feature (ADTS frames of several blocks)"));
        }
        let rate = SAMPLE_RATES[usize::from(second >> 2 & 0xf)];
        match (second & 1) << 2 | third >> 6 {
            0 => {
                let config = program_config(second >> 2 & 0xf, packet)
                    .ok_or_else(|| Error::damaged("no ADTS frame says which channels there are"))?;
                Ok(aac_stream(&config, rate, 0)?.0)
            }
            7 => Ok(Stream::new(CODEC_ID_AAC, rate, 8, &[])),
            n => Ok(Stream::new(CODEC_ID_AAC, rate, u16::from(n), &[])),
        }
    }
}

/// An `AudioSpecificConfig` with the program that a packet starts with.
fn program_config(rate_index: u8, packet: &[u8]) -> Option<Vec<u8>> {
    const PROGRAM: u32 = 5;
    let mut bits = BitsMsb::new(packet);
    if bits.read(3)? != PROGRAM {
        return None;
    }
    let mut fields = bits.clone();
    let end = Program::read(&mut bits)?.end_of_fields;
    let mut config = vec![(LOW_COMPLEXITY + 1) << 3 | rate_index >> 1, rate_index << 7];
    while fields.position() < end {
        let n_bits = (end - fields.position()).min(8);
        config.push((fields.read(n_bits)? << (8 - n_bits)) as u8);
    }
    // No comment.
    config.push(0);
    Some(config)
}

/// Walks over all frames. Nothing in the stream tells the encoder's delay, so nothing is cut off.
pub(in crate::decode) fn open(
    mut input: Input,
    start: u64,
    end: u64,
    losses: &mut Losses,
) -> Result<Table> {
    let n_before = ruined_before(&mut input, start)?;
    let mut bytes = Bytes::new(input, start, end);
    let first = Header::parse(bytes.get(0, 7)?).ok_or_else(|| Error::damaged("no ADTS frame"))?;
    let packet = bytes.get(first.n_before.into(), (first.n_bytes - first.n_before) as usize)?;
    let stream = first.stream(packet)?;
    let entries = walk(&mut bytes, first, losses)?;
    if n_before > 0 {
        losses.add(
            samples_in(n_before, first, &entries),
            "bytes before the first frame make no sense",
        );
    }
    Ok(Table::new(bytes, stream, entries, true))
}

fn walk(bytes: &mut Bytes, first: Header, losses: &mut Losses) -> Result<Entries> {
    let mut entries = Entries::default();
    let mut at = 0;
    while at < bytes.len() {
        let found = Header::parse(bytes.get(at, 7)?)
            .filter(|header| header.fixed == first.fixed && header.n_blocks == 0);
        let Some(header) = found else {
            if let Some(next) = pass_tags(bytes, at, first)? {
                at = next;
                continue;
            }
            let next = resync(bytes, at + 1, first)?;
            let n_lost = samples_in(next.unwrap_or(bytes.len()) - at, first, &entries);
            entries.push_hole(n_lost, "bytes between frames make no sense");
            let Some(next) = next else { break };
            at = next;
            continue;
        };
        let end = at + u64::from(header.n_bytes);
        if end > bytes.len() {
            losses.add(FRAME_SAMPLES.into(), "the file ends in the middle of a packet");
            break;
        }
        let offset = at + u64::from(header.n_before);
        entries.push(Entry {
            offset,
            n_bytes: header.n_bytes - header.n_before,
            n_samples: FRAME_SAMPLES,
        })?;
        at = end;
    }
    Ok(entries)
}

/// Where the stream goes on, or ends, behind the tags that begin at `at`: segments of a broadcast each
/// have one in front.
fn pass_tags(bytes: &mut Bytes, at: u64, first: Header) -> Result<Option<u64>> {
    let end = bytes.len();
    let next = behind_tags(at, end, |at| {
        let there = bytes.get(at, TAG_HEAD_BYTES)?;
        let mut head = [0; TAG_HEAD_BYTES];
        head[..there.len()].copy_from_slice(there);
        Ok(head)
    })?;
    let header = Header::parse(bytes.get(next, 7)?);
    let goes_on = next == end || header.is_some_and(|header| header.fixed == first.fixed);
    Ok((next > at && goes_on).then_some(next))
}

/// How many bytes between the tags at the front and the first frame, at `start`, are frames that were
/// ruined: more than what is left of one, and no tag that lies about its length.
fn ruined_before(input: &mut Input, start: u64) -> Result<u64> {
    let tags_end = behind_tags(skip_id3v2(input)?, start, |at| {
        let mut head = [0; TAG_HEAD_BYTES];
        input.read_at(at, &mut head)?;
        Ok(head)
    })?;
    let n_before = start.saturating_sub(tags_end);
    if n_before <= LARGEST_FRAME {
        return Ok(0);
    }
    let mut lying = [0; 3];
    input.read_at(tags_end.saturating_sub(10), &mut lying)?;
    let mut bytes = vec![0; n_before as usize];
    input.read_at(tags_end, &mut bytes)?;
    // A tag may be followed by filling that it does not count.
    let is_filling = tags_end > 0 && bytes.iter().all(|&byte| byte == 0);
    Ok(if is_filling || lying == *b"ID3" { 0 } else { n_before })
}

/// As many samples as the bytes would hold at the rate so far.
fn samples_in(n_bytes: u64, first: Header, entries: &Entries) -> u64 {
    let n_frames = match entries.bytes_per_packet() {
        0 => 1,
        mean => n_bytes.div_ceil(mean + u64::from(first.n_before)),
    };
    n_frames * u64::from(FRAME_SAMPLES)
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

#[cfg(test)]
mod tests {
    use super::super::{Demuxer, Packet};
    use super::*;
    use crate::decode::aac::Config;
    use crate::limits::Limits;
    use crate::source::Source;

    #[test]
    fn a_program_at_the_start_of_the_first_packet_lists_the_channels() {
        // The element, its tag, object type and rate; one element in front, none at the sides, one at
        // the back, nothing else and no advice for mixing down; two pairs with their tags.
        let fields = [(5, 3), (0, 4), (1, 2), (4, 4), (1, 4), (0, 4), (1, 4), (0, 12)];
        let fields = fields.into_iter().chain([(0b1_0000, 5), (0b1_0001, 5)]);
        let bits = fields.fold(0_u64, |bits, (value, n)| bits << n | value);
        let bytes = (bits << 17).to_be_bytes();
        let config = Config::parse(&program_config(4, &bytes).unwrap()).unwrap();
        assert_eq!((config.sample_rate, config.layout.unwrap().n_channels), (44_100, 4));
        assert_eq!(program_config(4, &[0x21, 0, 0, 0]), None, "a pair of channels");
        assert_eq!(program_config(4, &bytes[..4]), None, "cut short");
    }

    /// Frames of 200 bytes: AAC-LC, 44.1 kHz, stereo.
    fn frames(n: usize) -> Vec<u8> {
        let frame = [&[0xff, 0xf1, 0x50, 0x80, 25, 0x1f, 0xfc][..], &[0x21; 193]].concat();
        frame.repeat(n)
    }

    /// Frames that are found, and those that are told as lost, of a stream behind `front`.
    fn found(front: &[u8], stream: &[u8]) -> (usize, u64) {
        let bytes = [front, stream].concat();
        let input = Input::open(&Source::Bytes(bytes.into()), &Limits::default()).unwrap();
        let mut losses = Losses::default();
        let mut table = open(input, front.len() as u64, u64::MAX, &mut losses).unwrap();
        let mut packet = Packet::default();
        let (mut n_found, mut time) = (0, 0);
        while table.next_packet(&mut packet, &mut losses).unwrap() {
            n_found += 1;
            losses.n_samples += packet.at.unwrap() - time;
            time = packet.at.unwrap() + packet.n_samples;
        }
        assert_eq!(losses.n_samples > 0, losses.n_times > 0);
        (n_found, losses.n_samples / u64::from(FRAME_SAMPLES))
    }

    #[test]
    fn tags_between_frames_are_passed_over() {
        let id3v2 = [&b"ID3\x04\0\0\0\0\x01\0"[..], &[0xff; 128]].concat();
        let id3v1 = [&b"TAG"[..], &[0x20; 125]].concat();
        for tags in [id3v2.clone(), id3v1.clone(), [id3v1, id3v2].concat()] {
            assert_eq!(found(&tags, &[frames(10), tags.clone(), frames(10)].concat()), (20, 0));
            assert_eq!(found(&tags, &[frames(10), tags.clone()].concat()), (10, 0));
        }
    }

    #[test]
    fn what_only_begins_like_a_tag_is_lost_frames() {
        for magic in [&b"TAG"[..], b"ID3", b"APETAGEX"] {
            let mut stream = frames(30);
            // In place of the eleventh.
            stream[2000..2000 + magic.len()].copy_from_slice(magic);
            assert_eq!(found(b"", &stream), (29, 1), "{magic:?}");
            stream[2000 + magic.len()..].fill(0x33);
            assert_eq!(found(b"", &stream), (10, 20), "{magic:?}");
        }
    }

    #[test]
    fn frames_that_were_ruined_at_the_start_are_lost() {
        assert_eq!(found(&vec![0; 20_000], &frames(100)), (100, 100));
        assert_eq!(found(&vec![0x33; 20_000], &frames(100)), (100, 100));
        // What is left of a frame, and filling behind a tag.
        assert_eq!(found(&frames(1)[9..], &frames(100)), (100, 0));
        assert_eq!(
            found(&[&b"ID3\x04\0\0\0\0\0\x04tags"[..], &vec![0; 20_000]].concat(), &frames(9)),
            (9, 0)
        );
    }
}
