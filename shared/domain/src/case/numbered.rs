//! Closed lists that travel as numbers of body.proto and are shown to people by one Chinese word.

/// Declares an enum with its numbers and words. Number 0 and numbers of newer releases read as `Unknown`: an entry
/// is never re-encoded, so nothing is lost by that.
macro_rules! numbered {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $number:literal $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            /// Not given, or a value of a newer release.
            Unknown,
            $($(#[$variant_meta])* #[doc = concat!("(", $word, ")")] $variant,)+
        }

        impl $name {
            /// Every known value, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Reads the number of body.proto.
            #[must_use]
            pub fn from_number(number: i32) -> Self {
                match number {
                    $($number => Self::$variant,)+
                    _ => Self::Unknown,
                }
            }

            /// The number of body.proto; 0 for [`Self::Unknown`].
            #[must_use]
            pub fn number(self) -> i32 {
                match self {
                    Self::Unknown => 0,
                    $(Self::$variant => $number,)+
                }
            }

            /// The word on screens and prints.
            #[must_use]
            pub fn term(self) -> &'static str {
                match self {
                    Self::Unknown => "未注明",
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

pub(crate) use numbered;
