//! Packets with all that AAC-LC has, at random.

use super::bands::Bands;
use super::code_books::{Book, SCALE_FACTORS, SPECTRAL};
use super::window::{Sequence, WindowInfo};
use crate::decode::bits::Bits;

/// Writes bits, most significant first.
#[derive(Default)]
pub(super) struct Writer {
    bits: Vec<bool>,
}

impl Writer {
    pub(super) fn put(&mut self, value: u32, n: u32) {
        self.bits.extend((0..n).rev().map(|at| value >> at & 1 == 1));
    }

    pub(super) fn put_all(&mut self, fields: &[(u32, u32)]) {
        for &(value, n) in fields {
            self.put(value, n);
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter().enumerate().fold(0, |byte, (i, &bit)| byte | u8::from(bit) << (7 - i))
        };
        self.bits.chunks(8).map(byte).collect()
    }

    fn symbol(&mut self, book: &Book, symbol: u16) {
        let place = book.symbols.iter().position(|&other| other == symbol).unwrap();
        let (mut code, mut behind) = (0_u32, 0);
        for (&n, length) in book.n_codes.iter().zip(1..) {
            if place < behind + usize::from(n) {
                return self.put(code + (place - behind) as u32, length);
            }
            behind += usize::from(n);
            code = (code + u32::from(n)) << 1;
        }
        unreachable!("as many codes as symbols");
    }
}

/// Numbers that look random.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, n: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(n)) as u32
    }
}

/// A stream at 44.1 kHz in stereo.
pub(in crate::decode) fn packets(n_packets: usize) -> Vec<Vec<u8>> {
    let kind = Kind { rate_index: 4, frame_length: 1024, noise: true, n_books: 11 };
    let random = &mut Random(17);
    (0..n_packets).map(|_| kind.packet(random, 2)).collect()
}

/// What packets may hold.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) rate_index: usize,
    pub(super) frame_length: usize,
    pub(super) noise: bool,
    /// Highest code book.
    pub(super) n_books: u32,
}

impl Kind {
    fn bands(self) -> &'static Bands {
        Bands::of(self.rate_index, self.frame_length)
    }

    /// A packet of one channel or a pair.
    pub(super) fn packet(self, random: &mut Random, n_channels: usize) -> Vec<u8> {
        let mut writer = Writer::default();
        if random.below(4) == 0 {
            // Filling, and data that are aligned.
            writer.put(6 << 4 | 2, 7);
            writer.put(0, 16);
            writer.put(4 << 5 | 1, 8);
            writer.put(1, 8);
            while writer.bits.len() % 8 != 0 {
                writer.put(0, 1);
            }
            writer.put(0xff, 8);
        }
        if n_channels == 1 {
            writer.put(0, 3 + 4);
            self.channel(&mut writer, random, None, false);
        } else {
            self.pair(&mut writer, random);
        }
        writer.put(7, 3);
        writer.bytes()
    }

    fn pair(self, writer: &mut Writer, random: &mut Random) {
        writer.put(1, 3);
        writer.put(0, 4);
        let is_common = random.below(3) > 0;
        writer.put(is_common.into(), 1);
        let mut common = None;
        if is_common {
            let info = self.window(writer, random);
            let mask = random.below(3);
            writer.put(mask, 2);
            if mask == 1 {
                (0..info.n_bands * info.n_groups).for_each(|_| writer.put(random.below(2), 1));
            }
            common = Some(info);
        }
        self.channel(writer, random, common, false);
        self.channel(writer, random, common, is_common);
    }

    fn window(self, writer: &mut Writer, random: &mut Random) -> WindowInfo {
        let sequence = random.below(4);
        let mut own = Writer::default();
        own.put(sequence, 3);
        own.put(random.below(2), 1);
        let is_short = sequence == Sequence::Short as u32;
        let most = self.bands().edges[usize::from(is_short)].len() as u32;
        own.put(random.below(most), if is_short { 4 } else { 6 });
        own.put(if is_short { random.below(128) } else { 0 }, if is_short { 7 } else { 1 });
        writer.bits.extend(&own.bits);
        let bytes = own.bytes();
        WindowInfo::read(&mut Bits::new(&bytes, 0), self.bands(), self.frame_length).unwrap()
    }

    fn channel(
        self,
        writer: &mut Writer,
        random: &mut Random,
        common: Option<WindowInfo>,
        intensity: bool,
    ) {
        writer.put(130, 8);
        let info = common.unwrap_or_else(|| self.window(writer, random));
        let books = self.sections(writer, random, info, intensity);
        scale_factors(writer, random, &books);
        // No pulses: symphonia adds them at another scale.
        writer.put(0, 1);
        let shaped = random.below(3) == 0;
        writer.put(shaped.into(), 1);
        if shaped {
            noise_shaping(writer, random, info.is_short());
        }
        writer.put(0, 1);
        self.lines(writer, random, info, &books);
    }

    fn sections(
        self,
        writer: &mut Writer,
        random: &mut Random,
        info: WindowInfo,
        intensity: bool,
    ) -> Vec<u32> {
        let n_bits = if info.is_short() { 3 } else { 5 };
        let go_on = (1 << n_bits) - 1;
        let mut books = Vec::new();
        for _ in 0..info.n_groups {
            let mut rest = info.n_bands as u32;
            while rest > 0 {
                let book = match random.below(8) {
                    0 if intensity => 14 + random.below(2),
                    1 if self.noise => 13,
                    _ => random.below(self.n_books + 1),
                };
                let length = 1 + random.below(rest);
                writer.put(book, 4);
                (0..length / go_on).for_each(|_| writer.put(go_on, n_bits));
                writer.put(length % go_on, n_bits);
                books.extend(std::iter::repeat_n(book, length as usize));
                rest -= length;
            }
        }
        books
    }

    fn lines(self, writer: &mut Writer, random: &mut Random, info: WindowInfo, books: &[u32]) {
        let edges = info.edges(self.bands());
        for (group, books) in books.chunks(info.n_bands.max(1)).enumerate() {
            for (&book, edges) in books.iter().zip(edges.windows(2)) {
                let n_values = if book < 5 { 4 } else { 2 };
                let n_lines = (edges[1] - edges[0]) * u16::from(info.group_lengths[group]);
                if (1..=11).contains(&book) {
                    (0..n_lines / n_values).for_each(|_| values(writer, random, book as usize));
                }
            }
        }
    }
}

