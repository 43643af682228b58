//! AIFF and AIFF-C (Apple, "Audio Interchange File Format", 1989 and 1991).

use super::bytes::{Order, array, whole_hz};
use super::chunks::{Chunk, Grammar, Name, Walker};
use super::layout::Layout;
use super::linear::Number;
use super::stream::{Extent, Span, Stream};
use super::{CONVERT, Found, check_format};
use crate::error::{Error, Result};
use crate::sniff::Sniffed;
use crate::source::Input;

/// Lengths from here up stand for "unknown".
const UNKNOWN: u64 = 0xffff_f000;
/// The fields of the common chunk up to the name of the codec.
const COMMON_BYTES: u64 = 22;

/// The common chunk.
#[derive(Debug, Clone, Copy)]
struct Common {
    n_channels: usize,
    n_stated: u64,
    bits: usize,
    sample_rate: u32,
    /// Of AIFF-C.
    codec: Option<Name>,
}

/// Reads the headers of the file that starts at `sniffed.start`.
pub(super) fn read(input: &mut Input, sniffed: Sniffed) -> Result<Found> {
    let mut head = [0; 12];
    input.read_at(sniffed.start, &mut head)?;
    let is_compressed = head.ends_with(b"AIFC");
    let file_end = input.len();
    let first = sniffed.start + head.len() as u64;
    let mut walker = Walker::new(input, Grammar::Iff(Order::Big), sniffed.start, first);
    let mut common = None;
    let mut sound = None;
    let mut passed = first;
    loop {
        let chunk = match (walker.next()?, common, sound) {
            (Some(chunk), ..) => Some(chunk),
            (None, None, None) => walker.search(&[*b"COMM", *b"SSND"], passed)?,
            (None, None, Some(_)) => walker.search(&[*b"COMM"], passed)?,
            (None, Some(_), None) => walker.search(&[*b"SSND"], passed)?,
            (None, Some(_), Some(_)) => None,
        };
        let Some(chunk) = chunk else { break };
        match &chunk.name {
            b"COMM" if common.is_none() => {
                passed = chunk.start;
                common = Some(Common::read(&mut walker, chunk, is_compressed)?);
            }
            b"SSND" if sound.is_none() => {
                passed = chunk.start;
                sound = Some(sound_span(&mut walker, chunk, file_end)?);
            }
            _ => {}
        }
        if common.is_some() && sound.is_some() {
            break;
        }
    }
    let common = common.ok_or_else(|| Error::damaged("no common chunk"))?;
    common.stream(sound, file_end)
}

/// The samples behind the chunk's offset and block size.
fn sound_span(walker: &mut Walker<'_>, chunk: Chunk, file_end: u64) -> Result<Span> {
    const HEAD: u64 = 8;
    let head = walker.contents(Chunk { len: HEAD, ..chunk }, HEAD)?;
    let offset = u64::from(Order::Big.u32(&head, 0).unwrap_or(0));
    // An offset beyond the chunk is a lie; samples start at 0 in nearly all files.
    let offset = if offset.saturating_add(HEAD) <= chunk.len { offset } else { 0 };
    let start = chunk.start + HEAD + offset;
    let extent = match chunk.len {
        0 if walker.fits(chunk.start)? => Extent::Bytes(0),
        len if (HEAD..UNKNOWN).contains(&len) => Extent::Bytes(len - HEAD - offset),
        _ => Extent::ToEnd,
    };
    Ok(Span::new(start, extent, file_end))
}

impl Common {
    fn read(walker: &mut Walker<'_>, chunk: Chunk, is_compressed: bool) -> Result<Self> {
        let bytes = walker.contents(Chunk { len: COMMON_BYTES, ..chunk }, COMMON_BYTES)?;
        let fields = || {
            Some(Self {
                n_channels: usize::from(Order::Big.u16(&bytes, 0)?),
                n_stated: u64::from(Order::Big.u32(&bytes, 2)?),
                bits: usize::from(Order::Big.u16(&bytes, 6)?),
                sample_rate: whole_hz(extended(array(&bytes, 8)?)),
                codec: if is_compressed { Some(array(&bytes, 18)?) } else { None },
            })
        };
        fields().ok_or_else(|| Error::damaged("the common chunk is cut short"))
    }

