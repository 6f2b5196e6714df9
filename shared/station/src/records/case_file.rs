//! Case files (案卷, requirement 92): a case in one archive that anybody can check without the system.
//!
//! The archive is a zip without compression, so that a double click opens it:
//!
//! | name | holds |
//! | --- | --- |
//! | `summary.html`, `summary.json` | the case in Chinese for people, and for programs |
//! | `attachments/…` | what was handed in, decrypted |
//! | `evidence.pb` | `CaseFileEvidence` of records.proto: entries word for word, seals, receipts, certificates, the key of the case |
//! | `manifest.pb`, `manifest.sig` | `CaseFileManifest`: hash and size of all of these; signature of the station that wrote the file |
//!
//! The comment at its end is one line: the BLAKE3 hash of all bytes before it, and that station's signature over the
//! hash. So no byte of the file can be changed without notice, not even one that a zip program passes over.
//!
//! The key of the case goes along. It opens nothing but this case, whose content the archive shows anyway, and without
//! it nobody could prove that the summary and the attachments are those of the entries: an attachment is proved by
//! encrypting it again and comparing the hash with the one that the entry names.
//!
//! A seal covers a log up to a position, and an entry of another case may stand between an entry of this one and the
//! seal over it. Such neighbours are left out unless they are asked for: they would say which other cases there are. The
//! station that writes the file then vouches for the gap, and the check says so. Its own log it seals anew right behind
//! the entry.

mod collect;

mod html;
mod line;
mod proof;
mod summary;
pub mod verify;
mod write;

/// The readable summary.
const SUMMARY_HTML: &str = "summary.html";
/// The same for programs.
const SUMMARY_JSON: &str = "summary.json";
/// The evidence.
const EVIDENCE: &str = "evidence.pb";
/// What the archive holds.
const MANIFEST: &str = "manifest.pb";
/// The signature over the manifest.
const SIGNATURE: &str = "manifest.sig";
/// Version of the layout.
const VERSION: u32 = 1;
