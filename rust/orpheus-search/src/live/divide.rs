//! What a caller allows, divided between the file and the tail.

use super::snapshot::Snapshot;
use super::tail::TailFilters;
use crate::error::{Error, Result};
use crate::filter::{Allow, Deny};
use crate::index::vector::Prepared;

/// Which vectors of the file, and which of the tail.
pub(super) struct Divided<'a> {
    pub(super) main: MainFilter<'a>,
    pub(super) tail: TailFilters,
}

/// Which vectors of the file.
pub(super) enum MainFilter<'a> {
    /// All that were not removed.
    Shared(&'a Prepared),
    Own(Prepared),
}

impl MainFilter<'_> {
    pub(super) fn prepared(&self) -> &Prepared {
        match self {
            Self::Shared(prepared) => prepared,
            Self::Own(prepared) => prepared,
        }
    }
}

/// Which vectors of the tail, among those that are there.
pub(super) enum TailAllow<'a> {
    All,
    /// What is allowed, unless that is everything, and what is shut out.
    Chosen(Option<Choice<'a>>, Option<Choice<'a>>),
}

/// Some vectors.
pub(super) enum Choice<'a> {
    /// Ascending.
    Ids(Vec<i64>),
    /// One byte for each.
    Places(&'a [u8]),
}

impl Choice<'_> {
    fn ids(ids: &[i64]) -> Self {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        Self::Ids(ids)
    }

    fn has(&self, id: i64, place: usize) -> bool {
        match self {
            Self::Ids(ids) => ids.binary_search(&id).is_ok(),
            Self::Places(mask) => mask.get(place).is_some_and(|byte| *byte != 0),
        }
    }
}

impl TailAllow<'_> {
    /// Whether the vector of `id`, which is the one at `place`, may be a neighbour.
    pub(super) fn has(&self, id: i64, place: usize) -> bool {
        match self {
            Self::All => true,
            Self::Chosen(allowed, denied) => {
                allowed.as_ref().is_none_or(|choice| choice.has(id, place))
                    && !denied.as_ref().is_some_and(|choice| choice.has(id, place))
            }
        }
    }
}

/// What the file's part of a search may find: kept beside what the caller gave.
pub(super) struct MainAllow<'a> {
    allow: OwnedAllow<'a>,
    deny: OwnedDeny,
}

enum OwnedAllow<'a> {
    Given(Allow<'a>),
    Mask(Vec<u8>),
}

enum OwnedDeny {
    Ids(Vec<i64>),
    Mask(Vec<u8>),
}

impl MainAllow<'_> {
    pub(super) fn filters(&self) -> (Allow<'_>, Deny<'_>) {
        let allow = match &self.allow {
            OwnedAllow::Given(allow) => *allow,
            OwnedAllow::Mask(mask) => Allow::Mask(mask),
        };
        let deny = match &self.deny {
            OwnedDeny::Ids(ids) if ids.is_empty() => Deny::Nothing,
            OwnedDeny::Ids(ids) => Deny::Ids(ids),
            OwnedDeny::Mask(mask) => Deny::Mask(mask),
        };
        (allow, deny)
    }
}

/// Divides what the caller gave. Masks have a byte for each vector that is there, those of the file
/// first.
pub(super) fn divided<'a>(
    now: &Snapshot,
    allow: Allow<'a>,
    deny: Deny<'a>,
) -> Result<(MainAllow<'a>, TailAllow<'a>)> {
    let (main_allow, tail_allow) = match allow {
        Allow::All => (OwnedAllow::Given(allow), None),
        Allow::Ids(ids) => (OwnedAllow::Given(allow), Some(Choice::ids(ids))),
        Allow::Mask(mask) => {
            let (main, tail) = now.split("allow", mask, 0)?;
            (OwnedAllow::Mask(main), Some(Choice::Places(tail)))
        }
    };
    let (main_deny, tail_deny) = match deny {
        Deny::Nothing => (OwnedDeny::Ids(now.removed().to_vec()), None),
        Deny::Ids(ids) => (OwnedDeny::Ids([now.removed(), ids].concat()), Some(Choice::ids(ids))),
        Deny::Mask(mask) => {
            let (main, tail) = now.split("deny", mask, 1)?;
            (OwnedDeny::Mask(main), Some(Choice::Places(tail)))
        }
    };
    let tail = match (tail_allow, tail_deny) {
        (None, None) => TailAllow::All,
        (allowed, denied) => TailAllow::Chosen(allowed, denied),
    };
    Ok((MainAllow { allow: main_allow, deny: main_deny }, tail))
}

impl Snapshot {
    /// The same for a search.
    pub(super) fn divide(&self, allow: Allow<'_>, deny: Deny<'_>) -> Result<Divided<'_>> {
        if let (Allow::All, Deny::Nothing) = (allow, deny) {
            let main = MainFilter::Shared(self.live_of_main()?);
            return Ok(Divided { main, tail: self.tail().filters(&TailAllow::All) });
        }
        let (main, tail) = divided(self, allow, deny)?;
        let (allow, deny) = main.filters();
        let main = MainFilter::Own(self.main().prepare(allow, deny)?);
        Ok(Divided { main, tail: self.tail().filters(&tail) })
    }

    /// A mask over the vectors that are there as one over those of the file, where removed ones get
    /// `gone`, and one over the tail.
    fn split<'a>(
        &self,
        name: &'static str,
        mask: &'a [u8],
        gone: u8,
    ) -> Result<(Vec<u8>, &'a [u8])> {
        let is_gone = self.gone_places()?;
        let n_main = is_gone.iter().filter(|gone| !**gone).count();
        let n = n_main + self.tail().n();
        if mask.len() != n {
            let expected = format!("one for each of the {n} vectors");
            return Err(Error::Shape { name, found: mask.len(), expected });
        }
        let (main, tail) = mask.split_at(n_main);
        let mut left = main.iter().copied();
        let main =
            is_gone.iter().map(|is_gone| if *is_gone { gone } else { left.next().unwrap_or(gone) });
        Ok((main.collect(), tail))
    }
}
