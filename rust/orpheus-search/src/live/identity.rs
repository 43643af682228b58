//! Telling one version of a file from another.

/// Bytes at either end of a file that are looked at.
const END: usize = 64 << 10;
/// Stretches between them, and bytes of each.
const STRETCHES: usize = 64;
const STRETCH: usize = 4 << 10;

/// The length of a file and a checksum of parts of it: of both ends and of 64 stretches in between.
/// A file of other vectors has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) length: u64,
    pub(super) sum: u64,
}

impl Identity {
    /// Of a whole file.
    pub(super) fn of(file: &[u8]) -> Self {
        let mut middle = crc32fast::Hasher::new();
        let mut ends = crc32fast::Hasher::new();
        if file.len() <= 2 * END + STRETCHES * STRETCH {
            ends.update(file);
        } else {
            ends.update(&file[..END]);
            ends.update(&file[file.len() - END..]);
            let step = (file.len() - 2 * END) / STRETCHES;
            for stretch in 0..STRETCHES {
                middle.update(&file[END + stretch * step..][..STRETCH]);
            }
        }
        let sum = u64::from(ends.finalize()) << 32 | u64::from(middle.finalize());
        Self { length: file.len() as u64, sum }
    }

    pub(super) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.length.to_le_bytes());
        bytes[8..].copy_from_slice(&self.sum.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Self { length: number(0), sum: number(8) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_length_end_or_middle_is_another_file() {
        for length in [0usize, 100, 2 * END + STRETCHES * STRETCH, 3_000_000] {
            let file: Vec<u8> = (0..length).map(|byte| (byte % 241) as u8).collect();
            let identity = Identity::of(&file);
            assert_eq!(Identity::from_bytes(identity.to_bytes()), identity);
            assert_ne!(Identity::of(&[&file[..], &[0]].concat()), identity);
            for at in [0, length / 2, length.saturating_sub(1)].into_iter().filter(|_| length > 0) {
                let mut other = file.clone();
                let end = (at + (length - 2 * END.min(length / 2)) / STRETCHES + 1).min(length);
                other[at..end].iter_mut().for_each(|byte| *byte ^= 1);
                assert_ne!(Identity::of(&other), identity, "{length} {at}");
            }
        }
    }
}
