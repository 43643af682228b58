//! What the bytes are, by their content: names and extensions are never believed.

use crate::decode::external::formats::named;
use crate::decode::mpeg::header::{find_chain, find_free_chain};
use crate::decode::mpeg::info_tag::audio_end;
use crate::error::{CONVERT, Error, Result};
use crate::source::Input;

/// Containers that a backend reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    Wav,
    Wave64,
    Aiff,
    Au,
    Caf,
    Flac,
    Ogg,
    Mp4,
    Matroska,
    Mpeg,
    Adts,
}

impl Container {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Wave64 => "w64",
            Self::Aiff => "aiff",
            Self::Au => "au",
            Self::Caf => "caf",
            Self::Flac => "flac",
            Self::Ogg => "ogg",
            Self::Mp4 => "mp4",
            Self::Matroska => "matroska",
            Self::Mpeg => "mpeg",
            Self::Adts => "adts",
        }
    }
}

/// Where the audio stands in the file, without the tags in front of it and behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sniffed {
    pub(crate) container: Container,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// How much is looked through for the first frame of a stream that has no magic number.
const SEARCH_BYTES: usize = 512 << 10;
/// More `ID3v2` tags in a row than any tagger writes.
const MAX_TAGS: usize = 16;
/// Bytes that say how long a tag is: the header of an APE tag.
pub(crate) const TAG_HEAD_BYTES: usize = 32;
const CHAIN: usize = 4;

/// Names the container and finds the audio in it.
pub(crate) fn sniff(input: &mut Input) -> Result<Sniffed> {
    if input.len() == 0 {
        return Err(Error::NotAudio("the file is empty".to_owned()));
    }
    let start = skip_id3v2(input)?;
    let mut head = [0_u8; 64];
    let n = input.read_at(start, &mut head)?;
    let head = &head[..n];
    if let Some(container) = by_magic(head) {
        return Ok(Sniffed { container, start, end: input.len() });
    }
    if let Some(what) = unsupported_by_magic(head) {
        return Err(Error::Unsupported { what: what.to_owned(), advice: CONVERT });
    }
    if let Some(what) = not_audio_by_magic(head) {
        return Err(Error::NotAudio(what.to_owned()));
    }
    search_frames(input, start)
}

fn by_magic(head: &[u8]) -> Option<Container> {
    let form = head.get(8..12);
    Some(match head.get(..4)? {
        b"RIFF" | b"RIFX" | b"RF64" | b"BW64" if form == Some(b"WAVE") => Container::Wav,
        b"riff" if is_wave64(head) => Container::Wave64,
        b".snd" | b"dns." => Container::Au,
        b"FORM" if matches!(form, Some(b"AIFF" | b"AIFC")) => Container::Aiff,
        b"caff" => Container::Caf,
        b"fLaC" => Container::Flac,
        b"OggS" if !ogg_payload(head).starts_with(b"Speex") => Container::Ogg,
        [0x1a, 0x45, 0xdf, 0xa3] => Container::Matroska,
        _ if is_mp4(head) => Container::Mp4,
        _ => return None,
    })
}

/// What the first page of an Ogg stream holds: its codec's first header (RFC 3533 §6).
fn ogg_payload(head: &[u8]) -> &[u8] {
    let n_segments = head.get(26).copied().unwrap_or(0);
    head.get(27 + usize::from(n_segments)..).unwrap_or(&[])
}

fn is_mp4(head: &[u8]) -> bool {
    matches!(head.get(4..8), Some(b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip"))
}

/// The GUIDs that stand for RIFF and WAVE.
fn is_wave64(head: &[u8]) -> bool {
    const RIFF: [u8; 16] = *b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0";
    const WAVE: [u8; 16] = *b"wave\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a";
    head.starts_with(&RIFF) && head.get(24..40) == Some(&WAVE)
}

fn unsupported_by_magic(head: &[u8]) -> Option<&'static str> {
    const ASF: [u8; 4] = [0x30, 0x26, 0xb2, 0x75];
    Some(match head.get(..4)? {
        b"wvpk" => "codec WavPack",
        b"MAC " => "codec Monkey's Audio",
        b"TTA1" | b"TTA2" => "codec True Audio",
        b"tBaK" => "codec TAK",
        b"MPCK" | [b'M', b'P', b'+', _] => "codec Musepack",
        b"DSD " | b"FRM8" => "codec DSD",
        b"OggS" if ogg_payload(head).starts_with(b"Speex") => "codec Speex",
        b"RIFF" => "RIFF file that is not WAVE",
        b"#!AM" => "codec AMR",
        [0x7f, 0xfe, 0x80, 0x01] => "codec DTS",
        [0x0b, 0x77, ..] => "codec AC-3",
        magic if *magic == ASF => "container ASF (WMA)",
        _ => return named(head),
    })
}

fn not_audio_by_magic(head: &[u8]) -> Option<&'static str> {
    Some(match head.get(..4)? {
        b"MThd" => "a MIDI file holds notes, not sound",
        b"PK\x03\x04" => "a ZIP archive",
        b"%PDF" => "a PDF document",
        [0x89, b'P', b'N', b'G'] | [0xff, 0xd8, 0xff, _] | b"GIF8" => "a picture",
        b"#EXT" => "a playlist",
        _ => return None,
    })
}

