//! Bundles (离线包): what a link would carry, in a file; for a station without a line, and for a long way round
//! when the line is down. The format is described in bundle.proto.
//!
//! | module | answers |
//! | --- | --- |
//! | `cipher` | who can read the file |
//! | `frames` | who wrote it, and is it as it was written |
//! | `export` | what goes in |
//! | `import` | what is taken |
//!
//! What is in a bundle is made and judged by the same session as on a link. A bundle may be read twice, in any
//! order with others, and beside a link: what is held already is passed over.
//!
//! Of a file that was cut off or damaged, what stands before the damage is kept: every frame is signed, so it can
//! be believed alone, and on a USB stick half a file is better than none. The import still fails, with the
//! reason; reading the whole file later takes the rest.

pub(crate) mod cipher;
mod export;
pub(crate) mod frames;
mod import;

pub use export::{ExportOptions, ExportSummary, Receiver, export};
pub use import::{ImportSummary, import, import_aside};
pub use sanji_replication::bundle::Enrolment;
