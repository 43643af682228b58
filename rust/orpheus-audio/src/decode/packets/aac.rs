//! What AAC packets hold that the decoder does not say (ISO/IEC 14496-3 §4.4.2).

use super::super::demux::bits::BitsMsb;

const END: u32 = 7;
const FILL: u32 = 6;

/// Counts packets with spectral band replication. A stream may hold it without its headers saying so;
/// a decoder that leaves it out gives half the rate or half the spectrum.
#[derive(Debug, Default)]
pub(super) struct SbrDetector {
    n_packets: u32,
    n_with_sbr: u32,
}

impl SbrDetector {
    pub(super) fn look_at(&mut self, packet: &[u8]) {
        // A packet of silence may be too short to hold anything.
        if packet.len() > 8 {
            self.n_packets += 1;
            self.n_with_sbr += u32::from(ends_with_sbr(packet));
        }
    }

    /// By chance one packet in a hundred looks as if it held some; most of several never do.
    pub(super) fn found(&self) -> bool {
        self.n_packets >= 3 && self.n_with_sbr * 4 >= self.n_packets * 3
    }
}

/// Whether the last elements of a packet are fill elements, one with replicated bands. It is read from
/// its end, since what comes before can only be read by decoding it: the end element and its padding,
/// and in front of that a fill element whose length leads exactly there.
fn ends_with_sbr(packet: &[u8]) -> bool {
    let n_bits = packet.len() * 8;
    // Padding is less than a byte.
    (0..8).any(|n_padding| {
        let end = n_bits - 3 - n_padding;
        let mut bits = BitsMsb::at(packet, end);
        let ends = bits.read(3) == Some(END) && bits.read(n_padding) == Some(0);
        ends && sbr_ends_at(packet, end, 3)
    })
}

fn sbr_ends_at(packet: &[u8], end: usize, depth: u32) -> bool {
    const SBR: u32 = 0xd;
    const SBR_WITH_CHECKSUM: u32 = 0xe;
    // Up to 14 bytes, or 15 and more with a second count.
    (1..=269_usize).any(|n_bytes| {
        let is_long = n_bytes > 14;
        let n_head = if is_long { 15 } else { 7 };
        let Some(start) = end.checked_sub(8 * n_bytes + n_head) else { return false };
        let mut bits = BitsMsb::at(packet, start);
        let is_fill = bits.read(3) == Some(FILL)
            && if is_long {
                bits.read(4) == Some(15) && bits.read(8) == Some(n_bytes as u32 - 14)
            } else {
                bits.read(4) == Some(n_bytes as u32)
            };
        let kind = bits.read(4);
        let is_sbr = matches!(kind, Some(SBR | SBR_WITH_CHECKSUM));
        // Behind the bands there may be plain filling.
        is_fill && (is_sbr || kind == Some(0) && depth > 0 && sbr_ends_at(packet, start, depth - 1))
    })
}

/// Whether the first channel of a packet has bands of noise (§4.6.13). Which noise, is the decoder's
/// business, and it depends on all that came before: such a stream cannot be entered in its middle.
pub(super) fn has_noise(packet: &[u8]) -> bool {
    // What cannot be read may be anything.
    sections_have_noise(packet).unwrap_or(true)
}

fn sections_have_noise(packet: &[u8]) -> Option<bool> {
    const SINGLE: u32 = 0;
    const PAIR: u32 = 1;
    const NOISE: u32 = 13;
    let mut bits = BitsMsb::new(packet);
    let mut element = bits.read(3)?;
    while element == FILL {
        skip_fill(&mut bits)?;
        element = bits.read(3)?;
    }
    bits.skip(4);
    let common = match element {
        SINGLE => false,
        PAIR => bits.read(1)? == 1,
        _ => return None,
    };
    let mut info = None;
    if common {
        info = Some(read_info(&mut bits)?);
        let (n_bands, n_groups, _) = info?;
        // The mask of bands coded as middle and side.
        if bits.read(2)? == 1 {
            bits.skip((n_bands * n_groups) as usize);
        }
    }
    bits.skip(8);
    let (n_bands, n_groups, is_long) = match info {
        Some(info) => info,
        None => read_info(&mut bits)?,
    };
    let n_length = if is_long { 5 } else { 3 };
    for _ in 0..n_groups {
        let mut band = 0;
        while band < n_bands {
            if bits.read(4)? == NOISE {
                return Some(true);
            }
            loop {
                let length = bits.read(n_length)?;
                band += length;
                if length != (1 << n_length) - 1 {
                    break;
                }
            }
        }
    }
    Some(false)
}

