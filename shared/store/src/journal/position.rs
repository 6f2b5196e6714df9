//! Places in the journal.

/// A place in the journal: a segment and an offset in it. Later commits have higher positions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(u64);

impl Position {
    /// `offset` is below 4 GiB: segments are smaller.
    pub(crate) fn new(segment: u32, offset: u64) -> Self {
        Self(u64::from(segment) << 32 | offset & 0xffff_ffff)
    }

    pub(crate) fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(crate) fn offset(self) -> u64 {
        self.0 & 0xffff_ffff
    }

    /// The place `bytes` further on in the same segment.
    pub(crate) fn plus(self, bytes: u64) -> Self {
        Self(self.0 + bytes)
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "segment {} offset {}", self.segment(), self.offset())
    }
}
