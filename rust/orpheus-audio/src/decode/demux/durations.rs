//! How many samples a packet decodes to, told from its first bytes.

use super::bits::{BitsMsb, lsb_bits};

/// What is known of a codec's packets before any of them is decoded.
#[derive(Debug, Clone)]
pub(super) enum Durations {
    /// Every packet decodes to as many samples.
    Constant(u64),
    /// Bytes per sample of all channels.
    Pcm(u64),
    Vorbis(VorbisBlocks),
    Opus,
    Flac,
    Alac {
        frame_length: u64,
    },
    Unknown,
}

impl Durations {
    /// Samples per channel that `packet` decodes to; 0 if that cannot be told. `packet` may be cut
    /// short behind its first bytes, `n_bytes` is its length.
    pub(super) fn of(&mut self, packet: &[u8], n_bytes: u64) -> u64 {
        match self {
            Self::Constant(n_samples) => *n_samples,
            Self::Pcm(n_block) => n_bytes / (*n_block).max(1),
            Self::Vorbis(blocks) => blocks.next(packet),
            Self::Opus => opus_samples(packet).unwrap_or(0),
            Self::Flac => flac_block_size(packet).unwrap_or(0),
            Self::Alac { frame_length } => alac_samples(packet).unwrap_or(*frame_length),
            Self::Unknown => 0,
        }
    }

    /// The packet before the next one is not there.
    pub(super) fn after_hole(&mut self) {
        if let Self::Vorbis(blocks) = self {
            blocks.previous = None;
        }
    }

    /// Whether a packet is of a kind that cannot be decoded, so that only others' times tell how long it
    /// was.
    pub(super) fn is_unreadable(&self, packet: &[u8]) -> bool {
        match self {
            Self::Vorbis(blocks) => !packet.is_empty() && blocks.block_size(packet).is_none(),
            _ => false,
        }
    }

    /// How many of a packet's first bytes are enough.
    pub(super) const N_BYTES: usize = 16;
}

/// Block sizes of a Vorbis stream (Vorbis I specification §4.2.2, §4.2.4, §4.3.1).
#[derive(Debug, Clone)]
pub(super) struct VorbisBlocks {
    sizes: [u64; 2],
    /// Which of the two sizes each mode has.
    modes: Vec<bool>,
    previous: Option<u64>,
}

impl VorbisBlocks {
    pub(super) fn new(identification: &[u8], setup: &[u8]) -> Option<Self> {
        let exponents = *identification.get(28)?;
        let sizes = [exponents & 0xf, exponents >> 4].map(|exponent| 1_u64 << exponent);
        let valid = |&size: &u64| (64..=8192).contains(&size);
        if !sizes.iter().all(valid) || sizes[0] > sizes[1] {
            return None;
        }
        Some(Self { sizes, modes: read_modes(setup)?, previous: None })
    }

    fn next(&mut self, packet: &[u8]) -> u64 {
        if packet.is_empty() {
            return 0;
        }
        // Of one that cannot be read, no more is known than that most are as long as their neighbours.
        let Some(size) = self.block_size(packet).or(self.previous) else { return 0 };
        // A window overlaps the one before: the first puts nothing out.
        let n_samples = self.previous.map_or(0, |previous| (previous + size) / 4);
        self.previous = Some(size);
        n_samples
    }

    /// Size of the block that the next one overlaps with.
    pub(super) fn previous(&self) -> Option<u64> {
        self.previous
    }

    /// What is missing if a single block was lost behind one of `before` samples: with it goes what the
    /// last one should have completed. Of the two sizes it may have had, that which fits `n_samples`.
    pub(super) fn behind_lost(&self, before: u64, n_samples: u64, tolerance: u64) -> Option<u64> {
        let last = self.previous?;
        let missing = self.sizes.map(|lost| (before + lost) / 4 + (lost + last) / 4);
        missing.into_iter().find(|missing| missing.abs_diff(n_samples) <= tolerance)
    }

    fn block_size(&self, packet: &[u8]) -> Option<u64> {
        if packet.first()? & 1 == 1 {
            return None;
        }
        let n_bits = usize::BITS - (self.modes.len() - 1).leading_zeros();
        let mode = lsb_bits(packet, 1, n_bits as usize)?;
        let is_long = *self.modes.get(mode as usize)?;
        Some(self.sizes[usize::from(is_long)])
    }
}

