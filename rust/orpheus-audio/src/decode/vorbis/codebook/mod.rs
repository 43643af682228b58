//! Codebooks: a Huffman code over entries, each of which may stand for a vector (Vorbis I §3).

mod header;

pub(super) use self::header::Budget;
use self::header::{assign_codes, read_lengths, read_vectors};
use super::bits::Bits;

/// Codes up to this length are found by one look into a table.
const MAX_FAST_BITS: u32 = 10;
/// So many of them are available when [`Bits::refill_sound`] was.
const BURST: usize = 5;
pub(super) struct Codebook {
    n_dimensions: usize,
    n_entries: usize,
    /// By the next bits, as many as the longest code has, or [`MAX_FAST_BITS`]: entry in the upper
    /// bits, length in the lowest six; 0 where the code is longer.
    fast: Vec<u32>,
    /// Longer codes in ascending order, most significant bit first and left-aligned in 32 bits, with
    /// entry and length.
    slow: Vec<(u32, u32, u8)>,
    /// Vectors of all entries, or nothing if the entries are plain numbers.
    vectors: Vec<f32>,
}

impl Codebook {
    pub(super) fn read(bits: &mut Bits<'_>, budget: &mut Budget) -> Result<Self, &'static str> {
        if bits.read(24) != 0x56_4342 {
            return Err("a codebook does not start as one");
        }
        let n_dimensions = bits.read(16) as usize;
        let n_entries = bits.read(24) as usize;
        budget.take(n_entries)?;
        let lengths = read_lengths(bits, n_entries)?;
        let codes = assign_codes(&lengths)?;
        let vectors = read_vectors(bits, n_entries, n_dimensions, budget)?;
        if bits.ended() {
            return Err("the setup header ends in a codebook");
        }
        let mut book =
            Self { n_dimensions, n_entries, fast: Vec::new(), slow: Vec::new(), vectors };
        book.index(&codes, &lengths);
        Ok(book)
    }

    pub(super) fn n_dimensions(&self) -> usize {
        self.n_dimensions
    }

    pub(super) fn n_entries(&self) -> usize {
        self.n_entries
    }

    pub(super) fn has_vectors(&self) -> bool {
        !self.vectors.is_empty()
    }

    fn index(&mut self, codes: &[u32], lengths: &[u8]) {
        let longest = lengths.iter().copied().max().map_or(0, u32::from);
        let n_bits = longest.min(MAX_FAST_BITS);
        self.fast = vec![0; 1 << n_bits];
        let used = || lengths.iter().zip(codes).enumerate().filter(|(_, (length, _))| **length > 0);
        // A single entry has a code of one bit, and both values of it mean that entry (errata 20150226).
        let alone = used().count() == 1;
        for (entry, (&length, &code)) in used() {
            let entry = entry as u32;
            if u32::from(length) > n_bits {
                self.slow.push((code, entry, length));
                continue;
            }
            let reversed = code.reverse_bits();
            let step = if alone { 1 } else { 1 << length };
            for slot in (reversed as usize..1 << n_bits).step_by(step) {
                self.fast[slot] = entry << 6 | u32::from(length);
            }
        }
        self.slow.sort_unstable();
    }

    /// Entry and length of the code that `next` starts with; 0 if it is long, or none at all.
    #[inline(always)]
    fn look_up(&self, next: u64) -> u32 {
        // The length of the table is a power of two.
        let slot = next as usize & self.fast.len().wrapping_sub(1);
        self.fast.get(slot).copied().unwrap_or(0)
    }

    /// The next entry; `None` if the packet ends, or holds a code that means nothing.
    #[inline(always)]
    pub(super) fn entry(&self, bits: &mut Bits<'_>) -> Option<usize> {
        let next = bits.peek();
        let found = self.look_up(u64::from(next));
        if found != 0 {
            bits.consume(found & 63);
            return (!bits.ended()).then_some((found >> 6) as usize);
        }
        self.long_entry(next, bits)
    }

    #[inline(always)]
    fn long_entry(&self, next: u32, bits: &mut Bits<'_>) -> Option<usize> {
        let (entry, length) = self.look_up_long(next)?;
        bits.consume(length);
        (!bits.ended()).then_some(entry)
    }

    /// Entry and length of the long code that `next` starts with.
    #[cold]
    #[inline(never)]
    fn look_up_long(&self, next: u32) -> Option<(usize, u32)> {
        let wanted = next.reverse_bits();
        let after = self.slow.partition_point(|&(code, ..)| code <= wanted);
        let (code, entry, length) = *self.slow.get(after.checked_sub(1)?)?;
        let is_it = (wanted ^ code) >> (32 - u32::from(length)) == 0;
        is_it.then_some((entry as usize, u32::from(length)))
    }

    /// The next vector, of [`Codebook::n_dimensions`] values.
    #[inline]
    pub(super) fn vector(&self, bits: &mut Bits<'_>) -> Option<&[f32]> {
        let start = self.entry(bits)? * self.n_dimensions;
        self.vectors.get(start..start + self.n_dimensions)
    }

    /// Adds the next vectors, of `N` = [`Codebook::n_dimensions`] values, to `targets`.
    #[inline(always)]
    pub(super) fn add_vectors<const N: usize>(
        &self,
        bits: &mut Bits<'_>,
        targets: &mut [[f32; N]],
    ) -> Option<()> {
        let vectors = self.vectors.as_chunks::<N>().0;
        let mut targets = targets.iter_mut();
        while !targets.as_slice().is_empty() && bits.refill_sound() {
            for target in targets.by_ref().take(BURST) {
                let found = self.look_up(bits.buffered());
                if found == 0 {
                    let next = bits.peek();
                    add(target, vectors.get(self.long_entry(next, bits)?)?);
                    break;
                }
                bits.consume(found);
                add(target, vectors.get((found >> 6) as usize)?);
            }
        }
        // Near the end of the packet.
        for target in targets {
            add(target, vectors.get(self.entry(bits)?)?);
        }
        Some(())
    }
}

#[inline(always)]
fn add<const N: usize>(target: &mut [f32; N], vector: &[f32; N]) {
    *target = std::array::from_fn(|i| target[i] + vector[i]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain: lengths 1, 2, 3, ... 19, 20, 20. Entry n stands for n and −n.
    fn chain() -> (Codebook, Vec<u32>, Vec<u8>) {
        let lengths: Vec<u8> = (1..=20).chain([20]).collect();
        let codes = assign_codes(&lengths).unwrap();
        let mut book = Codebook {
            n_dimensions: 2,
            n_entries: lengths.len(),
            fast: Vec::new(),
            slow: Vec::new(),
            vectors: (0..lengths.len()).flat_map(|n| [n as f32, -(n as f32)]).collect(),
        };
        book.index(&codes, &lengths);
        (book, codes, lengths)
    }

    #[test]
    fn every_code_short_or_long_finds_its_entry() {
        let (book, codes, lengths) = chain();
        for (entry, (&code, &length)) in codes.iter().zip(&lengths).enumerate() {
            let packet = code.reverse_bits().to_le_bytes();
            let mut bits = Bits::new(&packet);
            assert_eq!(book.entry(&mut bits), Some(entry), "length {length}");
        }
    }

    #[test]
    fn vectors_in_bursts_are_those_one_by_one_up_to_any_end_of_the_packet() {
        let (book, ..) = chain();
        // A third of the bytes is 0xff: the long codes.
        let packet: Vec<u8> =
            (0..60_u32).map(|n| if n % 3 == 0 { 255 } else { (n * n * 37 + n) as u8 }).collect();
        for n_bytes in 0..=packet.len() {
            for n_vectors in [1, 2, 5, 16, 300] {
                let mut one_by_one = vec![[0.5; 2]; n_vectors];
                let mut bits = Bits::new(&packet[..n_bytes]);
                for target in &mut one_by_one {
                    let Some(vector) = book.vector(&mut bits) else { break };
                    add(target, vector.first_chunk().unwrap());
                }
                let next = (!bits.ended()).then(|| bits.read(7));
                let mut burst = vec![[0.5; 2]; n_vectors];
                let mut bits = Bits::new(&packet[..n_bytes]);
                let whole = book.add_vectors(&mut bits, &mut burst).is_some();
                assert_eq!(burst, one_by_one, "{n_vectors} of {n_bytes} bytes");
                assert_eq!(whole, !bits.ended());
                assert_eq!((!bits.ended()).then(|| bits.read(7)), next);
            }
        }
    }
}
