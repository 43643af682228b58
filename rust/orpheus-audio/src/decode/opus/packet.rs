//! Packets and the frames in them (RFC 6716 §3).

/// Samples per channel at 48 kHz of the longest packet: 120 ms.
pub(super) const MAX_PACKET_SAMPLES: usize = 5760;
/// §3.4, requirement 2.
const MAX_FRAME_BYTES: usize = 1275;
/// Of 2.5 ms each (§3.4, requirement 5).
const MAX_FRAMES: usize = 48;

/// What a packet was coded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Linear prediction, for speech.
    Silk,
    /// Both: SILK below 8 kHz, CELT above.
    Hybrid,
    /// Transform coding, for music.
    Celt,
}

/// Upper end of the spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bandwidth {
    /// 4 kHz.
    Narrow,
    /// 6 kHz.
    Medium,
    /// 8 kHz.
    Wide,
    /// 12 kHz.
    SuperWide,
    /// 20 kHz.
    Full,
}

/// The first byte of a packet (§3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Toc {
    pub(super) mode: Mode,
    pub(super) bandwidth: Bandwidth,
    /// Samples per channel at 48 kHz.
    pub(super) frame_length: usize,
    pub(super) stereo: bool,
}

impl Toc {
    fn parse(byte: u8) -> Self {
        use Bandwidth::{Full, Medium, Narrow, SuperWide, Wide};
        let config = byte >> 3;
        let (mode, bandwidth, frame_length) = match config {
            0..12 => {
                let bandwidth = [Narrow, Medium, Wide][usize::from(config / 4)];
                (Mode::Silk, bandwidth, [480, 960, 1920, 2880][usize::from(config % 4)])
            }
            12..16 => {
                let bandwidth = if config < 14 { SuperWide } else { Full };
                (Mode::Hybrid, bandwidth, [480, 960][usize::from(config % 2)])
            }
            _ => {
                let bandwidth = [Narrow, Wide, SuperWide, Full][usize::from((config - 16) / 4)];
                (Mode::Celt, bandwidth, 120 << (config % 4))
            }
        };
        Self { mode, bandwidth, frame_length, stereo: byte & 4 != 0 }
    }
}

/// A packet taken apart; nothing is copied.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    pub(super) toc: Toc,
    frames: [&'a [u8]; MAX_FRAMES],
    n_frames: usize,
}

/// Why a packet is none.
pub(super) type Malformed = &'static str;

impl<'a> Packet<'a> {
    pub(super) fn frames(&self) -> &[&'a [u8]] {
        &self.frames[..self.n_frames]
    }

    /// Samples per channel at 48 kHz.
    pub(super) fn n_samples(&self) -> usize {
        self.n_frames * self.toc.frame_length
    }

    /// Parses a packet that fills `data`.
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, Malformed> {
        Self::parse_with(data, false).map(|(packet, _)| packet)
    }

    /// Parses a packet that states its own length (appendix B); what follows it comes second.
    pub(super) fn parse_delimited(data: &'a [u8]) -> Result<(Self, &'a [u8]), Malformed> {
        Self::parse_with(data, true)
    }

    fn parse_with(data: &'a [u8], delimited: bool) -> Result<(Self, &'a [u8]), Malformed> {
        let (&byte, rest) = data.split_first().ok_or("empty packet")?;
        let toc = Toc::parse(byte);
        let mut lengths = Lengths::read(byte & 3, rest)?;
        if lengths.n_frames * toc.frame_length > MAX_PACKET_SAMPLES {
            return Err("packet of more than 120 ms");
        }
        if delimited {
            lengths.read_last()?;
        } else {
            lengths.infer_last()?;
        }
        let mut frames = [&[][..]; MAX_FRAMES];
        let mut body = lengths.body;
        for (frame, &length) in frames.iter_mut().zip(&lengths.bytes[..lengths.n_frames]) {
            if length > MAX_FRAME_BYTES {
                return Err("frame of more than 1275 bytes");
            }
            (*frame, body) = body.split_at_checked(length).ok_or("frames past the packet")?;
        }
        let rest = body.get(lengths.n_padding..).ok_or("padding past the packet")?;
        Ok((Self { toc, frames, n_frames: lengths.n_frames }, rest))
    }
}

