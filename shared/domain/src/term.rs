//! Closed lists of terms: enums whose variants are written in files and shown to people by one Chinese word.

/// A term of a closed list, as the reader of data files needs it.
pub(crate) trait Term: Copy + 'static {
    /// What the list is of, in Chinese, for messages.
    const WHAT: &'static str;
    /// Every term of the list.
    const TERMS: &'static [Self];
    /// The word in files and on screens.
    fn word(self) -> &'static str;
}

/// Declares an enum of terms with `ALL`, `term()`, `from_term()` and `Display`.
///
/// Serde sees the variants, not the words, so a word may be corrected without touching stored snapshots.
macro_rules! terms {
    (
        $(#[$meta:meta])*
        pub enum $name:ident ($what:literal) {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[doc = concat!("(", $word, ")")] $variant,)+
        }

        impl $name {
            /// Every term, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The Chinese word, as in files and on screens.
            #[must_use]
            pub fn term(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// The term that a word names.
            #[must_use]
            pub fn from_term(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|term| term.term() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.term())
            }
        }

        impl $crate::term::Term for $name {
            const WHAT: &'static str = $what;
            const TERMS: &'static [Self] = Self::ALL;
            fn word(self) -> &'static str {
                self.term()
            }
        }
    };
}

pub(crate) use terms;
