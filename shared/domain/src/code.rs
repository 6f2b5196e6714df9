//! Codes by which files and entries name items, departments, stages and staff.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest code accepted, in bytes.
pub const LONGEST_CODE: usize = 40;

/// Text that is not a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a code of lower-case letters, digits and inner hyphens")]
pub struct InvalidCode(pub String);

/// Lower-case letters and digits, with hyphens only inside: usable as a file name and in an address.
fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_CODE
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The code as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidCode;
            fn from_str(text: &str) -> Result<Self, InvalidCode> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidCode;
            fn try_from(text: String) -> Result<Self, InvalidCode> {
                if is_code(&text) { Ok(Self(text)) } else { Err(InvalidCode(text.chars().take(LONGEST_CODE).collect())) }
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

codes! {
    /// Code of a service item, for example `mz-dibao`.
    ItemCode;
    /// Code of a department, of the kind of office that stations keep, or of an outside body, for example `mz`,
    /// `township`, `prov-ly`.
    DepartmentCode;
    /// Id of a stage, unique in its item, for example `accept`.
    StageId;
    /// Id of a member of staff, for example `mz-01`.
    StaffId;
    /// Id of a rule of supervision, for example `over-promised`.
    RuleId;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn codes_are_names_of_files() {
        assert_eq!("mz-dibao".parse::<ItemCode>().unwrap().as_str(), "mz-dibao");
        for text in ["", "-a", "a-", "Mz", "mz_dibao", "../x", "低保", "a b", &"a".repeat(LONGEST_CODE + 1)] {
            assert!(text.parse::<ItemCode>().is_err(), "{text}");
        }
    }
}
