//! Bytes of heads.

use super::{Identity, Record, Successor, Update};
use crate::error::{Error, Result};
use crate::metric::Metric;

const MAGIC: [u8; 8] = *b"ORPHOFJ1";
/// Bytes before the first record.
pub(in crate::live) const HEAD: usize = 64;
/// Bytes before the body of a record.
pub(super) const RECORD_HEAD: usize = 48;
/// Bytes of the body of a successor.
const SUCCESSOR: u128 = 40;
const NO_POINT: u64 = u64::MAX;
const UPDATE_KIND: u64 = 1;
const SUCCESSOR_KIND: u64 = 2;

/// What a journal states about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::live) struct Head {
    pub(in crate::live) metric: Metric,
    pub(in crate::live) dim: usize,
    /// The file that the updates are of.
    pub(in crate::live) identity: Identity,
    /// No id from this one on was given to a vector that is gone without a trace.
    pub(in crate::live) next_id: i64,
}

pub(super) fn damaged(problem: impl Into<String>, offset: u64) -> Error {
    Error::Journal { problem: problem.into(), offset }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

impl Head {
    pub(super) fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let mut put = |at: usize, value: &[u8]| bytes[at..][..value.len()].copy_from_slice(value);
        put(0, &MAGIC);
        put(12, &u32::from(self.metric == Metric::L2).to_le_bytes());
        put(16, &(self.dim as u64).to_le_bytes());
        put(24, &self.identity.to_bytes());
        put(40, &self.next_id.to_le_bytes());
        let sum = crc32fast::hash(&bytes[12..]);
        bytes[8..12].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let Some(bytes) = bytes.first_chunk::<HEAD>() else {
            return Err(damaged("is too short to be one", 0));
        };
        if bytes[..8] != MAGIC {
            return Err(damaged("starts as no journal of this version does", 0));
        }
        if crc32fast::hash(&bytes[12..]) != u32_at(bytes, 8) {
            return Err(damaged("has a head that is not what was written", 8));
        }
        let metric = match u32_at(bytes, 12) {
            0 => Metric::InnerProduct,
            1 => Metric::L2,
            other => return Err(damaged(format!("states metric {other}"), 12)),
        };
        let dim = usize::try_from(u64_at(bytes, 16)).unwrap_or(usize::MAX);
        let identity = Identity::from_bytes(std::array::from_fn(|i| bytes[24 + i]));
        Ok(Self { metric, dim, identity, next_id: u64_at(bytes, 40) as i64 })
    }
}

/// The head of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHead {
    kind: u64,
    n_removed: u64,
    n_added: u64,
    n_of_main: u64,
    body_sum: u32,
}

impl RecordHead {
    /// Of an update, the body of which consists of `parts`.
    pub(super) fn of_update(update: &Update, parts: &[&[u8]]) -> Self {
        Self {
            kind: UPDATE_KIND,
            n_removed: update.removed.len() as u64,
            n_added: update.ids.len() as u64,
            n_of_main: update.n_of_main,
            body_sum: sum_of(parts),
        }
    }

    pub(super) fn of_successor(body: &[u8]) -> Self {
        let body_sum = sum_of(&[body]);
        Self { kind: SUCCESSOR_KIND, n_removed: 0, n_added: 0, n_of_main: 0, body_sum }
    }

    pub(super) fn to_bytes(self, offset: u64) -> [u8; RECORD_HEAD] {
        let mut bytes = [0; RECORD_HEAD];
        bytes[4..8].copy_from_slice(&self.body_sum.to_le_bytes());
        let numbers = [self.kind, self.n_removed, self.n_added, self.n_of_main, offset];
        for (place, number) in bytes[8..].as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *place = number.to_le_bytes();
        }
        let sum = crc32fast::hash(&bytes[4..]);
        bytes[..4].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8; RECORD_HEAD], offset: u64) -> Result<Self> {
        let [kind, n_removed, n_added, n_of_main, place] =
            [8, 16, 24, 32, 40].map(|at| u64_at(bytes, at));
        if crc32fast::hash(&bytes[4..]) != u32_at(bytes, 0) || place != offset {
            return Err(damaged("has a record that is not what was written", offset));
        }
        if kind != UPDATE_KIND && kind != SUCCESSOR_KIND {
            return Err(damaged(format!("has a record of kind {kind}"), offset));
        }
        Ok(Self { kind, n_removed, n_added, n_of_main, body_sum: u32_at(bytes, 4) })
    }

    /// Bytes of the body, where vectors have `dim` values.
    pub(super) fn body_len(&self, dim: usize) -> u128 {
        if self.kind == SUCCESSOR_KIND {
            return SUCCESSOR;
        }
        let per_added = 8 + 4 * dim as u128;
        8 * u128::from(self.n_removed) + per_added * u128::from(self.n_added)
    }

    /// What the record says; `body` has [`RecordHead::body_len`] bytes.
    pub(super) fn record(&self, body: &[u8], offset: u64) -> Result<Record> {
        if crc32fast::hash(body) != self.body_sum {
            return Err(damaged("has a record that is not what was written", offset));
        }
        if self.kind == SUCCESSOR_KIND {
            let identity = Identity::from_bytes(std::array::from_fn(|i| body[i]));
            let point = (u64_at(body, 24), std::array::from_fn(|i| body[32 + i]));
            let point = Some(point).filter(|point| point.0 != NO_POINT);
            return Ok(Record::Successor(Successor { identity, covered: u64_at(body, 16), point }));
        }
        let numbers = |bytes: &[u8]| -> Vec<i64> {
            bytes.as_chunks::<8>().0.iter().map(|id| i64::from_le_bytes(*id)).collect()
        };
        let (removed, rest) = body.split_at(8 * self.n_removed as usize);
        let (ids, values) = rest.split_at(8 * self.n_added as usize);
        let lanes = values.as_chunks::<4>().0;
        Ok(Record::Update(Update {
            removed: numbers(removed),
            n_of_main: self.n_of_main,
            ids: numbers(ids),
            values: lanes.iter().map(|lane| f32::from_le_bytes(*lane)).collect(),
        }))
    }
}

/// Bytes of the body of a successor.
pub(super) fn successor_body(successor: &Successor) -> Vec<u8> {
    let (place, bytes) = successor.point.unwrap_or((NO_POINT, [0; 8]));
    let mut body = successor.identity.to_bytes().to_vec();
    body.extend(successor.covered.to_le_bytes());
    body.extend(place.to_le_bytes());
    body.extend(bytes);
    body
}

fn sum_of(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}
