//! zstd with contexts that are used again: making one costs more than compressing a form.

use std::io;
use std::sync::{LazyLock, Mutex, PoisonError};

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

/// Level of much effort: a form takes 50 µs and 470 bytes. The highest levels take ten times as long for a fortieth less.
const MUCH: i32 = 9;
/// Level of little effort: a form takes 7 µs and 540 bytes.
const LITTLE: i32 = 1;
/// Contexts that are kept of a kind. There are no more threads than that which compress all the time.
const KEPT: usize = 4;

/// What recurs in forms, see `forms.txt`. Nothing that was sealed with it can be read without it, so it never changes.
const FORMS: &[u8] = include_bytes!("compression/forms-1.dictionary");

static WITH_FORMS: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(FORMS, MUCH));
static FORMS_SOON: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(FORMS, LITTLE));
static FORMS_READ: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(FORMS));

/// Whether both sides know beforehand what recurs in forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dictionary {
    /// They do not.
    None,
    /// They have the first dictionary of forms.
    Forms,
}

/// How hard it is tried. Whoever writes alone pays with time that nobody else waits for; the line is scarce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// As small as it gets in little time.
    Much,
    /// As fast as it gets.
    Little,
}

/// Contexts of one dictionary.
struct Contexts {
    /// Of much effort, and of little.
    compressors: [Mutex<Vec<Compressor<'static>>>; 2],
    decompressors: Mutex<Vec<Decompressor<'static>>>,
}

static PLAIN: Contexts = Contexts::none();
static FORMS_CONTEXTS: Contexts = Contexts::none();

impl Dictionary {
    fn contexts(self) -> &'static Contexts {
        match self {
            Self::None => &PLAIN,
            Self::Forms => &FORMS_CONTEXTS,
        }
    }

    fn compressor(self, effort: Effort) -> io::Result<Compressor<'static>> {
        let (level, forms) = match effort {
            Effort::Much => (MUCH, &WITH_FORMS),
            Effort::Little => (LITTLE, &FORMS_SOON),
        };
        match self {
            Self::None => Compressor::new(level),
            Self::Forms => {
                let mut compressor = Compressor::with_prepared_dictionary(forms)?;
                // The entry says which dictionary it is.
                compressor.include_dictid(false)?;
                Ok(compressor)
            }
        }
    }

    fn decompressor(self) -> io::Result<Decompressor<'static>> {
        match self {
            Self::None => Decompressor::new(),
            Self::Forms => Decompressor::with_prepared_dictionary(&FORMS_READ),
        }
    }
}

/// Of all that decides what [`compress`] makes of a text with the dictionary of forms. zstd promises the same bytes for
/// the same text, level and dictionary within one of its versions only. Never 0.
pub(crate) fn fingerprint() -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key("sanji 2026 compression of private parts v1");
    hasher.update(&zstd::zstd_safe::version_number().to_le_bytes());
    hasher.update(&[MUCH, LITTLE].map(i32::to_le_bytes).concat());
    hasher.update(FORMS);
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    u64::from_le_bytes(first).max(1)
}

/// Compresses.
///
/// # Errors
/// Where no memory is to be had.
pub(crate) fn compress(plain: &[u8], dictionary: Dictionary, effort: Effort) -> io::Result<Vec<u8>> {
    let [much, little] = &dictionary.contexts().compressors;
    let contexts = if effort == Effort::Much { much } else { little };
    let mut compressor = take(contexts).map_or_else(|| dictionary.compressor(effort), Ok)?;
    let result = compressor.compress(plain);
    put_back(contexts, compressor);
    result
}

/// Decompresses to at most so many bytes.
///
/// # Errors
/// For bytes that were not compressed with the dictionary, and where the content is longer.
pub(crate) fn decompress(compressed: &[u8], dictionary: Dictionary, max_bytes: usize) -> io::Result<Vec<u8>> {
    // What the frame says of its size bounds the buffer, so that a short content takes no large one.
    let size = zstd::zstd_safe::get_frame_content_size(compressed).ok().flatten();
    let capacity = size.and_then(|size| usize::try_from(size).ok()).map_or(max_bytes, |size| size.min(max_bytes));
    let contexts = &dictionary.contexts().decompressors;
    let mut decompressor = take(contexts).map_or_else(|| dictionary.decompressor(), Ok)?;
    let result = decompressor.decompress(compressed, capacity);
    put_back(contexts, decompressor);
    result
}

impl Contexts {
    const fn none() -> Self {
        Self { compressors: [Mutex::new(Vec::new()), Mutex::new(Vec::new())], decompressors: Mutex::new(Vec::new()) }
    }
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
        let all = [Dictionary::None, Dictionary::Forms, Dictionary::None];
        for (dictionary, effort) in all.iter().flat_map(|known| [(*known, Effort::Much), (*known, Effort::Little)]) {
            for text in texts {
                let compressed = compress(text.as_bytes(), dictionary, effort).unwrap();
                let fresh = dictionary.compressor(effort).unwrap().compress(text.as_bytes()).unwrap();
                assert_eq!(compressed, fresh);
                assert_eq!(decompress(&compressed, dictionary, 1 << 20).unwrap(), text.as_bytes());
            }
        }
        let long = compress(&[7; 5000], Dictionary::None, Effort::Much).unwrap();
        assert!(decompress(&long, Dictionary::None, 4999).is_err());
        assert!(decompress(b"not zstd", Dictionary::None, 100).is_err());
        assert_eq!(decompress(&long, Dictionary::None, 5000).unwrap(), [7; 5000]);
    }

    #[test]
    fn a_fingerprint_is_the_same_twice() {
        assert_eq!(fingerprint(), fingerprint());
        assert_ne!(fingerprint(), 0);
    }

    #[test]
    fn the_dictionary_of_forms_is_the_one_of_the_first_release_and_pays() {
        assert_eq!(
            blake3::hash(FORMS).to_hex().as_str(),
            "f8711977b737547bd9955c19648a12a0287cf44d72babddaad0890f0174bbbf1"
        );
        let form = "家庭住址：澄川区枫溪镇第三村民小组；家庭人口数：4；申请理由：配偶去年患病住院，医疗费用负担较重。";
        for effort in [Effort::Much, Effort::Little] {
            let [plain, known] = [Dictionary::None, Dictionary::Forms]
                .map(|known| compress(form.as_bytes(), known, effort).unwrap().len());
            assert!(known * 4 < plain * 3, "{known} against {plain}");
        }
        let known = compress(form.as_bytes(), Dictionary::Forms, Effort::Little).unwrap();
        assert!(decompress(&known, Dictionary::None, 1 << 20).is_err(), "it can't be read without");
    }
}
