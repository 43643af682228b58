//! Scalefactor bands, and where each coded line goes.

use std::sync::LazyLock;

/// Lines of a granule.
pub(super) const N_LINES: usize = 576;
/// Pairs of lines: what one code word of the big values holds.
pub(super) const N_PAIRS: usize = N_LINES / 2;
/// No layout has more bands: thirteen, three times.
pub(super) const MAX_BANDS: usize = 39;

/// Edges of the bands of a long block (ISO/IEC 11172-3 table B.8, ISO/IEC 13818-3 table B.2; the
/// quarter rates, which no standard lists, are those that every encoder of them uses).
const LONG_EDGES: [[u16; 23]; 6] = [
    [
        0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342,
        418, 576,
    ],
    [
        0, 4, 8, 12, 16, 20, 24, 30, 36, 42, 50, 60, 72, 88, 106, 128, 156, 190, 230, 276, 330,
        384, 576,
    ],
    [
        0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 54, 66, 82, 102, 126, 156, 194, 240, 296, 364, 448,
        550, 576,
    ],
    [
        0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464,
        522, 576,
    ],
    [
        0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 114, 136, 162, 194, 232, 278, 332, 394, 464,
        540, 576,
    ],
    [
        0, 12, 24, 36, 48, 60, 72, 88, 108, 132, 160, 192, 232, 280, 336, 400, 476, 566, 568, 570,
        572, 574, 576,
    ],
];

/// Edges of the bands of one window of a short block.
const SHORT_EDGES: [[u16; 14]; 7] = [
    [0, 4, 8, 12, 16, 22, 30, 40, 52, 66, 84, 106, 136, 192],
    [0, 4, 8, 12, 16, 22, 28, 38, 50, 64, 80, 100, 126, 192],
    [0, 4, 8, 12, 16, 22, 30, 42, 58, 78, 104, 138, 180, 192],
    [0, 4, 8, 12, 18, 24, 32, 42, 56, 74, 100, 132, 174, 192],
    [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 136, 180, 192],
    [0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 134, 174, 192],
    [0, 8, 16, 24, 36, 52, 72, 96, 124, 160, 162, 164, 166, 192],
];

/// Rows of [`LONG_EDGES`] and [`SHORT_EDGES`] by [`rate_index`].
const ROWS: [(usize, usize); 9] =
    [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (3, 5), (3, 5), (3, 5), (5, 6)];

/// Lines below this are a long block in a mixed one.
const MIXED_LINES: u16 = 36;

/// Where a pair of coded lines goes, and what it belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot {
    /// Places in a spectrum.
    pub(super) at: [u16; 2],
    pub(super) band: u8,
    /// Subbands that this pair and all before it reach into.
    pub(super) n_subbands: u8,
}

/// The lines of one kind of block in the order of the bitstream.
pub(super) struct Layout {
    pub(super) slots: [Slot; N_PAIRS],
    /// Band `b` holds the coded lines `edges[b]..edges[b + 1]`.
    pub(super) edges: Vec<u16>,
    /// Bands of a long block; behind them each band comes three times, once per window.
    pub(super) n_long: usize,
}

/// The layouts of one sample rate.
pub(super) struct Bands {
    pub(super) long: Layout,
    pub(super) short: Layout,
    pub(super) mixed: Layout,
    pub(super) long_edges: [u16; 23],
}

static BANDS: LazyLock<[Bands; 9]> = LazyLock::new(|| std::array::from_fn(Bands::new));

/// Number of a sample rate: MPEG-1's three, MPEG-2's, MPEG-2.5's.
pub(super) fn rate_index(sample_rate: u32) -> Option<usize> {
    [44_100, 48_000, 32_000, 22_050, 24_000, 16_000, 11_025, 12_000, 8000]
        .iter()
        .position(|&rate| rate == sample_rate)
}

/// Bands of the sample rate number `rate`.
pub(super) fn bands(rate: usize) -> &'static Bands {
    &BANDS[rate]
}

/// Place of line `line` (in order of frequency) in a spectrum: subbands side by side.
pub(super) fn place(line: usize) -> usize {
    line % 18 * 32 + line / 18
}

impl Bands {
    fn new(rate: usize) -> Self {
        let (long, short) = ROWS[rate];
        let (long_edges, short_edges) = (LONG_EDGES[long], SHORT_EDGES[short]);
        let n_low = long_edges.partition_point(|&edge| edge < MIXED_LINES);
        Self {
            long: Layout::new(&long_edges, &[]),
            short: Layout::new(&[], &short_edges),
            mixed: Layout::new(&long_edges[..=n_low], &short_edges),
            long_edges,
        }
    }
}

impl Layout {
    /// Bands of `long`, then those of `short` as far as they lie above.
    fn new(long: &[u16], short: &[u16]) -> Self {
        let start = long.last().copied().unwrap_or(0);
        let mut layout = Self {
            slots: [Slot::default(); N_PAIRS],
            edges: vec![0],
            n_long: long.len().saturating_sub(1),
        };
        let mut places = Vec::with_capacity(N_LINES);
        for pair in long.windows(2) {
            layout.edges.push(pair[1]);
            let band = layout.edges.len() - 2;
            places.extend((pair[0]..pair[1]).map(|line| (band, place(usize::from(line)))));
        }
        for pair in short.windows(2).filter(|pair| pair[1] * 3 > start) {
            let lines = pair[0].max(start / 3)..pair[1];
            for window in 0..3 {
                layout.edges.push(layout.edges[layout.edges.len() - 1] + lines.len() as u16);
                let band = layout.edges.len() - 2;
                let lines = lines.clone().map(|line| usize::from(line) * 3 + window);
                places.extend(lines.map(|line| (band, place(line))));
            }
        }
        let mut n_subbands = 0;
        for (slot, pair) in layout.slots.iter_mut().zip(places.as_chunks::<2>().0) {
            let [(band, first), (_, second)] = *pair;
            n_subbands = n_subbands.max(first % 32 + 1).max(second % 32 + 1);
            *slot = Slot {
                at: [first as u16, second as u16],
                band: band as u8,
                n_subbands: n_subbands as u8,
            };
        }
        layout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_holds_every_line_once_and_no_band_splits_a_pair() {
        for rate in 0..9 {
            let bands = bands(rate);
            for layout in [&bands.long, &bands.short, &bands.mixed] {
                let mut seen: Vec<u16> = layout.slots.iter().flat_map(|slot| slot.at).collect();
                seen.sort_unstable();
                assert_eq!(seen, (0..N_LINES as u16).collect::<Vec<_>>());
                assert!(layout.edges.iter().all(|edge| edge % 2 == 0));
                assert_eq!(layout.edges.last(), Some(&576));
                assert!(layout.edges.len() <= MAX_BANDS + 1);
                assert_eq!(layout.slots[N_PAIRS - 1].n_subbands, 32);
            }
        }
    }

    #[test]
    fn a_mixed_block_is_long_in_its_two_lowest_subbands() {
        for rate in 0..9 {
            let mixed = &bands(rate).mixed;
            assert_eq!(mixed.edges[mixed.n_long], MIXED_LINES, "{rate}");
            for (line, slot) in mixed.slots[..18].iter().enumerate() {
                assert_eq!(usize::from(slot.at[0]), place(2 * line));
            }
        }
    }
}
