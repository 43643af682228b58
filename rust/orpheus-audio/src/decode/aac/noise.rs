//! Perceptual noise substitution (ISO/IEC 14496-3 §4.6.13).
//!
//! Which noise, is the decoder's business. Here it is a function of the packet alone, so that a stream
//! entered in its middle has the noise of a full decode.

use super::channel::{Channel, Format, NOISE};

/// What the noise of one packet is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seed(u32);

impl Seed {
    pub(super) fn of(packet: &[u8]) -> Self {
        let (words, rest) = packet.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let mut hash = packet.len() as u64;
        for word in words.iter().chain([&last]) {
            hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hash ^= hash >> 32;
        }
        Self(hash as u32)
    }

    /// Another for each place in the packet.
    fn at(self, channel: usize, line: usize) -> Self {
        let place = (channel as u32) << 16 | line as u32;
        Self(self.0.wrapping_add(mixed(place.wrapping_add(1))))
    }
}

/// Fills the bands of noise of a channel. Bands that `is_shared` names by their place have the noise of
/// the channel in front.
pub(super) fn fill(
    channel: &mut Channel,
    number: usize,
    format: Format,
    seed: Seed,
    is_shared: impl Fn(usize) -> bool,
) {
    let info = *channel.info();
    let edges = info.edges(format.bands);
    for (group, start) in info.windows() {
        for (band, edges) in edges.windows(2).take(info.n_bands).enumerate() {
            let place = group * info.n_bands + band;
            if channel.coded.books[place] != NOISE {
                continue;
            }
            let source = if is_shared(place) { number.saturating_sub(1) } else { number };
            let from = start + usize::from(edges[0]);
            let lines = &mut channel.lines[from..start + usize::from(edges[1])];
            make(seed.at(source, from), channel.coded.gains[place], lines);
        }
    }
}

/// Noise whose energy is the square of `gain`.
fn make(Seed(seed): Seed, gain: f32, lines: &mut [f32]) {
    let mut energies = [0.0_f32; 4];
    for (at, four) in lines.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        for i in 0..4 {
            let random = mixed(seed.wrapping_add(4 * at as u32 + i as u32)) as i32;
            four[i] = random as f32 * (1.0 / 2_147_483_648.0);
            energies[i] += four[i] * four[i];
        }
    }
    let energy: f32 = energies.iter().sum();
    // Some of thirty-two bits are not 0.
    let scale = gain / energy.sqrt();
    for line in lines {
        *line *= scale;
    }
}

/// Every bit of the result depends on every bit of the number.
fn mixed(number: u32) -> u32 {
    let mut x = number;
    x = (x ^ x >> 16).wrapping_mul(0x7feb_352d);
    x = (x ^ x >> 15).wrapping_mul(0x846c_a68b);
    x ^ x >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_energy_it_is_to_have_and_no_favourite_value() {
        let mut lines = [0.0; 400];
        for seed in 0..50 {
            make(Seed(seed), 3.0, &mut lines);
            let energy: f32 = lines.iter().map(|line| line * line).sum();
            assert!((energy - 9.0).abs() < 1e-4, "{energy}");
            let mean = lines.iter().sum::<f32>() / 400.0;
            assert!(mean.abs() < 3.0 / 400.0 * 4.5, "{mean}");
        }
    }

    #[test]
    fn another_packet_or_place_is_another_noise() {
        let packet: Vec<u8> = (0..100).collect();
        let seed = Seed::of(&packet);
        assert_eq!(seed, Seed::of(&packet));
        for bit in 0..800 {
            let mut other = packet.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(seed, Seed::of(&other));
        }
        assert_ne!(seed, Seed::of(&packet[..99]));
        assert_ne!(seed.at(0, 4), seed.at(1, 4));
        assert_ne!(seed.at(0, 4), seed.at(0, 8));
    }
}
