//! The identification header (RFC 7845 §5.1).

use std::ops::Range;

/// Channels that we hand out at most.
const MAX_CHANNELS: usize = 32;
/// A channel of nothing.
const SILENT: u8 = 255;

/// Why there is no decoder for a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadError {
    Damaged(&'static str),
    Unsupported(&'static str),
}

/// Where a channel comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Stream { stream: usize, plane: usize },
    Silence,
}

/// How packets become channels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub(super) n_channels: usize,
    /// Linear.
    pub(super) gain: f32,
    pub(super) n_streams: usize,
    /// The first of the streams are stereo.
    pub(super) n_coupled: usize,
    pub(super) origins: Vec<Origin>,
}

impl Head {
    /// Parses `OpusHead` with its magic; its numbers are little-endian in every version.
    pub(super) fn parse(data: &[u8]) -> Result<Self, HeadError> {
        const FIXED: usize = 19;
        if data.len() < FIXED || !data.starts_with(b"OpusHead") {
            return Err(HeadError::Damaged("no Opus header"));
        }
        if data[8] > 15 {
            return Err(HeadError::Unsupported("version of the Opus header"));
        }
        let n_channels = usize::from(data[9]);
        if n_channels == 0 || n_channels > MAX_CHANNELS {
            return Err(HeadError::Damaged("impossible count of channels"));
        }
        let gain = f32::from(i16::from_le_bytes([data[16], data[17]])) / 256.0;
        let (n_streams, n_coupled, origins) = mapping(data, FIXED - 1, n_channels)?;
        Ok(Self { n_channels, gain: 10_f32.powf(gain / 20.0), n_streams, n_coupled, origins })
    }

    /// For a stream without header (RFC 7845 §5.1.1.1, family 0).
    pub(super) fn simple(n_channels: usize) -> Option<Self> {
        (1..=2).contains(&n_channels).then(|| Self {
            n_channels,
            gain: 1.0,
            n_streams: 1,
            n_coupled: n_channels - 1,
            origins: origins(&[0, 1][..n_channels], n_channels - 1),
        })
    }

    /// The planes of a stream.
    pub(super) fn n_planes(&self, stream: usize) -> usize {
        if stream < self.n_coupled { 2 } else { 1 }
    }

    pub(super) fn streams(&self) -> Range<usize> {
        0..self.n_streams
    }
}

/// Streams, how many of them are stereo, and what the channels are (§5.1.1).
fn mapping(
    data: &[u8],
    at: usize,
    n_channels: usize,
) -> Result<(usize, usize, Vec<Origin>), HeadError> {
    match data[at] {
        0 if n_channels <= 2 => {
            return Ok((1, n_channels - 1, origins(&[0, 1][..n_channels], n_channels - 1)));
        }
        1 if n_channels <= 8 => {}
        2 | 255 => {}
        0 | 1 => return Err(HeadError::Damaged("more channels than the mapping allows")),
        _ => return Err(HeadError::Unsupported("channel mapping of Opus")),
    }
    let table = data.get(at + 1..at + 3 + n_channels).ok_or(HeadError::Damaged("short header"))?;
    let (n_streams, n_coupled) = (usize::from(table[0]), usize::from(table[1]));
    if n_streams == 0 || n_coupled > n_streams || n_streams + n_coupled > 255 {
        return Err(HeadError::Damaged("impossible count of streams"));
    }
    let places = &table[2..];
    let most = n_streams + n_coupled;
    if places.iter().any(|&place| place != SILENT && usize::from(place) >= most) {
        return Err(HeadError::Damaged("a channel of a stream that is not there"));
    }
    Ok((n_streams, n_coupled, origins(places, n_coupled)))
}

fn origins(places: &[u8], n_coupled: usize) -> Vec<Origin> {
    let origin = |&place: &u8| {
        let index = usize::from(place);
        match place {
            SILENT => Origin::Silence,
            _ if index < 2 * n_coupled => Origin::Stream { stream: index / 2, plane: index % 2 },
            _ => Origin::Stream { stream: index - n_coupled, plane: 0 },
        }
    };
    places.iter().map(origin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(channels: u8, family: u8, table: &[u8]) -> Vec<u8> {
        let mut data = b"OpusHead\x01".to_vec();
        data.extend([channels, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 1, family]);
        data.extend(table);
        data
    }

    #[test]
    fn a_surround_mapping_names_streams_and_planes() {
        let head = Head::parse(&header(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5])).unwrap();
        assert_eq!((head.n_streams, head.n_coupled), (4, 2));
        let stream = |stream, plane| Origin::Stream { stream, plane };
        let wanted =
            [stream(0, 0), stream(2, 0), stream(0, 1), stream(1, 0), stream(1, 1), stream(3, 0)];
        assert_eq!(head.origins, wanted);
        assert!((head.gain - 10_f32.powf(1.0 / 20.0)).abs() < 1e-6);
    }

    #[test]
    fn version_0_has_the_byte_order_of_version_1() {
        let mut data = header(2, 0, &[]);
        data[8] = 0;
        let head = Head::parse(&data).unwrap();
        assert!((head.gain - 10_f32.powf(1.0 / 20.0)).abs() < 1e-6);
    }

    #[test]
    fn impossible_mappings_are_refused() {
        for data in [
            header(0, 0, &[]),
            header(3, 0, &[]),
            header(9, 1, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            header(2, 1, &[1, 0, 0]),
            header(2, 1, &[0, 0, 0, 0]),
            header(2, 1, &[1, 2, 0, 0]),
            header(2, 255, &[1, 0, 0, 1]),
            header(2, 3, &[1, 1, 0, 1]),
        ] {
            assert!(Head::parse(&data).is_err(), "{data:?}");
        }
    }
}
