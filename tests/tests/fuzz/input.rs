//! Inputs: an example with a few edits. The generator chooses the edits, so that random bytes reach the depths of a
//! format as well as a coverage-guided engine does.

use bolero::TypeGenerator;

/// What is fed to a target.
#[derive(Debug, Clone, TypeGenerator)]
pub(crate) struct Input {
    example: u8,
    edits: Vec<Edit>,
}

/// Places wrap around.
#[derive(Debug, Clone, TypeGenerator)]
enum Edit {
    /// Everything from here on is lost.
    Cut(u16),
    /// One byte becomes another.
    Change(u16, u8),
    /// Bytes come in between.
    Insert(u16, [u8; 3]),
    /// Some bytes are lost.
    Remove(u16, u8),
    /// Some bytes come again somewhere else.
    Copy(u16, u8, u16),
    /// A number is as large as it can be.
    Fill(u16),
}

/// Edits at most; more only make noise.
const EDITS_MAX: usize = 4;

impl Input {
    /// The chosen example, edited. False: as it was.
    pub(crate) fn apply(&self, examples: &[Vec<u8>]) -> (usize, Vec<u8>, bool) {
        let chosen = usize::from(self.example) % examples.len();
        let mut bytes = examples[chosen].clone();
        self.edits.iter().take(EDITS_MAX).for_each(|edit| edit.apply(&mut bytes));
        let edited = bytes != examples[chosen];
        (chosen, bytes, edited)
    }

    /// The same for text; what is no UTF-8 any more is mended as a reader would.
    pub(crate) fn apply_text(&self, examples: &[&str]) -> String {
        let examples: Vec<_> = examples.iter().map(|text| text.as_bytes().to_vec()).collect();
        String::from_utf8_lossy(&self.apply(&examples).1).into_owned()
    }
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        // Spread over the whole of a long example.
        let at = |place: u16| usize::from(place).wrapping_mul(7919) % bytes.len().max(1);
        match *self {
            Self::Cut(place) => bytes.truncate(at(place)),
            Self::Change(place, to) => {
                let at = at(place);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte = to);
            }
            Self::Insert(place, new) => {
                let at = at(place).min(bytes.len());
                bytes.splice(at..at, new).for_each(drop);
            }
            Self::Remove(place, count) => {
                let at = at(place).min(bytes.len());
                let end = (at + usize::from(count)).min(bytes.len());
                bytes.drain(at..end).for_each(drop);
            }
            Self::Copy(from, count, to) => {
                let (from, to) = (at(from).min(bytes.len()), at(to).min(bytes.len()));
                let copied = bytes[from..(from + usize::from(count)).min(bytes.len())].to_vec();
                bytes.splice(to..to, copied).for_each(drop);
            }
            Self::Fill(place) => {
                let at = at(place).min(bytes.len());
                let end = (at + 9).min(bytes.len());
                bytes[at..end].fill(0xff);
            }
        }
    }
}

/// How many inputs a target runs whose one input takes about so many microseconds.
pub(crate) fn iterations(micros: usize) -> usize {
    let times = std::env::var("SANJI_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    (1_000_000 / micros * times).max(1)
}

/// Runs a target over edited examples.
macro_rules! fuzz {
    ($micros:expr, $examples:expr, $law:expr) => {{
        let examples = $examples;
        // What a law looks at is looked at by one thread, and a failed law ends the test.
        let law = std::panic::AssertUnwindSafe($law);
        bolero::check!()
            .with_iterations(crate::input::iterations($micros))
            .with_type::<crate::input::Input>()
            .for_each(|input| {
                let law = &law;
                let (chosen, bytes, edited) = input.apply(&examples);
                law(chosen, &bytes, edited);
            });
    }};
}

/// Runs a target over edited texts.
macro_rules! fuzz_text {
    ($micros:expr, $examples:expr, $law:expr) => {{
        let examples = $examples;
        let law = $law;
        bolero::check!()
            .with_iterations(crate::input::iterations($micros))
            .with_type::<crate::input::Input>()
            .for_each(|input| law(&input.apply_text(&examples)));
    }};
}

pub(crate) use {fuzz, fuzz_text};
