//! The instruction set that the user insists on.

/// What `ORPHEUS_FORCE_TIER` names: `scalar`, `avx2`, `avx512` or `neon`. Code that has no such tier, or
/// finds itself on a processor without it, takes the fastest one.
pub(crate) fn forced() -> Option<String> {
    std::env::var("ORPHEUS_FORCE_TIER").ok()
}

/// A `Kernel`: the kinds of processor that a decoder's hot loops are compiled for, and the choice between
/// them. `Avx2`, a proof that the processor has what its methods are compiled for, is the caller's.
macro_rules! kernel {
    ($(#[$doc:meta])*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(super) enum Kernel {
            /// Any; the reference for the others.
            Portable,
            #[cfg(target_arch = "x86_64")]
            Avx2(Avx2),
        }

        static BEST: std::sync::LazyLock<Kernel> = std::sync::LazyLock::new(|| {
            let scalar = $crate::tier::forced().is_some_and(|tier| tier == "scalar");
            if scalar { Kernel::Portable } else { Kernel::fastest() }
        });

        impl Kernel {
            /// The fastest that this processor can run, unless `ORPHEUS_FORCE_TIER` is `scalar`.
            pub(super) fn best() -> Self {
                *BEST
            }

            #[cfg(target_arch = "x86_64")]
            pub(super) fn fastest() -> Self {
                Avx2::detect().map_or(Self::Portable, Self::Avx2)
            }

            #[cfg(not(target_arch = "x86_64"))]
            pub(super) fn fastest() -> Self {
                Self::Portable
            }
        }
    };
}

pub(crate) use kernel;
