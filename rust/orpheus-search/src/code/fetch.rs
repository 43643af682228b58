#![expect(unsafe_code, reason = "a hint to the processor takes a pointer")]
//! Asking for memory ahead of its use.

/// Asks for the cache lines of `bytes`, without waiting for them.
#[inline]
pub(crate) fn fetch<T>(bytes: &[T]) {
    let start = bytes.as_ptr().cast::<u8>();
    for at in (0..size_of_val(bytes)).step_by(64) {
        let address = start.wrapping_add(at);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a hint; the address lies within `bytes`.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(address.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = address;
    }
}
