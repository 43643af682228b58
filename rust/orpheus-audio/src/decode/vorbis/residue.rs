//! Residues: the spectrum under the envelope, coded as vectors (Vorbis I §8).

use std::ops::Range;
use std::sync::Arc;

use super::bits::Bits;
use super::codebook::{Budget, Codebook};

const N_PASSES: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Type 0: the values of a vector are spread over the partition.
    Spread,
    /// Type 1: they follow each other.
    Straight,
    /// Type 2: as type 1, over all channels woven together.
    Woven,
}

/// Of each entry of a classbook: the classes of the partitions that it stands for.
pub(super) struct Classes {
    classbook: usize,
    /// How many classes there are.
    base: usize,
    table: Vec<u8>,
}

pub(super) struct Residue {
    layout: Layout,
    begin: usize,
    end: usize,
    partition_size: usize,
    classes: Arc<Classes>,
    /// Of each class: the codebook of every pass.
    books: Vec<[Option<usize>; N_PASSES]>,
    /// How many passes there are until no class has a codebook any more.
    n_passes: usize,
}

impl Residue {
    /// All of a stream, of which there is at least one (§4.2.4).
    pub(super) fn read_all(
        bits: &mut Bits<'_>,
        books: &[Codebook],
        budget: &mut Budget,
    ) -> Result<Vec<Self>, &'static str> {
        let n_residues = bits.read(6) + 1;
        let mut tables = Tables { books, budget, shared: Vec::new() };
        (0..n_residues).map(|_| Self::read(bits, &mut tables)).collect()
    }

    fn read(bits: &mut Bits<'_>, tables: &mut Tables<'_>) -> Result<Self, &'static str> {
        let layout = match bits.read(16) {
            0 => Layout::Spread,
            1 => Layout::Straight,
            2 => Layout::Woven,
            _ => return Err("a residue of an unknown type"),
        };
        let begin = bits.read(24) as usize;
        let end = bits.read(24) as usize;
        let partition_size = bits.read(24) as usize + 1;
        let n_classes = bits.read(6) as usize + 1;
        let classbook = bits.read(8) as usize;
        let own = read_books(bits, n_classes);
        let refers_to_nothing = |&book: &usize| {
            let book = tables.books.get(book);
            book.is_none_or(|book| {
                !book.has_vectors() || !partition_size.is_multiple_of(book.n_dimensions())
            })
        };
        if own.iter().flatten().flatten().any(refers_to_nothing) {
            return Err("a residue refers to a codebook that does not fit");
        }
        if begin > end || bits.ended() {
            return Err("a residue that ends before it begins");
        }
        let classes = tables.classes(classbook, n_classes)?;
        let is_used = |&pass: &usize| own.iter().any(|books| books[pass].is_some());
        // The classes are read in the first pass.
        let n_passes = (0..N_PASSES).rfind(is_used).map_or(1, |last| last + 1);
        Ok(Self { layout, begin, end, partition_size, classes, books: own, n_passes })
    }

    /// Whether all channels come woven together in the first of the targets.
    pub(super) fn is_woven(&self) -> bool {
        self.layout == Layout::Woven
    }

    /// Adds the residues of a packet to `targets`, one for each channel that has a floor, or one for
    /// all if they are woven. If the packet ends early, the rest is 0.
    #[inline(always)]
    pub(super) fn add(
        &self,
        bits: &mut Bits<'_>,
        books: &[Codebook],
        targets: &mut [&mut [f32]],
        scratch: &mut Vec<u8>,
    ) {
        // It returns nothing when the packet ends, which is allowed (§8.6.2).
        let mut own = *bits;
        let _ = self.add_until_end(&mut own, books, targets, scratch);
        *bits = own;
    }

    #[inline(always)]
    fn add_until_end(
        &self,
        bits: &mut Bits<'_>,
        books: &[Codebook],
        targets: &mut [&mut [f32]],
        scratch: &mut Vec<u8>,
    ) -> Option<()> {
        let length = targets.first()?.len();
        let (begin, end) = (self.begin.min(length), self.end.min(length));
        let n_partitions = (end - begin) / self.partition_size;
        let per_word = books[self.classes.classbook].n_dimensions();
        if n_partitions == 0 || per_word == 0 {
            return Some(());
        }
        // A word may stand for more partitions than are left.
        let n_columns = n_partitions.next_multiple_of(per_word);
        scratch.clear();
        scratch.resize(targets.len() * n_columns, 0);
        if let [target] = targets {
            return self.add_to_one(bits, books, &mut target[begin..end], scratch);
        }
        self.add_to_each(bits, books, targets, begin..end, scratch)
    }

    #[inline(always)]
    fn add_to_each(
        &self,
        bits: &mut Bits<'_>,
        books: &[Codebook],
        targets: &mut [&mut [f32]],
        place: Range<usize>,
        scratch: &mut [u8],
    ) -> Option<()> {
        let n_columns = scratch.len() / targets.len();
        let n_partitions = place.len() / self.partition_size;
        let classbook = &books[self.classes.classbook];
        let per_word = classbook.n_dimensions();
        for pass in 0..self.n_passes {
            for first in (0..n_partitions).step_by(per_word) {
                if pass == 0 {
                    for classes in scratch.chunks_exact_mut(n_columns) {
                        let word = classbook.entry(bits)? * per_word;
                        classes[first..first + per_word]
                            .copy_from_slice(&self.classes.table[word..word + per_word]);
                    }
                }
                for partition in first..n_partitions.min(first + per_word) {
                    let at = place.start + partition * self.partition_size;
                    for (target, classes) in targets.iter_mut().zip(scratch.chunks_exact(n_columns))
                    {
                        let values = &mut target[at..at + self.partition_size];
                        self.add_pass(pass, bits, books, values, &classes[partition..])?;
                    }
                }
            }
        }
        Some(())
    }

    /// The usual case.
    #[inline(always)]
    fn add_to_one(
        &self,
        bits: &mut Bits<'_>,
        books: &[Codebook],
        target: &mut [f32],
        classes: &mut [u8],
    ) -> Option<()> {
        let classbook = &books[self.classes.classbook];
        let per_word = classbook.n_dimensions();
        let stretches = target.chunks_mut(per_word.saturating_mul(self.partition_size));
        for (classes, values) in classes.chunks_exact_mut(per_word).zip(stretches) {
            let word = classbook.entry(bits)? * per_word;
            classes.copy_from_slice(&self.classes.table[word..word + per_word]);
            self.add_pass(0, bits, books, values, classes)?;
        }
        for pass in 1..self.n_passes {
            self.add_pass(pass, bits, books, target, classes)?;
        }
        Some(())
    }

    #[inline(always)]
    fn add_pass(
        &self,
        pass: usize,
        bits: &mut Bits<'_>,
        books: &[Codebook],
        values: &mut [f32],
        classes: &[u8],
    ) -> Option<()> {
        for (values, &class) in values.chunks_exact_mut(self.partition_size).zip(classes) {
            if let Some(book) = self.books[usize::from(class)][pass] {
                self.add_partition(&books[book], bits, values)?;
            }
        }
        Some(())
    }

    #[inline(always)]
    fn add_partition(
        &self,
        book: &Codebook,
        bits: &mut Bits<'_>,
        values: &mut [f32],
    ) -> Option<()> {
        let n_dimensions = book.n_dimensions();
        if self.layout == Layout::Spread {
            let step = values.len() / n_dimensions;
            for i in 0..step {
                let vector = book.vector(bits)?;
                for (value, add) in values[i..].iter_mut().step_by(step).zip(vector) {
                    *value += add;
                }
            }
            return Some(());
        }
        match n_dimensions {
            2 => book.add_vectors::<2>(bits, values.as_chunks_mut().0),
            4 => book.add_vectors::<4>(bits, values.as_chunks_mut().0),
            8 => book.add_vectors::<8>(bits, values.as_chunks_mut().0),
            _ => {
                for values in values.chunks_exact_mut(n_dimensions) {
                    let vector = book.vector(bits)?;
                    for (value, add) in values.iter_mut().zip(vector) {
                        *value += add;
                    }
                }
                Some(())
            }
        }
    }
}

