//! Pairs of channels (`channel_pair_element`, ISO/IEC 14496-3 §4.4.2.1, §4.6.8).

use super::Fault;
use super::channel::{Channel, Format, INTENSITY, INTENSITY_OUT_OF_PHASE, NOISE};
use super::noise::{self, Seed};
use super::spectrum::MAX_BANDS;
use super::window::WindowInfo;
use crate::decode::bits::Bits;

/// Which bands are coded as middle and side.
#[derive(Clone)]
struct Mask {
    bands: [bool; MAX_BANDS],
    /// Whether it was given band by band: only then it turns the phase of intensity stereo.
    is_given: bool,
}

/// A pair of channels and the number of the first one.
pub(super) struct Pair<'a> {
    pub(super) left: &'a mut Channel,
    pub(super) right: &'a mut Channel,
    pub(super) number: usize,
}

impl Pair<'_> {
    /// Reads a pair and takes its joint coding apart.
    pub(super) fn read(
        &mut self,
        bits: &mut Bits<'_>,
        format: Format,
        seed: impl Fn() -> Seed,
    ) -> Result<(), Fault> {
        let mut mask = Mask { bands: [false; MAX_BANDS], is_given: false };
        let mut common = None;
        if bits.flag() {
            let info = WindowInfo::read(bits, format.bands, format.frame_length)?;
            mask = Mask::read(bits, &info)?;
            common = Some(info);
        }
        self.left.read(bits, format, common)?;
        self.right.read(bits, format, common)?;
        if self.left.has_intensity() {
            return Err("intensity stereo in a left channel");
        }
        if self.left.has_noise() || self.right.has_noise() {
            self.make_noise(format, &mask, seed());
        }
        self.join(format, &mask)
    }

    fn make_noise(&mut self, format: Format, mask: &Mask, seed: Seed) {
        noise::fill(self.left, self.number, format, seed, |_| false);
        let left = self.left.coded.books;
        // §4.6.13.3: both have the same noise.
        let is_shared = |place: usize| mask.bands[place] && left[place] == NOISE;
        noise::fill(self.right, self.number + 1, format, seed, is_shared);
    }

    fn join(&mut self, format: Format, mask: &Mask) -> Result<(), Fault> {
        if !self.right.has_intensity() && !mask.bands.contains(&true) {
            return Ok(());
        }
        let info = *self.right.info();
        if !info.has_bands_of(self.left.info()) {
            return Err("intensity stereo of channels with other windows");
        }
        let (left, right) = (&mut *self.left, &mut *self.right);
        let edges = info.edges(format.bands);
        for (group, start) in info.windows() {
            for (band, edges) in edges.windows(2).take(info.n_bands).enumerate() {
                let place = group * info.n_bands + band;
                let lines = start + usize::from(edges[0])..start + usize::from(edges[1]);
                let pairs = left.lines[lines.clone()].iter_mut().zip(&mut right.lines[lines]);
                let books = [&left.coded, &right.coded].map(|coded| coded.books[place]);
                match books[1] {
                    INTENSITY | INTENSITY_OUT_OF_PHASE => {
                        let turned = mask.is_given && mask.bands[place];
                        let gain = right.coded.gains[place];
                        let is_negative = (books[1] == INTENSITY_OUT_OF_PHASE) != turned;
                        let gain = if is_negative { -gain } else { gain };
                        pairs.for_each(|(left, right)| *right = *left * gain);
                    }
                    _ if mask.bands[place] && !books.contains(&NOISE) => {
                        pairs.for_each(|(left, right)| {
                            (*left, *right) = (*left + *right, *left - *right);
                        });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

impl Mask {
    fn read(bits: &mut Bits<'_>, info: &WindowInfo) -> Result<Self, Fault> {
        let n = info.n_bands * info.n_groups;
        let mut bands = [false; MAX_BANDS];
        let kind = bits.read(2);
        match kind {
            0 => {}
            1 => bands[..n].fill_with(|| bits.flag()),
            2 => bands[..n].fill(true),
            _ => return Err("a reserved stereo mask"),
        }
        Ok(Self { bands, is_given: kind == 1 })
    }
}
