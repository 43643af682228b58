//! Which windows a frame has (`ics_info`, ISO/IEC 14496-3 §4.4.2.1, §4.5.2.3).

use super::Fault;
use super::bands::Bands;
use crate::decode::bits::Bits;

/// `window_sequence` (table 4.128).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sequence {
    #[default]
    Long,
    /// Long, and the next are short.
    Start,
    Short,
    /// Long, and the ones before were short.
    Stop,
}

/// `window_shape`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Shape {
    #[default]
    Sine,
    KaiserBessel,
}

/// The windows of one channel's frame, and how they share scale factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowInfo {
    pub(super) sequence: Sequence,
    pub(super) shape: Shape,
    /// `max_sfb`: bands behind these are silent.
    pub(super) n_bands: usize,
    pub(super) n_groups: usize,
    /// Windows in each group.
    pub(super) group_lengths: [u8; 8],
    /// Lines of one window.
    pub(super) n_lines: usize,
}

impl WindowInfo {
    pub(super) fn silence(frame_length: usize) -> Self {
        Self {
            sequence: Sequence::Long,
            shape: Shape::Sine,
            n_bands: 0,
            n_groups: 1,
            group_lengths: [1, 0, 0, 0, 0, 0, 0, 0],
            n_lines: frame_length,
        }
    }

    pub(super) fn read(
        bits: &mut Bits<'_>,
        bands: &Bands,
        frame_length: usize,
    ) -> Result<Self, Fault> {
        if bits.flag() {
            return Err("a reserved bit is set");
        }
        let sequence = [Sequence::Long, Sequence::Start, Sequence::Short, Sequence::Stop];
        let mut info = Self {
            sequence: sequence[bits.read(2) as usize & 3],
            shape: if bits.flag() { Shape::KaiserBessel } else { Shape::Sine },
            ..Self::silence(frame_length)
        };
        if info.is_short() {
            info.n_bands = bits.read(4) as usize;
            info.n_lines = frame_length / 8;
            info.group(bits.read(7));
        } else {
            info.n_bands = bits.read(6) as usize;
            if bits.flag() {
                return Err("prediction, which AAC-LC does not have");
            }
        }
        if info.n_bands >= info.edges(bands).len() {
            return Err("more bands than there are");
        }
        Ok(info)
    }

    /// `scale_factor_grouping`: a one for each window but the first that belongs to the group of the
    /// window before it.
    fn group(&mut self, grouping: u32) {
        for window in (0..7).rev() {
            if grouping >> window & 1 == 0 {
                self.n_groups += 1;
                self.group_lengths[self.n_groups - 1] = 1;
            } else {
                self.group_lengths[self.n_groups - 1] += 1;
            }
        }
    }

    pub(super) fn is_short(&self) -> bool {
        self.sequence == Sequence::Short
    }

    /// Edges of the bands, also of those that are silent.
    pub(super) fn edges(self, bands: &Bands) -> &[u16] {
        &bands.edges[usize::from(self.is_short())]
    }

    /// Whether the bands of both lie over each other.
    pub(super) fn has_bands_of(&self, other: &Self) -> bool {
        self.n_lines == other.n_lines && self.group_lengths == other.group_lengths
    }

    /// The first line of each window, with the number of its group.
    pub(super) fn windows(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Self { n_lines, n_groups, group_lengths, .. } = *self;
        let groups = (0..n_groups)
            .flat_map(move |group| std::iter::repeat_n(group, usize::from(group_lengths[group])));
        groups.enumerate().map(move |(window, group)| (group, window * n_lines))
    }
}