/// Offset behind all `ID3v2` tags at the front (`ID3v2.4` structure §3.1).
pub(crate) fn skip_id3v2(input: &mut Input) -> Result<u64> {
    let mut start = 0_u64;
    for _ in 0..MAX_TAGS {
        let mut header = [0_u8; 10];
        if input.read_at(start, &mut header)? < header.len() || &header[..3] != b"ID3" {
            break;
        }
        let Some(size) = syncsafe(&header[6..10]) else { break };
        let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
        let next = start + 10 + u64::from(size) + footer;
        if next > input.len() {
            // The tag lies about its length: look for the audio inside it.
            return Ok(start + 10);
        }
        start = next;
    }
    Ok(start)
}

/// Where the tags end that follow each other from `at` on, each as long as it says; `at` itself if there
/// is none, or only one that claims more than there is before `end`. `head` reads what stands at a
/// place, with zeros behind the end.
///
/// # Errors
///
/// Those of `head`.
pub(crate) fn behind_tags(
    mut at: u64,
    end: u64,
    mut head: impl FnMut(u64) -> Result<[u8; TAG_HEAD_BYTES]>,
) -> Result<u64> {
    for _ in 0..MAX_TAGS {
        let next = tag_bytes(&head(at)?, end.saturating_sub(at)).and_then(|n| at.checked_add(n));
        let Some(next) = next.filter(|&next| next <= end) else { break };
        at = next;
    }
    Ok(at)
}

/// How long the `ID3v1`, `ID3v2` or APE tag is that begins with `head` (`ID3v2.4` structure §3.1, APE tag
/// header and footer), `n_left` bytes before the end.
fn tag_bytes(head: &[u8; TAG_HEAD_BYTES], n_left: u64) -> Option<u64> {
    const ID3V1_BYTES: u64 = 128;
    const IS_APE_HEADER: u8 = 0x20;
    if head.starts_with(b"TAG") {
        return Some(ID3V1_BYTES.min(n_left));
    }
    if head.starts_with(b"ID3") {
        let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
        return Some(10 + u64::from(syncsafe(&head[6..10])?) + footer);
    }
    if !head.starts_with(b"APETAGEX") {
        return None;
    }
    let size = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
    let n_head = TAG_HEAD_BYTES as u64;
    Some(if head[23] & IS_APE_HEADER != 0 { n_head + u64::from(size) } else { n_head })
}

/// A number of seven bits in each byte, the highest first (`ID3v2.4` structure §6.2).
pub(crate) fn syncsafe(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |value, &byte| (byte < 0x80).then(|| value << 7 | u32::from(byte)))
}

/// MPEG audio and ADTS have no magic number: only a chain of frames that fit together is believed.
fn search_frames(input: &mut Input, start: u64) -> Result<Sniffed> {
    let audio_end = audio_end(input)?;
    let mut bytes = vec![0; SEARCH_BYTES.min(input.len() as usize)];
    let n = input.read_at(start, &mut bytes)?;
    let bytes = &bytes[..n];
    let file_end = input.len();
    let at_end = start + n as u64 == file_end;
    let n_audio = audio_end.saturating_sub(start).min(n as u64) as usize;
    let is_whole = at_end && n_audio == n;
    let mpeg = find_chain(bytes, CHAIN, is_whole)
        .or_else(|| find_chain(&bytes[..n_audio], CHAIN, n_audio < n));
    let adts = find_adts_chain(bytes, at_end);
    let (container, offset) = match (mpeg, adts) {
        (Some(mpeg), Some(adts)) if adts <= mpeg => (Container::Adts, adts),
        (None, Some(adts)) => (Container::Adts, adts),
        (Some(mpeg), _) => (Container::Mpeg, mpeg),
        (None, None) => match find_free_chain(bytes) {
            Some(offset) => (Container::Mpeg, offset),
            None => return Err(Error::NotAudio(describe(bytes).to_owned())),
        },
    };
    Ok(Sniffed { container, start: start + offset as u64, end: file_end })
}

