//! A stream whose packets may hold anything.

/// Writes bits, least significant first.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    n_bits: usize,
}

impl Writer {
    pub(super) fn put(&mut self, value: u32, n_bits: usize) {
        for i in 0..n_bits {
            if self.n_bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            self.bytes[self.n_bits / 8] |= ((value >> i & 1) as u8) << (self.n_bits % 8);
            self.n_bits += 1;
        }
    }

    /// A codebook without gaps (Vorbis I §3.2.1), with vectors of values −1, 0 and 1 if it has more
    /// than one dimension and is no book of classes.
    pub(super) fn put_book(&mut self, n_dimensions: u32, lengths: &[u32], has_vectors: bool) {
        self.put(0x56_4342, 24);
        self.put(n_dimensions, 16);
        self.put(lengths.len() as u32, 24);
        self.put(0, 2);
        for length in lengths {
            self.put(length - 1, 5);
        }
        self.put(u32::from(has_vectors), 4);
        if has_vectors {
            // −1 and 1 in the format of §9.2.2.
            self.put_vectors(n_dimensions, lengths.len(), [1 << 31 | 788 << 21 | 1, 788 << 21 | 1]);
        }
    }

    /// Vectors of the first of `values`, and that with the second added to it once or twice.
    fn put_vectors(&mut self, n_dimensions: u32, n_entries: usize, values: [u32; 2]) {
        self.put(values[0], 32);
        self.put(values[1], 32);
        self.put(1, 4);
        self.put(0, 1);
        let most = |root: u32| root.pow(n_dimensions) <= n_entries as u32;
        let n_values = (1..=n_entries as u32).take_while(|&root| most(root)).count() as u32;
        for value in 0..n_values {
            self.put(value % 3, 2);
        }
    }

    /// A codebook of steps from one angle to the next: 0.5, 1.25 and 2.
    pub(super) fn put_angles(&mut self) {
        self.put(0x56_4342, 24);
        self.put(2, 16);
        self.put(16, 24);
        self.put(0, 2);
        (0..16).for_each(|_| self.put(3, 5));
        self.put(1, 4);
        self.put_vectors(2, 16, [787 << 21 | 1, 786 << 21 | 3]);
    }
}

/// Identification and setup header of a stream with two channels, blocks of 256 and 2048 samples, and
/// residues of `residue_type` with vectors of 2, 4, 8 and 3 values. If `is_coupled`, the channels are.
pub(super) fn headers(residue_type: u32, is_coupled: bool) -> Vec<u8> {
    headers_with(put_lines, residue_type, is_coupled)
}

/// The same with floors of line spectral pairs of so many coefficients.
pub(super) fn headers_of_pairs(order: u32) -> Vec<u8> {
    headers_with(|setup| put_pairs(setup, order), 1, false)
}

fn headers_with(put_floor: impl Fn(&mut Writer), residue_type: u32, is_coupled: bool) -> Vec<u8> {
    let mut bytes = b"\x01vorbis\0\0\0\0\x02".to_vec();
    bytes.extend(44_100_u32.to_le_bytes());
    bytes.extend([0; 12]);
    bytes.extend([0xb8, 1]);
    bytes.extend(b"\x05vorbis");
    let mut setup = Writer::default();
    put_books(&mut setup);
    // No transforms in time.
    setup.put(0, 6);
    setup.put(0, 16);
    put_floor(&mut setup);
    put_residue(&mut setup, residue_type);
    // One mapping of one submap.
    setup.put(0, 6);
    setup.put(0, 16);
    setup.put(0, 1);
    setup.put(u32::from(is_coupled), 1);
    if is_coupled {
        setup.put(0, 8);
        setup.put(0b10, 2);
    }
    setup.put(0, 2 + 8 + 8 + 8);
    // Modes of short and long blocks.
    setup.put(1, 6);
    for long in 0..2 {
        setup.put(long, 1);
        setup.put(0, 32);
        setup.put(0, 8);
    }
    setup.put(1, 1);
    bytes.extend(setup.bytes);
    bytes
}

fn put_books(setup: &mut Writer) {
    setup.put(6, 8);
    // Heights; classes of two partitions; then vectors.
    setup.put_book(1, &[1, 2, 4, 4, 4, 5, 5], false);
    setup.put_book(2, &[4; 16], false);
    setup.put_book(2, &[1, 4, 4, 4, 4, 4, 4, 4, 4], true);
    let chain: Vec<u32> = (1..=15).chain([15]).collect();
    setup.put_book(4, &chain, true);
    setup.put_book(8, &[8; 256], true);
    setup.put_book(3, &[5; 32], true);
    setup.put_angles();
}

/// A rate of 44.1 kHz, 200 steps of the Bark scale, amplitudes of 8 bits up to 4 dB, and the last
/// codebook.
fn put_pairs(setup: &mut Writer, order: u32) {
    setup.put(0, 6);
    setup.put(0, 16);
    setup.put(order, 8);
    setup.put(44_100, 16);
    setup.put(200, 16);
    setup.put(8, 6);
    setup.put(4, 8);
    setup.put(0, 4);
    setup.put(6, 8);
}

fn put_lines(setup: &mut Writer) {
    setup.put(0, 6);
    setup.put(1, 16);
    // Four partitions of one class: two heights each, from the first codebook.
    setup.put(4, 5);
    setup.put(0, 4 * 4);
    setup.put(1, 3);
    setup.put(0, 2);
    setup.put(1, 8);
    // Heights in steps of two, positions of ten bits.
    setup.put(1, 2);
    setup.put(10, 4);
    for x in [512, 128, 256, 700, 64, 20, 900, 300] {
        setup.put(x, 10);
    }
}

fn put_residue(setup: &mut Writer, residue_type: u32) {
    setup.put(0, 6);
    setup.put(residue_type, 16);
    setup.put(0, 24);
    setup.put(1900, 24);
    setup.put(23, 24);
    // Four classes: nothing; one pass; two; one.
    setup.put(3, 6);
    setup.put(1, 8);
    for cascade in [0b000, 0b001, 0b110, 0b010] {
        setup.put(cascade, 3);
        setup.put(0, 1);
    }
    for book in [2, 3, 4, 5] {
        setup.put(book, 8);
    }
}

/// Packets of audio with anything in them, 0 to 400 bytes.
pub(super) fn packets(n_packets: usize) -> Vec<Vec<u8>> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let mut packet = || {
        let n_bytes = next() % 400;
        let mut bytes: Vec<u8> = (0..n_bytes).map(|_| next() as u8).collect();
        if let Some(first) = bytes.first_mut() {
            // Audio, and a channel that mostly sounds.
            *first = *first & 0xfe | 0x10;
        }
        bytes
    };
    (0..n_packets).map(|_| packet()).collect()
}
