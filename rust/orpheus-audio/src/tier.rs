//! The instruction set that the user insists on.

/// What `ORPHEUS_FORCE_TIER` names: `scalar`, `avx2`, `avx512` or `neon`. Code that has no such tier, or
/// finds itself on a processor without it, takes the fastest one.
pub(crate) fn forced() -> Option<String> {
    std::env::var("ORPHEUS_FORCE_TIER").ok()
}
