//! Writes movies of one track.

pub(super) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

pub(super) fn atom(kind: &[u8], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

/// A sound description of version 0 or 1, with `boxes` behind its fields.
pub(super) fn entry(
    kind: &[u8],
    version: u16,
    [n_channels, n_bits]: [u16; 2],
    rate: u32,
    boxes: &[u8],
) -> Vec<u8> {
    let mut body = words(&[0, 1]);
    body.extend(version.to_be_bytes());
    body.extend([0; 6]);
    body.extend(n_channels.to_be_bytes());
    body.extend(n_bits.to_be_bytes());
    body.extend([0; 4]);
    body.extend((rate << 16).to_be_bytes());
    if version == 1 {
        body.extend([0; 16]);
    }
    body.extend_from_slice(boxes);
    atom(kind, &body)
}

/// A movie whose track has its packets in one chunk, and its ticks at the sample rate.
#[derive(Debug, Clone, Default)]
pub(super) struct Movie {
    pub(super) rate: u32,
    pub(super) entry: Vec<u8>,
    /// Contents of the edit list: length, start and rate of each.
    pub(super) edits: Vec<[u32; 3]>,
    /// Packets and ticks of each run.
    pub(super) times: Vec<[u32; 2]>,
    pub(super) packets: Vec<Vec<u8>>,
    /// What the movie box has behind its track.
    pub(super) behind: Vec<u8>,
}

impl Movie {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let file_type = atom(b"ftyp", b"isom\0\0\0\0");
        let data_at = file_type.len() as u32 + 8;
        let data = atom(b"mdat", &self.packets.concat());
        [file_type, data, self.movie(data_at)].concat()
    }

    fn movie(&self, data_at: u32) -> Vec<u8> {
        let header = atom(b"mvhd", &words(&[0, 0, 0, self.rate, 0]));
        let track_header = atom(b"tkhd", &words(&[0, 0, 0, 1, 0, 0]));
        let mut track = track_header;
        if !self.edits.is_empty() {
            let list = [words(&[0, self.edits.len() as u32]), words(self.edits.as_flattened())];
            track.extend(atom(b"edts", &atom(b"elst", &list.concat())));
        }
        let media_header = atom(b"mdhd", &words(&[0, 0, 0, self.rate, 0, 0]));
        let handler = atom(b"hdlr", b"\0\0\0\0\0\0\0\0soun\0\0\0\0\0\0\0\0\0\0\0\0\0");
        let information = atom(b"minf", &atom(b"stbl", &self.tables(data_at)));
        track.extend(atom(b"mdia", &[media_header, handler, information].concat()));
        atom(b"moov", &[header, atom(b"trak", &track), self.behind.clone()].concat())
    }

    fn tables(&self, data_at: u32) -> Vec<u8> {
        let n_packets = self.packets.len() as u32;
        let times = [words(&[0, self.times.len() as u32]), words(self.times.as_flattened())];
        let sizes: Vec<u32> = self.packets.iter().map(|packet| packet.len() as u32).collect();
        let is_constant = sizes.iter().all(|&n| n == sizes[0]);
        let size = if is_constant { sizes.first().copied().unwrap_or(0) } else { 0 };
        let sizes = if is_constant { Vec::new() } else { words(&sizes) };
        let n_chunks = u32::from(n_packets > 0);
        let chunk = &[data_at][..n_chunks as usize];
        [
            atom(b"stsd", &[words(&[0, 1]), self.entry.clone()].concat()),
            atom(b"stts", &times.concat()),
            atom(b"stsc", &words(&[0, 1, 1, n_packets, 1])),
            atom(b"stsz", &[words(&[0, size, n_packets]), sizes].concat()),
            atom(b"stco", &[words(&[0, n_chunks]), words(chunk)].concat()),
        ]
        .concat()
    }
}
