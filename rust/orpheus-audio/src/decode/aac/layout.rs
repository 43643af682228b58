//! Which element carries which channels (ISO/IEC 14496-3 table 1.19, §4.5.1.2).

use crate::decode::demux::bits::BitsMsb;

/// Loudspeakers, in the order of WAVE's channel mask, which is the order of our channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Speaker {
    FrontLeft,
    FrontRight,
    FrontCentre,
    LowFrequency,
    BackLeft,
    BackRight,
    FrontLeftOfCentre,
    FrontRightOfCentre,
    BackCentre,
    SideLeft,
    SideRight,
    TopFrontLeft,
    TopFrontRight,
}

use Speaker::{
    BackCentre, BackLeft, BackRight, FrontCentre, FrontLeft, FrontLeftOfCentre, FrontRight,
    FrontRightOfCentre, LowFrequency, SideLeft, SideRight, TopFrontLeft, TopFrontRight,
};

/// Kinds of elements that carry channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Pair,
    LowFrequency,
}

/// One element and the numbers of its channels; a single one has its number twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) kind: Kind,
    /// What names it among those of its kind, where that is fixed.
    pub(super) tag: Option<u32>,
    pub(super) channels: [usize; 2],
}

/// The elements of every frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::decode) struct Layout {
    pub(super) elements: Vec<Element>,
    pub(in crate::decode) n_channels: usize,
}

const CENTRE: &[Speaker] = &[FrontCentre];
const FRONT: &[Speaker] = &[FrontLeft, FrontRight];
const INNER_FRONT: &[Speaker] = &[FrontLeftOfCentre, FrontRightOfCentre];
const SIDE: &[Speaker] = &[SideLeft, SideRight];
const BACK: &[Speaker] = &[BackLeft, BackRight];
const LOW: &[Speaker] = &[LowFrequency];

impl Layout {
    /// By `channelConfiguration`, but for 0; `None`: reserved, or of more than one ring of speakers
    /// above each other.
    pub(in crate::decode) fn of_configuration(configuration: u32) -> Option<Self> {
        let elements: &[&[Speaker]] = match configuration {
            1 => &[CENTRE],
            2 => &[FRONT],
            3 => &[CENTRE, FRONT],
            4 => &[CENTRE, FRONT, &[BackCentre]],
            5 => &[CENTRE, FRONT, BACK],
            6 => &[CENTRE, FRONT, BACK, LOW],
            // The table means the pair inside of the front pair, but encoders (libavcodec's, for one)
            // write 7.1 as its other form.
            7 | 12 => &[CENTRE, FRONT, SIDE, BACK, LOW],
            11 => &[CENTRE, FRONT, SIDE, &[BackCentre], LOW],
            14 => &[CENTRE, FRONT, BACK, LOW, &[TopFrontLeft, TopFrontRight]],
            _ => return None,
        };
        let elements: Vec<_> = elements.iter().map(|speakers| (None, speakers.to_vec())).collect();
        Self::of_speakers(&elements)
    }

    /// `None` if two channels want one speaker.
    fn of_speakers(elements: &[(Option<u32>, Vec<Speaker>)]) -> Option<Self> {
        let mut all: Vec<Speaker> =
            elements.iter().flat_map(|(_, speakers)| speakers).copied().collect();
        let n_channels = all.len();
        all.sort_unstable();
        all.dedup();
        if all.len() != n_channels || n_channels == 0 {
            return None;
        }
        let number = |speaker: Speaker| all.partition_point(|&other| other < speaker);
        let element = |(tag, speakers): &(Option<u32>, Vec<Speaker>)| Element {
            kind: match speakers.as_slice() {
                [LowFrequency] => Kind::LowFrequency,
                [_] => Kind::Single,
                _ => Kind::Pair,
            },
            tag: *tag,
            channels: [number(speakers[0]), number(speakers[speakers.len() - 1])],
        };
        Some(Self { elements: elements.iter().map(element).collect(), n_channels })
    }
}

/// A `program_config_element` (§4.4.1.1).
#[derive(Debug, Clone)]
pub(in crate::decode) struct Program {
    /// Whether each element is a pair, and its tag.
    front: Vec<(bool, u32)>,
    side: Vec<(bool, u32)>,
    back: Vec<(bool, u32)>,
    low: Vec<u32>,
    /// Where its comment starts, but for alignment.
    pub(in crate::decode) end_of_fields: usize,
}