fn skip_fill(bits: &mut BitsMsb<'_>) -> Option<()> {
    let mut n_bytes = bits.read(4)?;
    if n_bytes == 15 {
        n_bytes += bits.read(8)? - u32::from(n_bytes == 15);
    }
    bits.skip(8 * n_bytes as usize);
    Some(())
}

/// Bands, groups of windows, and whether the window is long (`ics_info`).
fn read_info(bits: &mut BitsMsb<'_>) -> Option<(u32, u32, bool)> {
    const SHORT: u32 = 2;
    bits.skip(1);
    let sequence = bits.read(2)?;
    bits.skip(1);
    if sequence == SHORT {
        let n_bands = bits.read(4)?;
        let grouping = bits.read(7)?;
        // A zero starts another group.
        return Some((n_bands, 8 - grouping.count_ones(), false));
    }
    let n_bands = bits.read(6)?;
    let has_prediction = bits.read(1)? == 1;
    // Prediction belongs to other profiles.
    (!has_prediction).then_some((n_bands, 1, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(fields: &[(u32, usize)]) -> Vec<u8> {
        let bits =
            fields.iter().flat_map(|&(value, n)| (0..n).rev().map(move |at| value >> at & 1));
        let mut bits: Vec<u32> = bits.collect();
        bits.resize(bits.len().next_multiple_of(8), 0);
        bits.chunks(8).map(|byte| byte.iter().fold(0, |byte, &bit| byte << 1 | bit as u8)).collect()
    }

    /// Some element, then `fill`, then the end.
    fn with_fill(fill: &[(u32, usize)]) -> Vec<u8> {
        let mut fields = vec![(0b0010_1101_0011, 12), (0x1234_5678, 32), (0x0cab_cdef, 31)];
        fields.extend(fill);
        fields.push((END, 3));
        packet(&fields)
    }

    fn detects(packet: &[u8]) -> bool {
        let mut detector = SbrDetector::default();
        (0..8).for_each(|_| detector.look_at(packet));
        detector.found()
    }

    #[test]
    fn replicated_bands_are_found_in_fill_elements_of_every_form() {
        let short = [(FILL, 3), (5, 4), (0xd, 4), (0xabc_def0, 28), (0x12, 8)];
        assert!(detects(&with_fill(&short)));
        let mut long = vec![(FILL, 3), (15, 4), (6, 8), (0xe, 4), (3, 4)];
        long.extend([(0x55, 8); 19]);
        assert!(detects(&with_fill(&long)));
        let behind = [short.as_slice(), &[(FILL, 3), (2, 4), (0, 16)]].concat();
        assert!(detects(&with_fill(&behind)));
    }

    #[test]
    fn plain_filling_is_not_taken_for_replicated_bands() {
        assert!(!detects(&with_fill(&[])));
        assert!(!detects(&with_fill(&[(FILL, 3), (3, 4), (0, 24)])));
        assert!(!detects(&with_fill(&[(FILL, 3), (3, 4), (0xb, 4), (0, 20)])));
    }

    #[test]
    fn bands_of_noise_are_found_by_their_code_book() {
        // A pair with common long windows of 10 bands, no mask; sections of 4 and 6 bands.
        let pair = |book| {
            packet(&[
                (1, 3),
                (0, 4),
                (1, 1),
                (0, 4),
                (10, 6),
                (0, 1),
                (0, 2),
                (100, 8),
                (2, 4),
                (4, 5),
                (book, 4),
                (6, 5),
                (0, 32),
            ])
        };
        assert!(has_noise(&pair(13)));
        assert!(!has_noise(&pair(11)));
        // One channel, short windows in three groups, one section in each.
        let single = |book| {
            packet(&[
                (0, 3),
                (0, 4),
                (100, 8),
                (0, 1),
                (2, 2),
                (0, 1),
                (9, 4),
                (0b111_1010, 7),
                (1, 4),
                (7, 3),
                (2, 3),
                (1, 4),
                (7, 3),
                (2, 3),
                (book, 4),
                (7, 3),
                (2, 3),
                (0, 32),
            ])
        };
        assert!(has_noise(&single(13)));
        assert!(!has_noise(&single(1)));
    }
}
