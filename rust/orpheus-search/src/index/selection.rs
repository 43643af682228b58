//! Which stored vectors may be neighbours.

use crate::error::{Error, Result};
use crate::filter::{Allow, Deny, Filter};

/// What a caller allows and shuts out, by id or by place in stored order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) allow: Allow<'a>,
    pub(crate) deny: Deny<'a>,
}

/// The same by stored number.
#[derive(Debug)]
pub(crate) struct Selection {
    members: Members,
    n_allowed: usize,
}

#[derive(Debug)]
pub(crate) enum Members {
    /// Everything.
    All,
    /// Of numbers from 0 on.
    Dense(Filter),
    /// These numbers; ascending, each once.
    Only(Vec<i64>),
    /// All but these.
    Except(Vec<i64>),
    /// The numbers whose bit is set, and those beyond the last if so.
    Bits {
        /// Bit `i` of word `w` stands for number `64 w + i`.
        words: Vec<u64>,
        /// Whether numbers without a bit are allowed.
        beyond: bool,
        /// The allowed numbers, where only those are and they are few.
        listed: Option<Vec<i64>>,
    },
}

/// A list of more than one of this many is better a bitmap.
const SPARSE: usize = 64;

impl Members {
    /// Lists as bitmaps, of numbers that are hardly larger than the number of vectors `n`: whether
    /// one is allowed is then one look.
    pub(super) fn condensed(self, n: usize) -> Self {
        let (numbers, beyond) = match &self {
            Self::Only(numbers) => (numbers, false),
            Self::Except(numbers) => (numbers, true),
            Self::All | Self::Dense(_) | Self::Bits { .. } => return self,
        };
        let inside = |number: i64| usize::try_from(number).is_ok_and(|number| number / 8 <= n);
        let range = numbers.first().zip(numbers.last());
        let Some((_, &last)) = range.filter(|(first, last)| inside(**first) && inside(**last))
        else {
            return self;
        };
        let mut words = vec![if beyond { u64::MAX } else { 0 }; last as usize / 64 + 1];
        for &number in numbers {
            words[number as usize / 64] ^= 1 << (number % 64);
        }
        let listed = if let Self::Only(numbers) = self { Some(numbers) } else { None };
        Self::Bits { words, beyond, listed }
    }
}

impl Selection {
    /// Everything, of `n` vectors.
    pub(crate) fn all(n: usize) -> Self {
        Self { members: Members::All, n_allowed: n }
    }

    /// `members`, who are `n_allowed` vectors.
    pub(crate) fn new(members: Members, n_allowed: usize) -> Self {
        Self { members, n_allowed }
    }

    /// Where stored numbers and places are 0, 1, …, `n` − 1.
    pub(crate) fn of_rows(wanted: &Wanted<'_>, n: usize) -> Result<Self> {
        let filter = match (wanted.allow, wanted.deny) {
            (Allow::All, Deny::Nothing) => return Ok(Self::all(n)),
            (Allow::Ids(ids), Deny::Nothing) => Filter::from_rows(ids.iter().copied(), n),
            (Allow::Mask(mask), Deny::Nothing) => Filter::from_mask(mask, n)?,
            (Allow::All, Deny::Ids(ids)) => Filter::all_but(ids, n),
            _ => Filter::from_mask(&wanted.mask(n)?, n)?,
        };
        let filter = dense_as_bitmap(filter, n)?;
        let n_allowed = filter.n_allowed();
        Ok(Self { members: Members::Dense(filter), n_allowed })
    }

    /// How many vectors may be neighbours.
    pub(crate) fn n_allowed(&self) -> usize {
        self.n_allowed
    }

    /// Whether every vector may be.
    pub(crate) fn is_all(&self) -> bool {
        matches!(self.members, Members::All)
    }

    /// Whether the vectors of a number may be neighbours.
    pub(crate) fn contains(&self, number: i64) -> bool {
        match &self.members {
            Members::All => true,
            Members::Dense(filter) => {
                usize::try_from(number).is_ok_and(|number| filter.contains(number))
            }
            Members::Only(numbers) => numbers.binary_search(&number).is_ok(),
            Members::Except(numbers) => numbers.binary_search(&number).is_err(),
            Members::Bits { words, beyond, .. } => match usize::try_from(number) {
                Ok(number) => {
                    words.get(number / 64).map_or(*beyond, |word| word >> (number % 64) & 1 == 1)
                }
                Err(_) => *beyond,
            },
        }
    }

    /// The numbers that are allowed, if they are listed.
    pub(crate) fn listed(&self) -> Option<&[i64]> {
        match &self.members {
            Members::Only(numbers) => Some(numbers),
            Members::Bits { listed, .. } => listed.as_deref(),
            Members::All | Members::Dense(_) | Members::Except(_) => None,
        }
    }

    /// As rows of a scan over `n` rows.
    pub(crate) fn filter(&self, n: usize) -> Filter {
        match &self.members {
            Members::All => Filter::All(n),
            Members::Dense(filter) => filter.clone(),
            Members::Only(numbers) => Filter::from_rows(numbers.iter().copied(), n),
            Members::Except(_) | Members::Bits { .. } => {
                let rows = (0..n as i64).filter(|number| self.contains(*number));
                Filter::from_rows(rows, n)
            }
        }
    }
}