fn find_adts_chain(bytes: &[u8], at_end: bool) -> Option<usize> {
    (0..bytes.len()).find(|&start| {
        let n_least = if start == 0 { 1 } else { 2 };
        bytes[start] == 0xff && is_adts_chain(&bytes[start..], at_end.then_some(n_least))
    })
}

fn is_adts_chain(bytes: &[u8], n_at_end: Option<usize>) -> bool {
    let mut offset = 0;
    for n_found in 0..CHAIN {
        let Some(header) = bytes.get(offset..offset + 7) else {
            let n_whole = if offset <= bytes.len() { n_found } else { n_found.saturating_sub(1) };
            return n_at_end.is_some_and(|n_least| n_whole >= n_least);
        };
        let same = header[1] == bytes[1] && header[2] == bytes[2];
        match adts_frame_bytes(header) {
            Some(n_bytes) if same => offset += n_bytes,
            _ => return false,
        }
    }
    true
}

/// Length of the ADTS frame that `header` starts (ISO/IEC 13818-7 §6.2).
fn adts_frame_bytes(header: &[u8]) -> Option<usize> {
    let synced = header[0] == 0xff && header[1] & 0xf6 == 0xf0;
    let rate_known = (header[2] >> 2) & 0xf < 13;
    let n_bytes = usize::from(header[3] & 3) << 11
        | usize::from(header[4]) << 3
        | usize::from(header[5] >> 5);
    (synced && rate_known && n_bytes > 7).then_some(n_bytes)
}

fn describe(bytes: &[u8]) -> &'static str {
    let sample = &bytes[..bytes.len().min(512)];
    let printable =
        |&&byte: &&u8| (0x20..0x7f).contains(&byte) || matches!(byte, b'\n' | b'\r' | b'\t');
    if sample.iter().filter(printable).count() * 10 >= sample.len() * 9 {
        "the file is text"
    } else if sample.iter().all(|&byte| byte == 0) {
        "the file is all zeros"
    } else {
        "no known container, no MPEG or ADTS frames"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::source::Source;

    fn sniff_bytes(bytes: &[u8]) -> Result<Sniffed> {
        let source = Source::Bytes(bytes.into());
        sniff(&mut Input::open(&source, &Limits::default()).unwrap())
    }

    #[test]
    fn tags_in_front_are_skipped() {
        let mut bytes = b"ID3\x04\0\0\0\0\0\x05hellofLaC".to_vec();
        bytes.extend([0; 40]);
        let sniffed = sniff_bytes(&bytes).unwrap();
        assert_eq!((sniffed.container, sniffed.start), (Container::Flac, 15));
    }

    #[test]
    fn a_few_frames_in_front_of_a_tag_are_a_stream() {
        let mut frame = vec![0xff, 0xfb, 0x90, 0x64];
        frame.resize(417, 0);
        let mut footer = b"APETAGEX\xd0\x07\0\0\x20\0\0\0".to_vec();
        footer.resize(32, 0);
        let id3v1 = [&b"TAG"[..], &[0x20; 125]].concat();
        for tags in [vec![], footer.clone(), id3v1.clone(), [footer, id3v1].concat()] {
            let sniffed = sniff_bytes(&[frame.repeat(2), tags].concat()).unwrap();
            assert_eq!((sniffed.container, sniffed.start), (Container::Mpeg, 0));
        }
    }

    #[test]
    fn text_is_not_audio() {
        let error = sniff_bytes(&b"once upon a time ".repeat(400)).unwrap_err();
        assert_eq!(error.to_string(), "not audio: the file is text");
    }

    #[test]
    fn other_codecs_are_refused_by_name() {
        let error = sniff_bytes(b"wvpk0000000000000000").unwrap_err();
        assert_eq!(error.kind(), "unsupported");
        assert!(error.to_string().contains("WavPack"), "{error}");
    }

    #[test]
    fn an_empty_file_is_not_audio() {
        assert_eq!(sniff_bytes(b"").unwrap_err().kind(), "not_audio");
    }
}
