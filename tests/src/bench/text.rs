//! Chinese text of the length of real forms. Every text is its own, so that nothing is saved by having seen one
//! before; it is as hard to compress as text of characters that don't follow from one another.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// First of the characters that texts are made of; they lie together in Unicode.
const FIRST: u32 = 0x4E00;
/// How many different characters texts are made of.
const CHARACTERS: u32 = 3000;

/// A text of so many characters.
#[must_use]
pub fn words(characters: usize, seed: u64) -> String {
    let mut random = StdRng::seed_from_u64(seed);
    let letter = |_| char::from_u32(FIRST + random.random_range(0..CHARACTERS)).unwrap_or('一');
    (0..characters).map(letter).collect()
}
