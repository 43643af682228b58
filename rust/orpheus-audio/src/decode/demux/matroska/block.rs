//! Blocks: one or several frames of a track (RFC 9559 §10).

use super::ebml::number;

/// The head of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) track: u64,
    /// Ticks after its cluster's.
    pub(super) time: i64,
    /// Where the first frame begins.
    pub(super) n_header: u64,
    /// Sizes of the frames, in order.
    pub(super) frames: Vec<u64>,
}

/// Reads the head of a block of `n_bytes`, given its first bytes.
pub(super) fn parse(bytes: &[u8], n_bytes: u64) -> Option<Block> {
    let (track, at) = number(bytes)?;
    let time = i16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?);
    let flags = *bytes.get(at + 2)?;
    let at = at + 3;
    let lacing = flags >> 1 & 3;
    let (frames, n_header) = if lacing == 0 {
        (vec![n_bytes.checked_sub(at as u64)?], at)
    } else {
        laced(bytes, at, n_bytes, lacing)?
    };
    Some(Block { track: track?, time: time.into(), n_header: n_header as u64, frames })
}

fn laced(bytes: &[u8], at: usize, n_bytes: u64, lacing: u8) -> Option<(Vec<u64>, usize)> {
    const XIPH: u8 = 1;
    const FIXED: u8 = 2;
    let n_frames = usize::from(*bytes.get(at)?) + 1;
    let mut at = at + 1;
    let mut sizes = match lacing {
        FIXED => {
            let left = n_bytes.checked_sub(at as u64)?;
            return Some((vec![left / n_frames as u64; n_frames], at));
        }
        XIPH => xiph_sizes(bytes, &mut at, n_frames - 1)?,
        _ => ebml_sizes(bytes, &mut at, n_frames - 1)?,
    };
    let given = sizes.iter().try_fold(0_u64, |sum, &n| sum.checked_add(n))?;
    // The last frame takes what is left.
    sizes.push(n_bytes.checked_sub(at as u64)?.checked_sub(given)?);
    Some((sizes, at))
}

fn xiph_sizes(bytes: &[u8], at: &mut usize, n: usize) -> Option<Vec<u64>> {
    (0..n)
        .map(|_| {
            let mut size = 0;
            loop {
                let byte = *bytes.get(*at)?;
                *at += 1;
                size += u64::from(byte);
                if byte < 255 {
                    return Some(size);
                }
            }
        })
        .collect()
}

/// The first size, then differences with a bias.
fn ebml_sizes(bytes: &[u8], at: &mut usize, n: usize) -> Option<Vec<u64>> {
    let mut size = 0_i64;
    (0..n)
        .map(|frame| {
            let (value, n_number) = number(bytes.get(*at..)?)?;
            *at += n_number;
            let value = i64::try_from(value?).ok()?;
            let bias = (1_i64 << (7 * n_number - 1)) - 1;
            size = if frame == 0 { value } else { size.checked_add(value - bias)? };
            u64::try_from(size).ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laces_of_every_kind_are_taken_apart() {
        let block = |bytes: &[u8], n| parse(bytes, n).map(|block| (block.n_header, block.frames));
        assert_eq!(block(&[0x81, 0, 5, 0x80], 104), Some((4, vec![100])));
        assert_eq!(block(&[0x81, 0, 5, 0x82, 1, 255, 45], 1007), Some((7, vec![300, 700])));
        assert_eq!(block(&[0x81, 0, 5, 0x84, 1], 205), Some((5, vec![100, 100])));
        // 800, then 500 less, then the rest.
        let ebml = [0x81, 0, 5, 0x86, 2, 0x43, 0x20, 0x5e, 0x0b];
        assert_eq!(block(&ebml, 9 + 2000), Some((9, vec![800, 300, 900])));
        assert_eq!(block(&ebml, 500), None);
    }
}
