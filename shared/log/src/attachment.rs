//! Attachments: how their encrypted content is cut into chunks, hashed and named.
//!
//! The rule is that of `AttachmentRef` in log.proto. The hashes of the chunks, one after the other, are the
//! attachment's *manifest*: who has checked the manifest against the id can check each chunk as it comes.

use crate::AttachmentId;
use crate::entry::ATTACHMENT_MAX_BYTES;

/// Size of every chunk but the last, in bytes.
pub const CHUNK_BYTES: usize = 32_768;
/// Size of a chunk's hash, in bytes.
pub const CHUNK_HASH_BYTES: usize = 32;

const ROOT_CONTEXT: &str = "sanji 2026 attachment v1";

/// Number of chunks of an attachment of `size` bytes. Sizes above the limit of log.proto count as the limit.
#[must_use]
pub fn chunk_count(size: u64) -> u32 {
    u32::try_from(size.min(ATTACHMENT_MAX_BYTES).div_ceil(CHUNK_BYTES as u64)).unwrap_or(u32::MAX)
}

/// Length in bytes of one chunk, counted from 0; none past the end.
#[must_use]
pub fn chunk_length(size: u64, chunk: u32) -> Option<usize> {
    let start = u64::from(chunk) * CHUNK_BYTES as u64;
    let left = size.checked_sub(start).filter(|left| *left > 0)?;
    usize::try_from(left.min(CHUNK_BYTES as u64)).ok()
}

/// BLAKE3 hash of a chunk.
#[must_use]
pub fn chunk_hash(chunk: &[u8]) -> [u8; CHUNK_HASH_BYTES] {
    *blake3::hash(chunk).as_bytes()
}

/// The hash of one chunk as a manifest gives it; none past the end.
#[must_use]
pub fn chunk_hash_in(manifest: &[u8], chunk: u32) -> Option<[u8; CHUNK_HASH_BYTES]> {
    let start = usize::try_from(chunk).ok()?.checked_mul(CHUNK_HASH_BYTES)?;
    manifest.get(start..start.checked_add(CHUNK_HASH_BYTES)?)?.try_into().ok()
}

/// The manifest of a whole content.
#[must_use]
pub fn manifest(content: &[u8]) -> Vec<u8> {
    content.chunks(CHUNK_BYTES).flat_map(chunk_hash).collect()
}

/// The id that size and manifest give.
#[must_use]
pub fn root(size: u64, manifest: &[u8]) -> AttachmentId {
    let mut hasher = blake3::Hasher::new_derive_key(ROOT_CONTEXT);
    hasher.update(&size.to_le_bytes()).update(manifest);
    AttachmentId(*hasher.finalize().as_bytes())
}

/// Whether size and manifest are those of `id`: the size is allowed, the number of hashes fits, the root is
/// the id.
#[must_use]
pub fn manifest_matches(id: &AttachmentId, size: u64, manifest: &[u8]) -> bool {
    (1..=ATTACHMENT_MAX_BYTES).contains(&size)
        && manifest.len() as u64 == u64::from(chunk_count(size)) * CHUNK_HASH_BYTES as u64
        && root(size, manifest) == *id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_the_content_without_overlap() {
        for (size, last) in [(1, 1), (32_767, 32_767), (32_768, 32_768), (32_769, 1), (65_536, 32_768)] {
            let count = chunk_count(size);
            let lengths: Vec<_> = (0..count).map_while(|chunk| chunk_length(size, chunk)).collect();
            assert_eq!(lengths.iter().sum::<usize>() as u64, size);
            assert_eq!(lengths.last(), Some(&last));
            assert_eq!(chunk_length(size, count), None);
        }
        assert_eq!(chunk_count(0), 0);
        assert_eq!(chunk_count(ATTACHMENT_MAX_BYTES), 1601);
    }

    #[test]
    fn a_manifest_of_other_content_or_size_does_not_match() {
        let content = vec![7; CHUNK_BYTES + 5];
        let size = content.len() as u64;
        let good = manifest(&content);
        let id = root(size, &good);
        assert!(manifest_matches(&id, size, &good));
        assert_eq!(chunk_hash_in(&good, 1), Some(chunk_hash(&content[CHUNK_BYTES..])));
        assert_eq!(chunk_hash_in(&good, 2), None);
        assert!(!manifest_matches(&id, size - 1, &good));
        assert!(!manifest_matches(&id, size, &good[..32]));
        for place in 0..good.len() {
            let mut wrong = good.clone();
            wrong[place] ^= 1;
            assert!(!manifest_matches(&id, size, &wrong));
        }
    }
}