fn scale_factors(writer: &mut Writer, random: &mut Random, books: &[u32]) {
    let mut noise_started = false;
    let mut factor = 130;
    for &book in books.iter().filter(|&&book| book > 0) {
        if book == 13 && !std::mem::replace(&mut noise_started, true) {
            // Noise of the level that the lines have.
            writer.put(256, 9);
            continue;
        }
        let difference = random.below(21) as i32 - 10;
        let difference =
            if (90..150).contains(&(factor + difference)) { difference } else { -difference };
        if book < 12 {
            factor += difference;
        }
        let difference = if book < 12 { difference } else { difference % 2 };
        writer.symbol(&SCALE_FACTORS, (difference + 60) as u16);
    }
}

fn noise_shaping(writer: &mut Writer, random: &mut Random, is_short: bool) {
    let widths = if is_short { [1, 4, 3] } else { [2, 6, 5] };
    for _ in 0..if is_short { 8 } else { 1 } {
        let n_filters = random.below(if is_short { 2 } else { 3 });
        writer.put(n_filters, widths[0]);
        let fine = random.below(2);
        if n_filters > 0 {
            writer.put(fine, 1);
        }
        for _ in 0..n_filters {
            writer.put(random.below(12), widths[1]);
            let order = random.below(5);
            writer.put(order, widths[2]);
            if order > 0 {
                let compressed = random.below(2);
                writer.put(random.below(2) << 1 | compressed, 2);
                let n_bits = 3 + fine - compressed;
                (0..order).for_each(|_| writer.put(random.below(1 << n_bits), n_bits));
            }
        }
    }
}

fn values(writer: &mut Writer, random: &mut Random, book: usize) {
    let symbols = SPECTRAL[book - 1].symbols;
    let symbol = symbols[random.below(symbols.len() as u32) as usize];
    writer.symbol(&SPECTRAL[book - 1], symbol);
    let base = [3, 3, 9, 8, 13, 17][[0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5][book]];
    let values = match book {
        1 | 2 | 5 | 6 => return,
        3 | 4 => vec![symbol / 27 % 3, symbol / 9 % 3, symbol / 3 % 3, symbol % 3],
        _ => vec![symbol / base, symbol % base],
    };
    values.iter().filter(|&&value| value != 0).for_each(|_| writer.put(random.below(2), 1));
    for _ in values.iter().filter(|&&value| value == 16) {
        let n = random.below(9);
        writer.put((1 << n) - 1, n);
        writer.put(0, 1);
        writer.put(random.below(1 << (n + 4)), n + 4);
    }
}
