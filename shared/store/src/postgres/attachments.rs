//! Attachments: their chunks are rows, so that whoever takes over has them.

use bytes::Bytes;
use sanji_log::attachment::{CHUNK_BYTES, chunk_count, chunk_hash, chunk_hash_in, manifest, manifest_matches, root};
use sanji_log::entry::ATTACHMENT_MAX_BYTES;
use sanji_log::{AttachmentId, AttachmentRef};

use super::session::get;
use super::{PostgresStore, signed, unsigned};
use crate::attachments::check_chunk;
use crate::contract::{AttachmentState, Error, Upload};

const READ: &str = "read an attachment";
const WRITE: &str = "keep an attachment";
const UPLOADS: &str = "look at uploads";
/// Longest note of an upload, in bytes.
const NOTE_MAX_BYTES: usize = 64;
/// Chunks that are sent at once.
const CHUNKS: usize = 64;

impl PostgresStore {
    pub(super) fn attachment_state(&self, id: &AttachmentId) -> Result<AttachmentState, Error> {
        let sql = "SELECT size, manifest, (SELECT coalesce(max(number) + 1, 0) FROM chunk WHERE attachment = $1) FROM attachment \
                   WHERE id = $1";
        let rows = self.session.query(READ, sql, vec![Box::new(id.as_bytes().to_vec())])?;
        let Some(row) = rows.first() else { return Ok(AttachmentState::default()) };
        let size = unsigned(row, 0)?;
        let chunks = u32::try_from(get::<i32>(row, 2)?).unwrap_or_default();
        let manifest = Bytes::from(get::<Vec<u8>>(row, 1)?);
        Ok(AttachmentState { chunks, size, manifest, complete: chunks == chunk_count(size) })
    }

