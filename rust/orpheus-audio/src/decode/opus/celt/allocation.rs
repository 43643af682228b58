//! How the bits of a frame are shared between the bands (RFC 6716 §4.3.3), in eighths.

use super::super::range::{BIT_RESOLUTION, RangeDecoder};
use super::energy::{Extent, MAX_FINE_BITS};
use super::tables::{ALLOCATION, BAND_STARTS, CAPS, LOG_WIDTH, LOG2_EIGHTHS, N_BANDS, TRIM};

const N_QUALITIES: usize = 11;
/// One bit.
const BIT: i32 = 1 << BIT_RESOLUTION;
/// Bits by which fine energy lags behind shape.
const FINE_OFFSET: i32 = 21;

/// What a frame says about its bands.
#[derive(Debug, Default)]
pub(super) struct Allocation {
    /// For the shape of each band, both channels.
    pub(super) shape: [i32; N_BANDS],
    /// Whole bits for the energy of each band and channel.
    pub(super) fine_bits: [i32; N_BANDS],
    /// Whose turn for left-over bits comes second.
    pub(super) fine_later: [bool; N_BANDS],
    /// Bands from here on have no shape.
    pub(super) n_coded: usize,
    /// Bands from here on have one shape for both channels.
    pub(super) intensity: usize,
    /// The channels are coded apart, not as mid and side.
    pub(super) dual_stereo: bool,
    /// Left over.
    pub(super) balance: i32,
}

fn width(band: usize) -> i32 {
    (BAND_STARTS[band + 1] - BAND_STARTS[band]) as i32
}

/// What a band can use at most.
fn caps(extent: Extent) -> [i32; N_BANDS] {
    let row = N_BANDS * (2 * extent.size_log + extent.n_channels - 1);
    std::array::from_fn(|band| {
        let n_bins = (extent.n_channels as i32 * width(band)) << extent.size_log;
        ((i32::from(CAPS[row + band]) + 64) * n_bins) >> 2
    })
}

/// Extra bits that the encoder asked for, and how many bits are left.
fn decode_boosts(
    range: &mut RangeDecoder,
    extent: Extent,
    caps: &[i32; N_BANDS],
) -> ([i32; N_BANDS], i32) {
    let mut boosts = [0; N_BANDS];
    let mut total = range.n_bits_total() << BIT_RESOLUTION;
    let mut log_p = 6;
    for band in extent.start..extent.end {
        let n_bins = (extent.n_channels as i32 * width(band)) << extent.size_log;
        let quantum = (n_bins << BIT_RESOLUTION).min(n_bins.max(6 << BIT_RESOLUTION));
        let mut next_log_p = log_p;
        while range.tell_eighths() + (next_log_p << BIT_RESOLUTION) < total
            && boosts[band] < caps[band]
            && range.flag(next_log_p as u32)
        {
            boosts[band] += quantum;
            total -= quantum;
            next_log_p = 1;
        }
        if boosts[band] > 0 {
            log_p = 2.max(log_p - 1);
        }
    }
    (boosts, total)
}

/// The side information of the allocation, and what follows from it. `reserve` is asked for what
/// must be kept back for later.
pub(super) fn decode(
    range: &mut RangeDecoder,
    extent: Extent,
    reserve: impl FnOnce(i32) -> i32,
) -> Allocation {
    let caps = caps(extent);
    let (boosts, total) = decode_boosts(range, extent, &caps);
    let trim = if range.tell_eighths() + (6 << BIT_RESOLUTION) <= total {
        range.icdf(&TRIM, 7) as i32
    } else {
        5
    };
    let left = (range.n_bits_total() << BIT_RESOLUTION) - range.tell_eighths() - 1;
    let available = left - reserve(left);
    let mut share = Share::new(extent, caps, boosts, available.max(0));
    share.interpolate(trim);
    share.decode_skips(range);
    share.decode_stereo(range);
    share.spread_rest();
    share.split()
}

/// A share-out in the making.
struct Share {
    extent: Extent,
    caps: [i32; N_BANDS],
    boosts: [i32; N_BANDS],
    /// Below this a band gets no shape.
    thresholds: [i32; N_BANDS],
    bits: [i32; N_BANDS],
    sum: i32,
    total: i32,
    skip_reserve: i32,
    intensity_reserve: i32,
    dual_reserve: i32,
    first_skippable: usize,
    out: Allocation,
}

