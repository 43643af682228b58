//! The panic wall: a decoder that breaks its own rules costs one track, never the process.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::error::{Error, Result};

thread_local! {
    static BEHIND_WALL: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic in it comes back as [`Error::Panic`], and prints nothing.
///
/// State that `work` borrowed mutably must not be used again after a panic: callers drop it.
pub(crate) fn contain<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !BEHIND_WALL.get() {
                loud(info);
            }
        }));
    });
    let outer = BEHIND_WALL.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    BEHIND_WALL.set(outer);
    result.unwrap_or_else(|payload| Err(Error::Panic(message(payload.as_ref()))))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let empty: Vec<u8> = Vec::new();
        let error = contain(|| Ok(empty[std::hint::black_box(0)])).unwrap_err();
        assert_eq!(error.kind(), "panic");
        assert!(error.to_string().contains("index out of bounds"), "{error}");
    }
}