/// The modes stand at the end of the setup header, and they alone end it: read from there, the rest of
/// the header need not be understood. Each has 41 bits, 32 of which are always zero, and their count
/// stands in front of them.
fn read_modes(setup: &[u8]) -> Option<Vec<bool>> {
    const MODE_BITS: usize = 41;
    const COUNT_BITS: usize = 6;
    let last = setup.iter().rposition(|&byte| byte != 0)?;
    // The framing bit is the last one that is set.
    let framing = last * 8 + 7 - setup[last].leading_zeros() as usize;
    let mut modes = Vec::new();
    let mut found = None;
    let mut at = framing;
    while modes.len() < 64 {
        let Some(next) = at.checked_sub(MODE_BITS) else { break };
        at = next;
        if lsb_bits(setup, at + 1, 32)? != 0 {
            break;
        }
        modes.push(lsb_bits(setup, at, 1)? == 1);
        let Some(count_at) = at.checked_sub(COUNT_BITS) else { break };
        if lsb_bits(setup, count_at, COUNT_BITS)? as usize + 1 == modes.len() {
            found = Some(modes.len());
        }
    }
    modes.truncate(found?);
    modes.reverse();
    Some(modes)
}

/// Samples at 48 kHz of an Opus packet (RFC 6716 §3.1).
pub(super) fn opus_samples(packet: &[u8]) -> Option<u64> {
    let toc = *packet.first()?;
    let n_frame = match toc >> 3 {
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config & 3)],
        config @ 12..16 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let n_frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1)? & 0x3f),
    };
    let n_samples = n_frame * n_frames;
    // A packet lasts 120 ms at most.
    (n_samples <= 5760).then_some(n_samples)
}

/// Samples of a FLAC frame (RFC 9639 §9.1.1).
fn flac_block_size(frame: &[u8]) -> Option<u64> {
    let code = frame.get(2)? >> 4;
    let n_coded_number = match frame.get(4)?.leading_ones() {
        0 => 1,
        n @ 2..=7 => n as usize,
        _ => return None,
    };
    let at = 4 + n_coded_number;
    Some(match code {
        1 => 192,
        2..=5 => 576 << (code - 2),
        6 => u64::from(*frame.get(at)?) + 1,
        7 => u64::from(super::bytes::be_u16(frame, at)?) + 1,
        8..=15 => 256 << (code - 8),
        _ => return None,
    })
}

/// An ALAC packet that is shorter than the others says so in its first element.
fn alac_samples(packet: &[u8]) -> Option<u64> {
    let mut bits = BitsMsb::new(packet);
    let tag = bits.read(3)?;
    bits.skip(4 + 12);
    let has_length = bits.read(1)? == 1;
    bits.skip(3);
    if tag > 1 || !has_length {
        return None;
    }
    bits.read(32).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opus_packet_tells_its_length() {
        assert_eq!(opus_samples(&[31 << 3]), Some(960));
        assert_eq!(opus_samples(&[16 << 3 | 1]), Some(240));
        assert_eq!(opus_samples(&[3 << 3 | 3, 2]), Some(5760));
        assert_eq!(opus_samples(&[3 << 3 | 3, 3]), None);
    }

    #[test]
    fn the_modes_of_a_setup_header_are_read_from_its_end() {
        // 13 bits of something else, then two modes: short, long.
        let mut bits = vec![true; 13];
        bits.extend([true, false, false, false, false, false]);
        for is_long in [false, true] {
            bits.push(is_long);
            bits.extend([false; 32]);
            bits.extend([is_long, false, false, false, false, false, false, false]);
        }
        bits.push(true);
        let mut setup = vec![0_u8; bits.len().div_ceil(8) + 1];
        for (at, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
            setup[at / 8] |= 1 << (at % 8);
        }
        assert_eq!(read_modes(&setup), Some(vec![false, true]));
        let mut identification = [0_u8; 30];
        identification[28] = 0xb8;
        let mut blocks = VorbisBlocks::new(&identification, &setup).unwrap();
        // Long, long, short, long.
        let n_samples = [0b10, 0b10, 0b00, 0b10].map(|packet| blocks.next(&[packet]));
        assert_eq!(n_samples, [0, 1024, 576, 576]);
    }

    #[test]
    fn a_flac_frame_tells_its_length() {
        assert_eq!(flac_block_size(&[0xff, 0xf8, 0xc9, 0x18, 0, 0xc2]), Some(4096));
        assert_eq!(flac_block_size(&[0xff, 0xf8, 0x79, 0x18, 0xc2, 0x80, 0x01, 0x02]), Some(259));
    }
}
