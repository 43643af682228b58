//! Memory for codes.

use std::ops::Range;
use std::sync::Arc;

use memmap2::MmapMut;

use crate::error::{Error, Result};
use crate::format::mmap::Mapping;
use crate::sidecar::BlockSums;

/// The codes of all vectors.
#[derive(Debug)]
pub(crate) enum Plane {
    /// In memory, from the start of a page on, on huge pages where the system has them: a scan that
    /// crosses a page every few microseconds would otherwise wait for its address.
    Own(Option<MmapMut>),
    /// In a file, whose blocks are compared with their checksums before they are used.
    Mapped {
        /// The file.
        file: Arc<Mapping>,
        /// Where in the file.
        place: Range<usize>,
        /// Of the plane.
        sums: BlockSums,
    },
}

impl Plane {
    /// `n_bytes` zeros, which take no memory until they are written to.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if there are not as many.
    pub(crate) fn zeroed(n_bytes: usize) -> Result<Self> {
        if n_bytes == 0 {
            return Ok(Self::Own(None));
        }
        let map = MmapMut::map_anon(n_bytes);
        let map = map.map_err(|_| Error::Memory { n_bytes, purpose: "codes" })?;
        #[cfg(target_os = "linux")]
        if n_bytes >= 2 << 20 {
            // A system that has none goes on with the pages it has.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        Ok(Self::Own(Some(map)))
    }

    /// `None` if `place` is not in the file, or there is not one checksum for each block.
    pub(crate) fn mapped(file: &Arc<Mapping>, place: Range<usize>, sums: Vec<u32>) -> Option<Self> {
        let sums = BlockSums::new(sums, place.len())?;
        file.as_opened().get(place.clone())?;
        Some(Self::Mapped { file: Arc::clone(file), place, sums })
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own(map) => map.as_deref().unwrap_or(&[]),
            Self::Mapped { file, place, .. } => &file.as_opened()[place.clone()],
        }
    }

    /// Its bytes, to be filled; none of a file.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        match self {
            Self::Own(map) => map.as_deref_mut().unwrap_or(&mut []),
            Self::Mapped { .. } => &mut [],
        }
    }

    /// What its blocks have to be compared with.
    pub(crate) fn sums(&self) -> Option<&BlockSums> {
        match self {
            Self::Own(_) => None,
            Self::Mapped { sums, .. } => Some(sums),
        }
    }
}