impl Wanted<'_> {
    /// Whether nothing is shut out.
    pub(crate) fn is_everything(&self) -> bool {
        matches!((self.allow, self.deny), (Allow::All, Deny::Nothing))
    }

    /// One byte for each of `n` rows whose numbers are their places.
    fn mask(&self, n: usize) -> Result<Vec<u8>> {
        let set = |mask: &mut [u8], ids: &[i64], value| {
            let rows = ids.iter().filter_map(|&id| usize::try_from(id).ok());
            for row in rows.filter(|&row| row < n) {
                mask[row] = value;
            }
        };
        let mut allowed = match self.allow {
            Allow::All => vec![1; n],
            Allow::Mask(mask) => checked(mask, n, "allow")?.to_vec(),
            Allow::Ids(ids) => {
                let mut mask = vec![0; n];
                set(&mut mask, ids, 1);
                mask
            }
        };
        match self.deny {
            Deny::Nothing => {}
            Deny::Ids(ids) => set(&mut allowed, ids, 0),
            Deny::Mask(denied) => {
                for (allowed, denied) in allowed.iter_mut().zip(checked(denied, n, "deny")?) {
                    *allowed &= u8::from(*denied == 0).wrapping_neg();
                }
            }
        }
        Ok(allowed)
    }

    /// Ids instead of places: `ids` are those of the vectors in stored order.
    ///
    /// Returns what is allowed, if not everything, and what is shut out; both ascending, each once.
    pub(crate) fn by_id(&self, ids: &[i64]) -> Result<(Option<Vec<i64>>, Vec<i64>)> {
        let chosen = |mask: &[u8]| {
            let pairs = ids.iter().zip(mask).filter(|(_, chosen)| **chosen != 0);
            pairs.map(|pair| *pair.0).collect::<Vec<_>>()
        };
        let allowed = match self.allow {
            Allow::All => None,
            Allow::Ids(ids) => Some(sorted(ids.to_vec())),
            Allow::Mask(mask) => Some(sorted(chosen(checked(mask, ids.len(), "allow")?))),
        };
        let denied = match self.deny {
            Deny::Nothing => Vec::new(),
            Deny::Ids(ids) => sorted(ids.to_vec()),
            Deny::Mask(mask) => sorted(chosen(checked(mask, ids.len(), "deny")?)),
        };
        Ok((allowed, denied))
    }
}

fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn checked<'a>(mask: &'a [u8], n: usize, name: &'static str) -> Result<&'a [u8]> {
    if mask.len() == n {
        return Ok(mask);
    }
    let expected = format!("one for each of the {n} vectors");
    Err(Error::Shape { name, found: mask.len(), expected })
}

/// Many rows as a bitmap: whether a row is among them is one look.
fn dense_as_bitmap(filter: Filter, n: usize) -> Result<Filter> {
    match filter {
        Filter::Rows(rows) if rows.len() > n / SPARSE => {
            let mut mask = vec![0; n];
            for row in rows {
                mask[row] = 1;
            }
            Filter::from_mask(&mask, n)
        }
        filter => Ok(filter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(wanted: &Wanted<'_>, n: usize) -> Vec<i64> {
        let selection = Selection::of_rows(wanted, n).unwrap();
        let numbers: Vec<i64> = (-1..=n as i64).filter(|&row| selection.contains(row)).collect();
        let inside: Vec<i64> =
            numbers.into_iter().filter(|&row| (0..n as i64).contains(&row)).collect();
        assert_eq!(selection.n_allowed(), inside.len());
        inside
    }

    #[test]
    fn what_is_denied_is_shut_out_of_what_is_allowed() {
        let deny = Deny::Ids(&[2, 9, -4]);
        assert_eq!(allowed(&Wanted { allow: Allow::All, deny }, 4), [0, 1, 3]);
        assert_eq!(allowed(&Wanted { allow: Allow::Ids(&[3, 2, 7]), deny }, 4), [3]);
        let deny = Deny::Mask(&[1, 0, 2, 0]);
        assert_eq!(allowed(&Wanted { allow: Allow::Mask(&[7, 7, 7, 0]), deny }, 4), [1]);
        assert!(Selection::of_rows(&Wanted { allow: Allow::All, deny }, 5).is_err());
    }

    #[test]
    fn bitmaps_allow_what_their_lists_do() {
        let numbers = vec![3, 64, 65, 200];
        for n in [30, 20] {
            for allowed in [false, true] {
                let make = || {
                    let numbers = numbers.clone();
                    if allowed { Members::Only(numbers) } else { Members::Except(numbers) }
                };
                let condensed = Selection::new(make().condensed(n), 4);
                let plain = Selection::new(make(), 4);
                assert_eq!(matches!(condensed.members, Members::Bits { .. }), n == 30);
                for number in [-5, -1, 0, 3, 63, 64, 65, 66, 199, 200, 201, 1000, i64::MAX] {
                    assert_eq!(condensed.contains(number), plain.contains(number), "{number}");
                }
                assert_eq!(condensed.listed(), plain.listed());
            }
        }
    }

    #[test]
    fn places_become_ids() {
        let wanted = Wanted { allow: Allow::Mask(&[1, 0, 1]), deny: Deny::Mask(&[0, 1, 0]) };
        let (allow, deny) = wanted.by_id(&[30, 20, 10]).unwrap();
        assert_eq!((allow, deny), (Some(vec![10, 30]), vec![20]));
    }
}