    pub(super) fn keep_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), Error> {
        if !manifest_matches(id, size, manifest) {
            return Err(Error::Damaged { what: format!("manifest of attachment {id}: it is not that of the id") });
        }
        let writer = self.writer();
        self.check_writable()?;
        let sql = "INSERT INTO attachment (id, size, manifest) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
        let of_id = Box::new(id.as_bytes().to_vec());
        self.write(&writer, WRITE, sql, vec![of_id, Box::new(signed(size)), Box::new(manifest.to_vec())])?;
        Ok(())
    }

    pub(super) fn keep_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, Error> {
        let writer = self.writer();
        self.check_writable()?;
        let state = self.attachment_state(id)?;
        if chunk < state.chunks {
            return Ok(state.complete);
        }
        check_chunk(id, &state, chunk, data)?;
        let sql = "INSERT INTO chunk (attachment, number, data) VALUES ($1, $2, $3)";
        let of_id = Box::new(id.as_bytes().to_vec());
        self.write(&writer, WRITE, sql, vec![of_id, Box::new(number(chunk)), Box::new(data.to_vec())])?;
        Ok(chunk + 1 == chunk_count(state.size))
    }

    pub(super) fn read_chunk(&self, id: &AttachmentId, chunk: u32) -> Result<Option<Bytes>, Error> {
        let sql = "SELECT data, manifest FROM chunk JOIN attachment ON attachment = id WHERE id = $1 AND number = $2";
        let rows = self.session.query(READ, sql, vec![Box::new(id.as_bytes().to_vec()), Box::new(number(chunk))])?;
        let Some(row) = rows.first() else { return Ok(None) };
        let data = Bytes::from(get::<Vec<u8>>(row, 0)?);
        if chunk_hash_in(get(row, 1)?, chunk) != Some(chunk_hash(&data)) {
            return Err(Error::Damaged {
                what: format!("chunk {chunk} of attachment {id}: it is not what was written"),
            });
        }
        Ok(Some(data))
    }

    pub(super) fn keep_upload(
        &self,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
        note: &[u8],
    ) -> Result<AttachmentRef, Error> {
        let mut content = Vec::new();
        for part in parts {
            content.extend(part);
            if content.len() as u64 > ATTACHMENT_MAX_BYTES {
                break;
            }
        }
        let (size, manifest) = (content.len() as u64, manifest(&content));
        let id = root(size, &manifest);
        if !manifest_matches(&id, size, &manifest) {
            return Err(Error::Invalid { what: "an attachment without content, or too long" });
        }
        if note.len() > NOTE_MAX_BYTES {
            return Err(Error::Invalid { what: "a note that is too long" });
        }
        let held = self.attachment_state(&id)?;
        if held.complete {
            return Ok(AttachmentRef { id, size });
        }
        {
            // First, so that nothing lies about of which nobody knows.
            let writer = self.writer();
            self.check_writable()?;
            let sql = "INSERT INTO upload (attachment, note, since_ms) \
                       VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) ON CONFLICT DO NOTHING";
            let named = vec![Box::new(id.as_bytes().to_vec()) as _, Box::new(note.to_vec()) as _];
            self.write(&writer, WRITE, sql, named)?;
        }
        self.keep_manifest(&id, &manifest, size)?;
        let chunks: Vec<_> = (0..).zip(content.chunks(CHUNK_BYTES)).skip(held.chunks as usize).collect();
        for some in chunks.chunks(CHUNKS) {
            let writer = self.writer();
            self.check_writable()?;
            let numbers: Vec<_> = some.iter().map(|(chunk, _)| number(*chunk)).collect();
            let data: Vec<_> = some.iter().map(|(_, data)| data.to_vec()).collect();
            let sql = "INSERT INTO chunk (attachment, number, data) \
                       SELECT $1, number, data FROM unnest($2::integer[], $3::bytea[]) AS new (number, data) \
                       ON CONFLICT DO NOTHING";
            let of_id = Box::new(id.as_bytes().to_vec());
            self.write(&writer, WRITE, sql, vec![of_id, Box::new(numbers), Box::new(data)])?;
        }
        Ok(AttachmentRef { id, size })
    }

    pub(super) fn waiting_uploads(&self) -> Result<Vec<Upload>, Error> {
        let sql = "SELECT attachment, note, since_ms FROM upload ORDER BY since_ms";
        let rows = self.session.query(UPLOADS, sql, Vec::new())?;
        let upload = |row| {
            let id = AttachmentId::try_from(get::<&[u8]>(row, 0)?);
            let id = id.map_err(|_| Error::Damaged { what: "the id of an attachment".to_owned() })?;
            Ok(Upload { id, note: get(row, 1)?, since_ms: unsigned(row, 2)? })
        };
        rows.iter().map(upload).collect()
    }

    pub(super) fn name_upload(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        let writer = self.writer();
        self.check_writable()?;
        let sql = "DELETE FROM upload WHERE attachment = $1 AND note = $2";
        self.write(&writer, UPLOADS, sql, vec![Box::new(id.as_bytes().to_vec()), Box::new(note.to_vec())])?;
        Ok(())
    }

    pub(super) fn forget_upload(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        let writer = self.writer();
        self.check_writable()?;
        let sql = "WITH noted AS (DELETE FROM upload WHERE attachment = $1 AND note = $2), \
                   content AS (DELETE FROM chunk WHERE attachment = $1) DELETE FROM attachment WHERE id = $1";
        self.write(&writer, UPLOADS, sql, vec![Box::new(id.as_bytes().to_vec()), Box::new(note.to_vec())])?;
        Ok(())
    }

    /// How many attachments are complete, and what is wrong with them.
    pub(super) fn verify_attachments(&self) -> Result<(u64, Vec<String>), Error> {
        let (mut complete, mut faults) = (0, Vec::new());
        self.each_attachment(&mut |id, state| {
            if !state.complete {
                return Ok(());
            }
            let read = (0..chunk_count(state.size)).try_for_each(|chunk| match self.read_chunk(&id, chunk)? {
                Some(_) => Ok(()),
                None => Err(Error::Damaged { what: format!("attachment {id} lacks chunk {chunk}") }),
            });
            match read {
                Ok(()) => complete += 1,
                Err(Error::Damaged { what }) => faults.push(what),
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        Ok((complete, faults))
    }

    fn each_attachment(
        &self,
        visit: &mut dyn FnMut(AttachmentId, AttachmentState) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sql = "SELECT id FROM attachment WHERE id > $1 ORDER BY id LIMIT 1000";
        let mut after = Vec::new();
        loop {
            let rows = self.session.query(READ, sql, vec![Box::new(after.clone())])?;
            for row in &rows {
                after = get(row, 0)?;
                let id = AttachmentId::try_from(after.as_slice());
                let id = id.map_err(|_| Error::Damaged { what: "the id of an attachment".to_owned() })?;
                visit(id, self.attachment_state(&id)?)?;
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
    }
}

/// As PostgreSQL counts chunks.
fn number(chunk: u32) -> i32 {
    i32::try_from(chunk).unwrap_or(i32::MAX)
}
