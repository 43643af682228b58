//! Look-up tables of prefix codes.
#![expect(
    clippy::inline_always,
    reason = "what is generic over the kernel must be compiled into the function that is allowed its instructions"
)]

/// Bits of the first look-up: more would cost more misses of the nearest cache than they save second
/// look-ups.
const FIRST_BITS: u32 = 10;
const FIRST: usize = 1 << FIRST_BITS;
/// Longest code of any table, signs included.
const CODE_BITS: u32 = 21;

/// Set in an entry of the first look-up whose code is longer; then come the number of bits of the
/// second look-up (4 bits) and its offset (11 bits).
const LONGER: u16 = 1 << 15;

/// A prefix code; the low six bits of an entry are the number of bits to pass, which is what a shift
/// takes as it is.
pub(in crate::decode) struct Code {
    first: [u16; FIRST],
    longer: Vec<u16>,
}

impl Code {
    /// Whether every link leads to where its codes are.
    #[cfg(test)]
    pub(in crate::decode) fn fits_its_links(&self) -> bool {
        self.longer.len() <= 1 << 11
    }

    /// A code of these lengths and entries, in order.
    pub(in crate::decode) fn new(leaves: &[(u32, u16)]) -> Self {
        let mut this = Self { first: [0; FIRST], longer: Vec::new() };
        let mut code = 0_usize;
        for group in leaves_by_prefix(leaves) {
            let prefix = code >> (CODE_BITS - FIRST_BITS);
            let longest = group.iter().map(|leaf| leaf.0).max().unwrap_or(0);
            if longest <= FIRST_BITS {
                let n = 1 << (FIRST_BITS - longest);
                this.first[prefix..prefix + n].fill(group[0].1);
            } else {
                let link = (longest - FIRST_BITS) << 11 | this.longer.len() as u32;
                this.first[prefix] = LONGER | link as u16;
                for &(n_bits, entry) in group {
                    this.longer.extend(std::iter::repeat_n(entry, 1 << (longest - n_bits)));
                }
            }
            code += group.iter().map(|leaf| 1 << (CODE_BITS - leaf.0)).sum::<usize>();
        }
        this
    }

    /// The entry of the code at the top of `word`.
    #[inline(always)]
    pub(in crate::decode) fn entry(&self, word: u64) -> u16 {
        let entry = self.first[(word >> (64 - FIRST_BITS)) as usize];
        if entry & LONGER == 0 {
            return entry;
        }
        let n = u32::from(entry >> 11 & 15);
        let at = (word << FIRST_BITS) >> (n.wrapping_neg() & 63);
        self.longer.get(usize::from(entry & 0x7ff).wrapping_add(at as usize)).copied().unwrap_or(1)
    }
}

/// Leaves one by one, or together where they share their first bits.
fn leaves_by_prefix(leaves: &[(u32, u16)]) -> Vec<&[(u32, u16)]> {
    let mut groups = Vec::new();
    let (mut start, mut at) = (0, 0_usize);
    for (i, leaf) in leaves.iter().enumerate() {
        at += 1 << (CODE_BITS - leaf.0);
        if at.trailing_zeros() >= CODE_BITS - FIRST_BITS {
            groups.push(&leaves[start..=i]);
            start = i + 1;
        }
    }
    groups
}

/// Whether every sequence of bits starts with one of the codes.
#[cfg(test)]
pub(in crate::decode) fn is_complete(leaves: &[(u32, u16)]) -> bool {
    leaves.iter().map(|leaf| 1_usize << (CODE_BITS - leaf.0)).sum::<usize>() == 1 << CODE_BITS
}
