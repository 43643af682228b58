//! Floors: the spectral envelope of a channel (Vorbis I §6 and §7).

mod lines;
mod pairs;

use self::lines::Lines;
use self::pairs::Pairs;
use super::bits::Bits;
use super::codebook::Codebook;

pub(super) enum Floor {
    /// Line spectral pairs. No encoder of this century writes it.
    Pairs(Pairs),
    /// Straight lines between points.
    Lines(Lines),
}

impl Floor {
    pub(super) fn read(bits: &mut Bits<'_>, books: &[Codebook]) -> Result<Self, &'static str> {
        match bits.read(16) {
            0 => Pairs::read(bits, books).map(Self::Pairs),
            1 => Lines::read(bits, books).map(Self::Lines),
            _ => Err("a floor of an unknown type"),
        }
    }

    /// Reads one channel's envelope of a packet into `curve`; `false` if the channel is silent.
    pub(super) fn curve(&self, bits: &mut Bits<'_>, books: &[Codebook], curve: &mut [f32]) -> bool {
        match self {
            Self::Pairs(floor) => floor.curve(bits, books, curve).is_some(),
            Self::Lines(floor) => floor.curve(bits, books, curve).is_some(),
        }
    }
}
