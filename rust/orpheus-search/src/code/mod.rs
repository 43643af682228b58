//! Vectors at a fraction of their bytes, with bounds that are proven.
//!
//! A vector `x` is stored as its difference `y = x − c` from a centre, turned by a fixed
//! orthogonal [`Rotation`] that spreads its energy evenly, and cut into 8 bits per value on a grid
//! of its own: value `v` becomes `⌊(v / s + 1) · 128⌋` with `s` the largest magnitude. The upper
//! halves of the bytes of all vectors lie in one plane, the *coarse* one, the lower halves in
//! another, the *fine* one: a scan reads four bits per value, and the other four only of vectors
//! that may still be near.
//!
//! What a code leaves out is known: `|⟨q, y⟩ − ⟨q, ŷ⟩| ≤ ‖q‖ · ‖y − ŷ‖` (Cauchy–Schwarz), and
//! `‖y − ŷ‖ / s` hardly differs between vectors, so that its maximum over all of them takes the
//! place of one number for each. Queries are cut into digits of 8 bits, whose error is bounded in
//! the same way. With these bounds a scan over codes rules out vectors that *cannot* be among the
//! nearest; what it leaves is compared exactly. The answer is the one that comparing everything
//! gives, ties included.

mod codes;
mod digits;
mod encode;
mod fetch;
mod fill;
mod kernel;
mod plane;
mod query;
mod rotation;
mod scan;
mod signs;
mod store;

pub(crate) use codes::Codes;
pub(crate) use fetch::fetch;
pub(crate) use kernel::CodeKernels;
pub(crate) use query::{Base, CodeFacts, CodedQueries, CodedQuery};
pub(crate) use scan::{CodeScan, Found, Originals, Seeker};
pub(crate) use signs::{SignPlane, SignQuery, SignSeeker, Signs, StoredSigns, Stretch, sign_bytes};
pub use store::RowCodes;
pub(crate) use store::{ListCodes, StoredCodes};
