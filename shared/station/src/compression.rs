//! zstd with contexts that are used again: making one costs more than compressing a form.

use std::io;
use std::sync::{Mutex, PoisonError};

use zstd::bulk::{Compressor, Decompressor};

/// Contexts that are kept of a kind. There are no more threads than that which compress all the time.
const KEPT: usize = 4;

static COMPRESSORS: Mutex<Vec<Compressor<'static>>> = Mutex::new(Vec::new());
static DECOMPRESSORS: Mutex<Vec<Decompressor<'static>>> = Mutex::new(Vec::new());

/// Compresses at a level of zstd.
///
/// # Errors
/// Where no memory is to be had.
pub(crate) fn compress(plain: &[u8], level: i32) -> io::Result<Vec<u8>> {
    let mut compressor = match take(&COMPRESSORS) {
        Some(compressor) => compressor,
        None => Compressor::new(level)?,
    };
    compressor.set_compression_level(level)?;
    let result = compressor.compress(plain);
    put_back(&COMPRESSORS, compressor);
    result
}

/// Decompresses to at most so many bytes.
///
/// # Errors
/// For bytes that zstd did not write, and where the content is longer.
pub(crate) fn decompress(compressed: &[u8], max_bytes: usize) -> io::Result<Vec<u8>> {
    // What the frame says of its size bounds the buffer, so that a short content takes no large one.
    let size = zstd::zstd_safe::get_frame_content_size(compressed).ok().flatten();
    let capacity = size.and_then(|size| usize::try_from(size).ok()).map_or(max_bytes, |size| size.min(max_bytes));
    let mut decompressor = match take(&DECOMPRESSORS) {
        Some(decompressor) => decompressor,
        None => Decompressor::new()?,
    };
    let result = decompressor.decompress(compressed, capacity);
    put_back(&DECOMPRESSORS, decompressor);
    result
}

fn take<T>(kept: &Mutex<Vec<T>>) -> Option<T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn put_back<T>(kept: &Mutex<Vec<T>>, context: T) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < KEPT {
        kept.push(context);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn contexts_carry_nothing_over_from_one_use_to_the_next() {
        let texts = ["", "赵小明", &"申请".repeat(3000), "x"];
        for level in [1, 3, 1] {
            for text in texts {
                let compressed = compress(text.as_bytes(), level).unwrap();
                assert_eq!(compressed, zstd::bulk::compress(text.as_bytes(), level).unwrap());
                assert_eq!(decompress(&compressed, 1 << 20).unwrap(), text.as_bytes());
            }
        }
        let long = compress(&[7; 5000], 3).unwrap();
        assert!(decompress(&long, 4999).is_err());
        assert!(decompress(b"not zstd", 100).is_err());
        assert_eq!(decompress(&long, 5000).unwrap(), [7; 5000]);
    }
}
