//! Memory for codes.

use memmap2::MmapMut;

use crate::error::{Error, Result};

/// Bytes from the start of a page on, on huge pages where the system has them: a scan that crosses a
/// page every few microseconds would otherwise wait for its address.
#[derive(Debug)]
pub(crate) struct Plane(Option<MmapMut>);

impl Plane {
    /// `n_bytes` zeros, which take no memory until they are written to.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if there are not as many.
    pub(crate) fn zeroed(n_bytes: usize) -> Result<Self> {
        if n_bytes == 0 {
            return Ok(Self(None));
        }
        let map = MmapMut::map_anon(n_bytes);
        let map = map.map_err(|_| Error::Memory { n_bytes, purpose: "codes" })?;
        #[cfg(target_os = "linux")]
        if n_bytes >= 2 << 20 {
            // A system that has none goes on with the pages it has.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        Ok(Self(Some(map)))
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.0.as_deref_mut().unwrap_or(&mut [])
    }
}