/// How long the frames of a packet are.
struct Lengths<'a> {
    bytes: [usize; MAX_FRAMES],
    n_frames: usize,
    /// All frames are of the last one's length.
    equal: bool,
    body: &'a [u8],
    n_padding: usize,
}

impl<'a> Lengths<'a> {
    /// What comes before the frames, but for the length of the last one.
    fn read(code: u8, body: &'a [u8]) -> Result<Self, Malformed> {
        let mut lengths =
            Self { bytes: [0; MAX_FRAMES], n_frames: 1, equal: true, body, n_padding: 0 };
        match code {
            0 => {}
            1 => lengths.n_frames = 2,
            2 => {
                lengths.n_frames = 2;
                lengths.equal = false;
                lengths.bytes[0] = lengths.length()?;
            }
            _ => lengths.read_many()?,
        }
        Ok(lengths)
    }

    /// A count, padding and the lengths of all frames but the last (§3.2.5).
    fn read_many(&mut self) -> Result<(), Malformed> {
        let byte = self.byte()?;
        self.n_frames = usize::from(byte & 63);
        if self.n_frames == 0 || self.n_frames > MAX_FRAMES {
            return Err("impossible count of frames");
        }
        if byte & 64 != 0 {
            loop {
                let part = self.byte()?;
                self.n_padding += usize::from(part.min(254));
                if part < 255 {
                    break;
                }
            }
        }
        self.equal = byte & 128 == 0;
        if !self.equal {
            for frame in 0..self.n_frames - 1 {
                self.bytes[frame] = self.length()?;
            }
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.body.split_first().ok_or("packet ends in its header")?;
        self.body = rest;
        Ok(byte)
    }

    /// §3.2.1.
    fn length(&mut self) -> Result<usize, Malformed> {
        let first = usize::from(self.byte()?);
        Ok(if first < 252 { first } else { first + 4 * usize::from(self.byte()?) })
    }

    fn read_last(&mut self) -> Result<(), Malformed> {
        let last = self.length()?;
        self.set_last(last);
        Ok(())
    }

    /// The last frame takes what the others leave.
    fn infer_last(&mut self) -> Result<(), Malformed> {
        let room = self.body.len().checked_sub(self.n_padding).ok_or("padding past the packet")?;
        if self.equal {
            if room % self.n_frames != 0 {
                return Err("frames of equal length do not fill the packet");
            }
            self.set_last(room / self.n_frames);
            return Ok(());
        }
        let others = self.bytes[..self.n_frames - 1].iter().sum();
        self.set_last(room.checked_sub(others).ok_or("frames past the packet")?);
        Ok(())
    }

    fn set_last(&mut self, length: usize) {
        let from = if self.equal { 0 } else { self.n_frames - 1 };
        self.bytes[from..self.n_frames].fill(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_ways_to_pack_frames_are_taken_apart() {
        let one = Packet::parse(&[0xf8, 1, 2, 3]).unwrap();
        assert_eq!(one.frames(), [&[1, 2, 3][..]]);
        assert_eq!((one.toc.mode, one.n_samples()), (Mode::Celt, 960));
        let two = Packet::parse(&[0x01, 1, 2, 3, 4]).unwrap();
        assert_eq!(two.frames(), [&[1, 2][..], &[3, 4]]);
        let unequal = Packet::parse(&[0x02, 1, 9, 3, 4]).unwrap();
        assert_eq!(unequal.frames(), [&[9][..], &[3, 4]]);
        let padded = Packet::parse(&[0x03, 0xc3, 2, 1, 0, 7, 8, 0, 0]).unwrap();
        assert_eq!(padded.frames(), [&[7][..], &[], &[8]]);
    }

    #[test]
    fn a_delimited_packet_leaves_what_follows_it() {
        let data = [0x00, 2, 5, 6, 0xff, 0xfe];
        let (packet, rest) = Packet::parse_delimited(&data).unwrap();
        assert_eq!((packet.frames(), rest), (&[&[5, 6][..]][..], &[0xff, 0xfe][..]));
    }

    #[test]
    fn impossible_packets_are_refused() {
        for data in [
            &[][..],
            &[0x01, 1, 2, 3],
            &[0x02, 5, 1],
            &[0x03],
            &[0x03, 0],
            &[0x1b, 63],
            &[0x03, 0x41, 200, 1],
        ] {
            assert!(Packet::parse(data).is_err(), "{data:?}");
        }
    }
}