fn read_books(bits: &mut Bits<'_>, n_classes: usize) -> Vec<[Option<usize>; N_PASSES]> {
    let cascades: Vec<u32> = (0..n_classes)
        .map(|_| {
            let low = bits.read(3);
            if bits.flag() { bits.read(5) << 3 | low } else { low }
        })
        .collect();
    let book_of = |cascade: u32, pass: usize, bits: &mut Bits<'_>| {
        (cascade >> pass & 1 == 1).then(|| bits.read(8) as usize)
    };
    cascades
        .into_iter()
        .map(|cascade| std::array::from_fn(|pass| book_of(cascade, pass, bits)))
        .collect()
}

/// What the residues of a stream read from and share: there are few kinds of classes, and a header can
/// ask for the largest of them by a few bits.
struct Tables<'a> {
    books: &'a [Codebook],
    budget: &'a mut Budget,
    shared: Vec<Arc<Classes>>,
}

impl Tables<'_> {
    /// The entries of a classbook, taken apart into digits of base `n_classes` (§8.6.2).
    fn classes(
        &mut self,
        classbook: usize,
        n_classes: usize,
    ) -> Result<Arc<Classes>, &'static str> {
        let is_it = |other: &&Arc<Classes>| (other.classbook, other.base) == (classbook, n_classes);
        if let Some(classes) = self.shared.iter().find(is_it) {
            return Ok(classes.clone());
        }
        let book = self.books.get(classbook);
        let book = book.ok_or("a residue refers to a codebook that is not there")?;
        let n_digits = book.n_dimensions();
        if n_digits == 0 {
            return Err("a codebook of classes without dimensions");
        }
        let n_values = book.n_entries().saturating_mul(n_digits);
        self.budget.take(n_values)?;
        let mut table = vec![0; n_values];
        for (entry, digits) in table.chunks_exact_mut(n_digits).enumerate() {
            let mut rest = entry;
            for digit in digits.iter_mut().rev() {
                *digit = (rest % n_classes) as u8;
                rest /= n_classes;
            }
        }
        let classes = Arc::new(Classes { classbook, base: n_classes, table });
        self.shared.push(classes.clone());
        Ok(classes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Writer;
    use super::*;

    /// 64 residues without any codebook but that of their classes, which has 64 entries.
    fn residues(
        n_dimensions: u32,
        n_classes: impl Fn(u32) -> u32,
    ) -> Result<Vec<Residue>, &'static str> {
        let mut writer = Writer::default();
        writer.put_book(n_dimensions, &[6; 64], false);
        writer.put(63, 6);
        for residue in 0..64 {
            let n_classes = n_classes(residue);
            writer.put(1, 16);
            (0..3).for_each(|_| writer.put(0, 24));
            writer.put(n_classes - 1, 6);
            writer.put(0, 8);
            (0..n_classes).for_each(|_| writer.put(0, 4));
        }
        writer.put(1, 8);
        let bits = &mut Bits::new(&writer.bytes);
        let mut budget = Budget::new();
        let books = [Codebook::read(bits, &mut budget)?];
        Residue::read_all(bits, &books, &mut budget)
    }

    #[test]
    fn residues_of_the_same_classes_share_their_table() {
        let shared = residues(1000, |_| 3).unwrap();
        assert!(shared.iter().all(|residue| Arc::ptr_eq(&residue.classes, &shared[0].classes)));
        let apart = residues(1000, |residue| 1 + residue % 2).unwrap();
        assert!(!Arc::ptr_eq(&apart[0].classes, &apart[1].classes));
        assert_eq!(apart[1].classes.table[64_000 - 6..], [1; 6]);
        assert_eq!(apart[1].classes.table[62_000 - 6..62_000], [1, 1, 1, 1, 0, 1]);
    }

    #[test]
    fn tables_of_classes_that_few_bits_ask_for_are_refused_before_they_are_made() {
        assert!(residues(65_000, |_| 1).is_ok());
        let refused = residues(65_000, |residue| 1 + residue % 2).err();
        assert_eq!(refused, Some("codebooks of an absurd size"));
    }
}