    fn stream(self, sound: Option<Span>, file_end: u64) -> Result<Found> {
        check_format(self.sample_rate, self.n_channels)?;
        let layout = self.layout()?;
        let span = match sound {
            Some(span) => span,
            // A file of no samples need not have the chunk for them.
            None if self.n_stated == 0 => Span::new(file_end, Extent::Bytes(0), file_end),
            None => return Err(Error::damaged("no sound data chunk")),
        };
        // Codecs with packets count those, or samples: both are met.
        let n_packets = span.claimed / layout.block_bytes() as u64;
        let counts_packets = !layout.is_linear() && self.n_stated == n_packets;
        let n_stated = Some(self.n_stated).filter(|_| !counts_packets);
        Ok(Found::Stream(Stream {
            container: "aiff",
            sample_rate: self.sample_rate,
            layout,
            spans: vec![span],
            n_stated,
            doubts: Vec::new(),
        }))
    }

    fn layout(self) -> Result<Layout> {
        use Order::{Big, Little};
        let signed = |order| Some((Number::signed(self.bits.div_ceil(8))?, order));
        let linear = match &self.codec.unwrap_or(*b"NONE") {
            b"NONE" | b"twos" => signed(Big),
            b"sowt" => signed(Little),
            b"raw " if self.bits <= 8 => Some((Number::Unsigned8, Big)),
            b"in24" => Some((Number::Signed24, Big)),
            b"42ni" | b"42n1" => Some((Number::Signed24, Little)),
            b"in32" => Some((Number::Signed32, Big)),
            b"23ni" => Some((Number::Signed32, Little)),
            b"fl32" | b"FL32" => Some((Number::Float32, Big)),
            b"fl64" | b"FL64" => Some((Number::Float64, Big)),
            b"alaw" | b"ALAW" => Some((Number::ALaw, Big)),
            b"ulaw" | b"ULAW" => Some((Number::MuLaw, Big)),
            b"ima4" => return Ok(Layout::apple_ima(self.n_channels)),
            _ => None,
        };
        let (number, order) = linear.ok_or_else(|| self.unsupported())?;
        Ok(Layout::linear(number, order, self.n_channels))
    }

    fn unsupported(self) -> Error {
        let what = match &self.codec.unwrap_or(*b"NONE") {
            b"NONE" | b"twos" | b"sowt" | b"raw " => format!("PCM of {} bits", self.bits),
            b"GSM " | b"agsm" => "codec GSM 6.10".to_owned(),
            b"MAC3" | b"MAC6" => "codec MACE".to_owned(),
            b"DWVW" => "codec DWVW".to_owned(),
            b"QDMC" | b"QDM2" => "codec QDesign Music".to_owned(),
            b"Qclp" => "codec Qualcomm PureVoice".to_owned(),
            other => format!("codec '{}' in an AIFF-C file", other.escape_ascii()),
        };
        Error::Unsupported { what, advice: CONVERT }
    }
}

/// An 80-bit number: sign, 15 bits of exponent, 64 bits of significand (IEEE 754, SANE).
fn extended(bytes: [u8; 10]) -> f64 {
    let [sign_and_exponent @ .., _, _, _, _, _, _, _, _] = bytes;
    let [_, _, significand @ ..] = bytes;
    let word = u16::from_be_bytes(sign_and_exponent);
    let magnitude =
        u64::from_be_bytes(significand) as f64 * 2_f64.powi(i32::from(word & 0x7fff) - 16_383 - 63);
    if word & 0x8000 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "these numbers are exact")]
    fn extended_numbers_are_read() {
        assert_eq!(extended([0x40, 0x0e, 0xac, 0x44, 0, 0, 0, 0, 0, 0]), 44_100.0);
        assert_eq!(extended([0xc0, 0x0b, 0xfa, 0, 0, 0, 0, 0, 0, 0]), -8000.0);
        assert_eq!(extended([0; 10]), 0.0);
        assert_eq!(whole_hz(extended([0x7f, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0])), u32::MAX);
    }
}
