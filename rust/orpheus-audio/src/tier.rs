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

/// Calls the function of this name, as it was compiled for the processor of a [`kernel`].
macro_rules! dispatch {
    ($kernel:expr, $module:ident :: $function:ident ($($argument:expr),*)) => {
        match $kernel {
            Self::Portable => $module::$function($($argument),*),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(avx2) => avx2.$function($($argument),*),
        }
    };
}

pub(crate) use dispatch;

/// `Avx2`, with a method for each function: the same, compiled for AVX2 and bit manipulation.
#[cfg(target_arch = "x86_64")]
macro_rules! compiled_for_avx2 {
    ($($module:ident :: $name:ident $([$processor:ty])? (
        $($argument:ident: $type:ty),*
    ) $(-> $result:ty)?;)*) => {
        /// Proof that the processor has what the functions here are compiled for.
        #[derive(Debug, Clone, Copy)]
        pub(super) struct Avx2(());

        impl Avx2 {
            pub(super) fn detect() -> Option<Self> {
                let has = is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("lzcnt")
                    && is_x86_feature_detected!("movbe");
                has.then_some(Self(()))
            }

            $(pub(super) fn $name(self, $($argument: $type),*) $(-> $result)? {
                #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,movbe")]
                fn compiled($($argument: $type),*) $(-> $result)? {
                    $module::$name$(::<$processor>)?($($argument),*)
                }
                // SAFETY: `self` exists only where `detect` found these features.
                unsafe { compiled($($argument),*) }
            })*
        }
    };
}

#[cfg(target_arch = "x86_64")]
pub(crate) use compiled_for_avx2;