impl Program {
    /// Reads one behind its identification. `None`: it ends early.
    pub(in crate::decode) fn read(bits: &mut BitsMsb<'_>) -> Option<Self> {
        bits.skip(4 + 2 + 4);
        let n_front = bits.read(4)?;
        let n_side = bits.read(4)?;
        let n_back = bits.read(4)?;
        let n_low = bits.read(2)?;
        let n_data = bits.read(3)?;
        let n_coupling = bits.read(4)?;
        for n_bits in [4, 4, 3] {
            // Advice for mixing down.
            if bits.read(1)? == 1 {
                bits.skip(n_bits);
            }
        }
        let front = read_elements(bits, n_front)?;
        let side = read_elements(bits, n_side)?;
        let back = read_elements(bits, n_back)?;
        let low = (0..n_low).map(|_| bits.read(4)).collect::<Option<_>>()?;
        bits.skip((4 * n_data + 5 * n_coupling) as usize);
        let end_of_fields = bits.position();
        bits.align();
        let n_comment = bits.read(8)?;
        bits.skip(8 * n_comment as usize);
        Some(Self { front, side, back, low, end_of_fields })
    }

    /// `None`: we have no order for its channels.
    pub(in crate::decode) fn layout(&self) -> Option<Layout> {
        let mut elements = front(&self.front)?;
        elements.extend(around(&self.side, SIDE, None)?);
        elements.extend(around(&self.back, BACK, Some(BackCentre))?);
        elements.extend(self.low.iter().map(|&tag| (Some(tag), LOW.to_vec())));
        Layout::of_speakers(&elements)
    }
}

fn read_elements(bits: &mut BitsMsb<'_>, n: u32) -> Option<Vec<(bool, u32)>> {
    (0..n).map(|_| Some((bits.read(1)? == 1, bits.read(4)?))).collect()
}

type Speakers = Vec<(Option<u32>, Vec<Speaker>)>;

/// Front elements, which come from the centre outwards.
fn front(elements: &[(bool, u32)]) -> Option<Speakers> {
    let named = |tag: u32, speakers: &[Speaker]| (Some(tag), speakers.to_vec());
    Some(match *elements {
        [] => Vec::new(),
        [(false, tag)] => vec![named(tag, CENTRE)],
        [(true, tag)] => vec![named(tag, FRONT)],
        [(false, centre), (true, pair)] => vec![named(centre, CENTRE), named(pair, FRONT)],
        [(false, left), (false, right)] => {
            vec![named(left, &[FrontLeft]), named(right, &[FrontRight])]
        }
        [(true, inner), (true, outer)] => vec![named(inner, INNER_FRONT), named(outer, FRONT)],
        [(false, centre), (true, inner), (true, outer)] => {
            vec![named(centre, CENTRE), named(inner, INNER_FRONT), named(outer, FRONT)]
        }
        _ => return None,
    })
}

/// Side or back elements: at most a pair and one alone.
fn around(elements: &[(bool, u32)], pair: &[Speaker], single: Option<Speaker>) -> Option<Speakers> {
    elements
        .iter()
        .map(|&(is_pair, tag)| {
            Some((Some(tag), if is_pair { pair.to_vec() } else { vec![single?] }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(configuration: u32) -> Vec<[usize; 2]> {
        let layout = Layout::of_configuration(configuration).unwrap();
        layout.elements.iter().map(|element| element.channels).collect()
    }

    #[test]
    fn channels_come_in_the_order_of_wave() {
        assert_eq!(channels(1), [[0, 0]]);
        assert_eq!(channels(2), [[0, 1]]);
        assert_eq!(channels(3), [[2, 2], [0, 1]]);
        assert_eq!(channels(4), [[2, 2], [0, 1], [3, 3]]);
        assert_eq!(channels(5), [[2, 2], [0, 1], [3, 4]]);
        assert_eq!(channels(6), [[2, 2], [0, 1], [4, 5], [3, 3]]);
        assert_eq!(channels(7), channels(12));
        assert_eq!(channels(11), [[2, 2], [0, 1], [5, 6], [4, 4], [3, 3]]);
        assert_eq!(channels(12), [[2, 2], [0, 1], [6, 7], [4, 5], [3, 3]]);
        assert_eq!(channels(14), [[2, 2], [0, 1], [4, 5], [3, 3], [6, 7]]);
        assert!([0, 8, 9, 10, 13, 15].into_iter().all(|n| Layout::of_configuration(n).is_none()));
    }
}
