//! One bit per value: a first look at a vector for an eighth of the bytes of its codes.
//!
//! Of a turned vector `y` of `d` values only the signs `s` are kept, and the factor
//! `f = ‖y‖² / Σ|yᵢ|`. For a fixed vector and a rotation at random, `f · ⟨q, s⟩` is an unbiased
//! estimate of `⟨q, y⟩` (Gao and Long, "`RaBitQ`", arXiv 2405.12497, theorem 3.2): with
//! `s = (Σ|yᵢ| / ‖y‖²) · y + s⊥` it is `⟨q, y⟩ + f · ⟨q, s⊥⟩`, and `s⊥`, of length
//! `√(d − (Σ|yᵢ|)² / ‖y‖²)`, points anywhere in the `d − 1` directions that are orthogonal to `y`.
//! Its standard error is thus at most `f · ‖q‖ · √((d − (Σ|yᵢ|)² / ‖y‖²) / (d − 1))`: hardly more
//! than `0.76 · ‖q‖ · ‖y‖ / √d`, as `Σ|yᵢ|` of values that are spread evenly is `0.8 · √d · ‖y‖`.
//! The square root hardly differs between vectors, so that its median over all of them takes the
//! place of one number for each.
//!
//! What is estimated is `⟨q − c, y⟩`, with `c` the centre of the list: the nearer the list, the
//! smaller the error. `⟨c, y⟩` is known when a vector is encoded and part of its offset.
//!
//! This is no bound, but a matter of [`CONFIDENCE`]: it serves searches that need not be certain.

mod encode;
pub(super) mod kernel;
mod layout;
mod query;
mod scan;
mod store;

pub(crate) use encode::Marks;
pub(super) use encode::mark;
pub(super) use layout::{LANES, SignParts, block_bytes, blocks_of, scatter, sign_stride};
pub(crate) use layout::{Signs, sign_bytes};
pub(crate) use query::SignQuery;
pub(super) use scan::SignScratch;
pub(crate) use scan::{SignSeeker, Stretch};
pub(crate) use store::{SignPlane, StoredSigns};

/// Standard errors by which an estimate may fall short of what is worth a closer look.
///
/// One neighbour in 700 is farther off than 3; of those that are not the very last of the `k`
/// nearly none is, for they lie above the limit themselves.
const CONFIDENCE: f32 = 3.0;

#[cfg(test)]
mod tests;
