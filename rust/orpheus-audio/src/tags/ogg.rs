//! Ogg: the comment packet of the first audio stream, followed from page to page.

use super::flac::{self, Stream};
use super::part::{Findings, Kind};
use super::peek::Peek;
use crate::error::Result;

/// Streams that may begin at the same time.
const MAX_STREAMS: usize = 16;
/// Pages that are stepped over in search of the next one of the same stream.
const MAX_FOREIGN_PAGES: usize = 4096;

/// Codecs whose second packet holds Vorbis comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Vorbis,
    Opus,
    Speex,
    Flac,
}

/// Reads the comments of the stream that begins at `start`; returns its codec.
pub(super) fn read(peek: &mut Peek, start: u64, findings: &mut Findings) -> Result<Option<Codec>> {
    let mut position = start;
    for _ in 0..MAX_STREAMS {
        let Some(page) = Page::at(peek, position)?.filter(|page| page.begins_stream) else { break };
        if let Some(codec) = codec_of(&peek.bytes(page.body, 16)?) {
            let mut packet = Packet::after(&page);
            let outcome = read_packet(peek, &mut packet, codec, findings);
            findings.spare(Kind::Vorbis, outcome)?;
            return Ok(Some(codec));
        }
        position = page.end;
    }
    Ok(None)
}

fn codec_of(head: &[u8]) -> Option<Codec> {
    Some(match head {
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => Codec::Vorbis,
        _ if head.starts_with(b"OpusHead") => Codec::Opus,
        _ if head.starts_with(b"Speex   ") => Codec::Speex,
        _ if head.starts_with(b"\x7fFLAC") => Codec::Flac,
        _ => return None,
    })
}

fn read_packet(
    peek: &mut Peek,
    packet: &mut Packet,
    codec: Codec,
    findings: &mut Findings,
) -> Result<()> {
    let signature: &[u8] = match codec {
        Codec::Vorbis => b"\x03vorbis",
        Codec::Opus => b"OpusTags",
        Codec::Speex => b"",
        // The header of a metadata block, its type being VORBIS_COMMENT (RFC 9639 §10.1).
        Codec::Flac => &[4, 0, 0, 0],
    };
    let mut head = [0; 8];
    let head = &mut head[..signature.len()];
    let n = packet.read(peek, head)?;
    let as_expected = match codec {
        Codec::Flac => n == 4 && head[0] & 0x7f == signature[0],
        _ => head == signature,
    };
    if !as_expected {
        findings.note(Kind::Vorbis, "the comment packet is missing");
        return Ok(());
    }
    flac::read_comments(peek, packet, findings)
}

/// A page (RFC 3533 §6).
#[derive(Clone)]
struct Page {
    serial: [u8; 4],
    begins_stream: bool,
    /// Where the segments begin; there are `n_segments` of `lacing` bytes each.
    body: u64,
    end: u64,
    lacing: [u8; 255],
    n_segments: usize,
}

impl Page {
    fn at(peek: &mut Peek, start: u64) -> Result<Option<Self>> {
        let Some(header) = peek.array::<27>(start)? else { return Ok(None) };
        if &header[..4] != b"OggS" {
            return Ok(None);
        }
        let n_segments = usize::from(header[26]);
        let mut lacing = [0; 255];
        if peek.read_at(start + 27, &mut lacing[..n_segments])? < n_segments {
            return Ok(None);
        }
        let body = start + 27 + n_segments as u64;
        let n_bytes: u64 = lacing[..n_segments].iter().map(|&n| u64::from(n)).sum();
        Ok(Some(Self {
            serial: [header[14], header[15], header[16], header[17]],
            begins_stream: header[5] & 2 != 0,
            body,
            end: body + n_bytes,
            lacing,
            n_segments,
        }))
    }
}

/// The second packet of a stream, as far as it was read.
struct Packet {
    page: Page,
    segment: usize,
    position: u64,
    /// Left of the segment.
    n_left: u64,
    ended: bool,
}

impl Packet {
    /// The packet that follows the first one, which fills the page that begins a stream.
    fn after(first: &Page) -> Self {
        let page = Page { n_segments: 0, ..first.clone() };
        Self { page, segment: 0, position: first.end, n_left: 0, ended: false }
    }

    /// Makes sure that there are bytes left in the segment; `false` at the end of the packet.
    fn advance(&mut self, peek: &mut Peek) -> Result<bool> {
        let mut n_foreign = 0;
        while self.n_left == 0 {
            if self.ended {
                return Ok(false);
            }
            if self.segment < self.page.n_segments {
                self.n_left = u64::from(self.page.lacing[self.segment]);
                self.ended = self.n_left < 255;
                self.segment += 1;
                continue;
            }
            let Some(page) = Page::at(peek, self.page.end)? else { return Ok(false) };
            if page.serial == self.page.serial {
                self.position = page.body;
                self.segment = 0;
                self.page = page;
            } else {
                self.page.end = page.end;
                n_foreign += 1;
                if n_foreign > MAX_FOREIGN_PAGES {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl Stream for Packet {
    fn read(&mut self, peek: &mut Peek, out: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < out.len() && self.advance(peek)? {
            let n_most = (out.len() - filled).min(self.n_left as usize);
            let n = peek.read_at(self.position, &mut out[filled..filled + n_most])?;
            if n == 0 {
                break;
            }
            filled += n;
            self.position += n as u64;
            self.n_left -= n as u64;
        }
        Ok(filled)
    }

    fn skip(&mut self, peek: &mut Peek, n_bytes: u64) -> Result<bool> {
        let mut left = n_bytes;
        while left > 0 {
            if !self.advance(peek)? {
                return Ok(false);
            }
            let n = left.min(self.n_left);
            self.position += n;
            self.n_left -= n;
            left -= n;
        }
        Ok(true)
    }
}