impl Share {
    fn new(extent: Extent, caps: [i32; N_BANDS], boosts: [i32; N_BANDS], total: i32) -> Self {
        let skip_reserve = if total >= BIT { BIT } else { 0 };
        let mut total = total - skip_reserve;
        let (mut intensity_reserve, mut dual_reserve) = (0, 0);
        if extent.n_channels == 2 {
            intensity_reserve = LOG2_EIGHTHS[extent.end - extent.start];
            if intensity_reserve > total {
                intensity_reserve = 0;
            } else {
                total -= intensity_reserve;
                dual_reserve = if total >= BIT { BIT } else { 0 };
                total -= dual_reserve;
            }
        }
        let floor = extent.n_channels as i32 * BIT;
        let thresholds = std::array::from_fn(|band| {
            floor.max(((3 * width(band)) << (extent.size_log as u32 + BIT_RESOLUTION)) >> 4)
        });
        Self {
            extent,
            caps,
            boosts,
            thresholds,
            bits: [0; N_BANDS],
            sum: 0,
            total,
            skip_reserve,
            intensity_reserve,
            dual_reserve,
            first_skippable: extent.start,
            out: Allocation::default(),
        }
    }

    /// The least that a coded band gets.
    fn floor(&self) -> i32 {
        self.extent.n_channels as i32 * BIT
    }

    fn bands(&self) -> std::ops::Range<usize> {
        self.extent.start..self.extent.end
    }

    /// By how much `trim` tilts each band.
    fn tilts(&self, trim: i32) -> [i32; N_BANDS] {
        let Extent { end, n_channels, size_log, .. } = self.extent;
        let mut tilts = [0; N_BANDS];
        for band in self.bands() {
            let product = n_channels as i32
                * width(band)
                * (trim - 5 - size_log as i32)
                * (end - band - 1) as i32;
            tilts[band] = (product << (size_log as u32 + BIT_RESOLUTION)) >> 6;
            if width(band) << size_log == 1 {
                tilts[band] -= self.floor();
            }
        }
        tilts
    }

    /// What the bands get at one of the static qualities.
    fn at_quality(&self, quality: usize, tilts: &[i32; N_BANDS]) -> [i32; N_BANDS] {
        let mut bits = [0; N_BANDS];
        for band in self.bands() {
            let entry = i32::from(ALLOCATION[quality * N_BANDS + band]);
            let n = self.extent.n_channels as i32 * width(band) * entry;
            let share = (n << self.extent.size_log) >> 2;
            bits[band] = if share > 0 { (share + tilts[band]).max(0) } else { share };
        }
        bits
    }

    /// What bands would take in all, were they given `bits`.
    fn cost(&self, bits: impl Fn(usize) -> i32) -> i32 {
        let mut coding = false;
        let mut sum = 0;
        for band in self.bands().rev() {
            let bits = bits(band);
            if bits >= self.thresholds[band] || coding {
                coding = true;
                sum += bits.min(self.caps[band]);
            } else if bits >= self.floor() {
                sum += self.floor();
            }
        }
        sum
    }

    /// The best quality that can be afforded, in 64ths between two of the table.
    fn interpolate(&mut self, trim: i32) {
        let tilts = self.tilts(trim);
        let (mut low, mut high) = (1, N_QUALITIES - 1);
        while low <= high {
            let middle = (low + high) >> 1;
            let bits = self.at_quality(middle, &tilts);
            if self.cost(|band| bits[band] + self.boosts[band]) > self.total {
                high = middle - 1;
            } else {
                low = middle + 1;
            }
        }
        let mut lower = self.at_quality(low - 1, &tilts);
        let mut upper = if low < N_QUALITIES {
            self.at_quality(low, &tilts)
        } else {
            let capped = self.caps;
            std::array::from_fn(|band| {
                if capped[band] > 0 { (capped[band] + tilts[band]).max(0) } else { 0 }
            })
        };
        for band in self.bands() {
            if low > 1 {
                lower[band] += self.boosts[band];
            }
            upper[band] = (upper[band] + self.boosts[band] - lower[band]).max(0);
            if self.boosts[band] > 0 {
                self.first_skippable = band;
            }
        }
        self.settle(&lower, &upper);
    }

    fn settle(&mut self, lower: &[i32; N_BANDS], step: &[i32; N_BANDS]) {
        let at = |part: i32, band: usize| lower[band] + ((part * step[band]) >> 6);
        let (mut low, mut high) = (0, 64);
        for _ in 0..6 {
            let middle = (low + high) >> 1;
            if self.cost(|band| at(middle, band)) > self.total {
                high = middle;
            } else {
                low = middle;
            }
        }
        let mut coding = false;
        for band in self.bands().rev() {
            let mut bits = at(low, band);
            if bits >= self.thresholds[band] || coding {
                coding = true;
            } else {
                bits = if bits >= self.floor() { self.floor() } else { 0 };
            }
            self.bits[band] = bits.min(self.caps[band]);
            self.sum += self.bits[band];
        }
    }

    /// Upper bands may be left out, one by one.
    fn decode_skips(&mut self, range: &mut RangeDecoder) {
        let start = self.extent.start;
        let mut n_coded = self.extent.end;
        loop {
            let last = n_coded - 1;
            if last <= self.first_skippable {
                self.total += self.skip_reserve;
                break;
            }
            let left = self.total - self.sum;
            let n_bins = (BAND_STARTS[n_coded] - BAND_STARTS[start]) as i32;
            let per_bin = left / n_bins;
            let below = (BAND_STARTS[last] - BAND_STARTS[start]) as i32;
            let rest = (left - n_bins * per_bin - below).max(0);
            let mut bits = self.bits[last] + per_bin * width(last) + rest;
            if bits >= self.thresholds[last].max(self.floor() + BIT) {
                if range.flag(1) {
                    break;
                }
                self.sum += BIT;
                bits -= BIT;
            }
            self.sum -= self.bits[last] + self.intensity_reserve;
            if self.intensity_reserve > 0 {
                self.intensity_reserve = LOG2_EIGHTHS[last - start];
            }
            self.sum += self.intensity_reserve;
            self.bits[last] = if bits >= self.floor() { self.floor() } else { 0 };
            self.sum += self.bits[last];
            n_coded -= 1;
        }
        self.out.n_coded = n_coded;
    }

    fn decode_stereo(&mut self, range: &mut RangeDecoder) {
        let start = self.extent.start;
        if self.intensity_reserve > 0 {
            let n_choices = (self.out.n_coded + 1 - start) as u32;
            self.out.intensity = start + range.uniform(n_choices) as usize;
        }
        if self.out.intensity <= start {
            self.total += self.dual_reserve;
            self.dual_reserve = 0;
        }
        self.out.dual_stereo = self.dual_reserve > 0 && range.flag(1);
    }

    /// What is left goes to all coded bands alike, the odd bins to the lowest.
    fn spread_rest(&mut self) {
        let coded = self.extent.start..self.out.n_coded;
        let n_bins = (BAND_STARTS[coded.end] - BAND_STARTS[coded.start]) as i32;
        let left = self.total - self.sum;
        let per_bin = left / n_bins;
        let mut left = left - n_bins * per_bin;
        for band in coded {
            let more = left.min(width(band));
            self.bits[band] += per_bin * width(band) + more;
            left -= more;
        }
    }

    /// Each band's bits are split between energy and shape.
    fn split(mut self) -> Allocation {
        let mut balance = 0;
        for band in self.extent.start..self.out.n_coded {
            balance = self.split_band(band, balance);
        }
        let stereo = u32::from(self.extent.n_channels == 2);
        for band in self.out.n_coded..self.extent.end {
            self.out.fine_bits[band] = self.bits[band] >> stereo >> BIT_RESOLUTION;
            self.out.fine_later[band] = self.out.fine_bits[band] < 1;
        }
        self.out.balance = balance;
        self.out
    }

    /// Splits the bits of one band, returns what it cannot use.
    fn split_band(&mut self, band: usize, balance: i32) -> i32 {
        let n_channels = self.extent.n_channels as i32;
        let stereo = u32::from(n_channels == 2);
        let n_bins = width(band) << self.extent.size_log;
        let bits = self.bits[band] + balance;
        let (mut excess, mut fine, shape);
        if n_bins > 1 {
            excess = (bits - self.caps[band]).max(0);
            let kept = bits - excess;
            let mut n = n_channels * n_bins;
            let splits = n_channels == 2 && n_bins > 2 && !self.out.dual_stereo;
            n += i32::from(splits && band < self.out.intensity);
            let offset = self.fine_offset(band, n, kept);
            let wanted = (kept + offset + (n << (BIT_RESOLUTION - 1))).max(0);
            fine = (wanted / n) >> BIT_RESOLUTION;
            if n_channels * fine > (kept >> BIT_RESOLUTION) {
                fine = kept >> stereo >> BIT_RESOLUTION;
            }
            fine = fine.min(MAX_FINE_BITS);
            self.out.fine_later[band] = fine * (n << BIT_RESOLUTION) >= kept + offset;
            shape = kept - ((n_channels * fine) << BIT_RESOLUTION);
        } else {
            excess = (bits - self.floor()).max(0);
            fine = 0;
            shape = bits - excess;
            self.out.fine_later[band] = true;
        }
        if excess > 0 {
            let more = (excess >> (stereo + BIT_RESOLUTION)).min(MAX_FINE_BITS - fine);
            fine += more;
            let cost = (more * n_channels) << BIT_RESOLUTION;
            self.out.fine_later[band] = cost >= excess - balance;
            excess -= cost;
        }
        self.out.shape[band] = shape;
        self.out.fine_bits[band] = fine;
        excess
    }

    fn fine_offset(&self, band: usize, n: i32, bits: i32) -> i32 {
        let log_size = (self.extent.size_log as i32) << BIT_RESOLUTION;
        let log = n * (LOG_WIDTH[band] + log_size);
        let mut offset = (log >> 1) - n * FINE_OFFSET;
        if width(band) << self.extent.size_log == 2 {
            offset += (n << BIT_RESOLUTION) >> 2;
        }
        if bits + offset < (n * 2) << BIT_RESOLUTION {
            offset += log >> 2;
        } else if bits + offset < (n * 3) << BIT_RESOLUTION {
            offset += log >> 3;
        }
        offset
    }
}
