//! Attachments: handed in by people, encrypted under the key of their case, and read by people who may see it.

use sanji_domain::case::{AttachmentName, Case, Sight, StoredAttachment};
use sanji_domain::organisation::Staff;
use sanji_log::{AttachmentId, CaseNumber, RequestId};
use sanji_proto::v1 as proto;

use super::uploads::note;
use super::{Random, Reader, input_fault, wrong_number};
use crate::error::{Error, Failure, not_written, store};
use crate::pending::{Pending, Purpose};
use crate::vault::CaseKey;
use crate::vault::attachment::{Decrypting, plain_size};
use crate::views;

/// Largest file that the contract allows, in bytes: 50 MiB. A station may take less.
pub(crate) const FILE_MAX_BYTES: u64 = 52_428_800;
/// What stands before a number that is a matter's and not a case's.
pub(crate) const OF_MATTER: char = 'M';
/// Longest name of a file, in bytes.
const NAME_MAX_BYTES: usize = 255;

/// What a file is, and the bytes with which such a file begins.
const MEDIA_TYPES: [(&str, &[u8]); 3] =
    [("image/jpeg", &[0xFF, 0xD8, 0xFF]), ("image/png", b"\x89PNG\r\n\x1a\n"), ("application/pdf", b"%PDF-")];

/// An attachment that is read and decrypted part by part, so that its size costs no memory.
pub struct AttachmentContent {
    /// Its name as handed in.
    pub file_name: String,
    /// For example `image/jpeg`.
    pub media_type: String,
    /// Bytes of its plain content.
    pub size: u64,
    reader: Reader,
    id: AttachmentId,
    chunks: std::ops::Range<u32>,
    decrypting: Decrypting,
}

impl AttachmentContent {
    /// The whole content.
    ///
    /// # Errors
    /// Those of its parts.
    pub fn whole(self) -> Result<Vec<u8>, Failure> {
        let parts = self.collect::<Result<Vec<_>, _>>()?;
        Ok(parts.concat())
    }

    fn part(&mut self, chunk: u32) -> Result<Vec<u8>, Failure> {
        let bytes = self.reader.store().chunk(&self.id, chunk).map_err(store("read a chunk"))?;
        let plain = self.decrypting.next(&bytes.ok_or(Failure::NotHereYet)?);
        Ok(plain.map_err(|source| Error::Vault { operation: "decrypt an attachment", source })?)
    }
}

/// The plain content in parts of at most a mebibyte. Blocks.
impl Iterator for AttachmentContent {
    type Item = Result<Vec<u8>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let chunk = self.chunks.next()?;
            match self.part(chunk) {
                Ok(plain) if plain.is_empty() => {}
                part => {
                    if part.is_err() {
                        self.chunks = 0..0;
                    }
                    return Some(part);
                }
            }
        }
    }
}

impl Reader {
    /// Stores an attachment for a case that is to be submitted or acted on. Durable when it returns; it belongs to a
    /// case once a command has named it.
    ///
    /// # Errors
    /// [`Failure::Refused`] where the file will not do.
    pub fn put_attachment(
        &self,
        pending: &Pending,
        staff: &Staff,
        head: proto::AttachmentHead,
        content: &[u8],
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<AttachmentId, Failure> {
        check(&head, content)?;
        let (purpose, key) = self.purpose(pending, staff, &head, now_ms, random)?;
        let mut parts = key
            .encrypt_attachment(content)
            .map_err(|source| Error::Vault { operation: "encrypt an attachment", source })?;
        let kept = self.store().put_upload(&mut parts, &note(&purpose)).map_err(store("keep an attachment"));
        let reference = kept.map_err(|error| {
            tracing::error!(reason = &error as &dyn std::error::Error, "an attachment was not kept");
            not_written(&error)
        })?;
        let stored = StoredAttachment { reference, file_name: head.file_name, media_type: head.media_type };
        if !pending.add(&purpose, &key, stored) {
            return Err(input_fault("file", "一次最多上传64个附件，请合并后再上传；没有这么多的，请重新上传一次。"));
        }
        Ok(reference.id)
    }

    /// What the file is for, and the key that it is encrypted under.
    fn purpose(
        &self,
        pending: &Pending,
        staff: &Staff,
        head: &proto::AttachmentHead,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<(Purpose, CaseKey), Failure> {
        let (purpose, key) = if head.case_number.is_empty() {
            let request = RequestId::try_from(head.request.as_slice())
                .map_err(|_| input_fault("request", "请求编号缺失或长度不对，请刷新页面后重新上传。"))?;
            let mut fresh = [0; 32];
            random(&mut fresh);
            (Purpose::Submit(staff.id.clone(), request), CaseKey::from_bytes(fresh))
        } else {
            let id = match head.case_number.strip_prefix(OF_MATTER) {
                Some(number) => self.matter_in_full(staff, &checked(number)?, now_ms)?.id(),
                None => seen_in_full(self, staff, &head.case_number, now_ms)?.id(),
            };
            let key = self.case_key(&id)?.ok_or(Failure::NotHereYet)?;
            (Purpose::Act(staff.id.clone(), id), key)
        };
        let key = pending.key(&purpose, key);
        Ok((purpose, key))
    }

    /// Reads an attachment of a case.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where it is not of this case or not for this person; [`Failure::NotHereYet`].
    pub fn attachment(
        &self,
        staff: &Staff,
        case_number: &str,
        id: &AttachmentId,
        now_ms: u64,
    ) -> Result<AttachmentContent, Failure> {
        if let Some(number) = case_number.strip_prefix(OF_MATTER) {
            let matter = self.matter_in_full(staff, &checked(number)?, now_ms)?;
            let key = self.case_key(&matter.id())?.ok_or(Failure::NotHereYet)?;
            let name = views::matter_attachment(self, &matter, &key, id)?;
            return self.content(id, &key, name);
        }
        let case = seen_in_full(self, staff, case_number, now_ms)?;
        if !views::refers_to(&case, id) {
            return Err(Failure::NotFound);
        }
        let key = self.case_key(&case.id())?.ok_or(Failure::NotHereYet)?;
        let name = views::attachment_names(self, &case, &key)?.remove(id);
        self.content(id, &key, name)
    }

    /// A file that is here, under its name or its id.
    fn content(
        &self,
        id: &AttachmentId,
        key: &CaseKey,
        name: Option<AttachmentName>,
    ) -> Result<AttachmentContent, Failure> {
        let held = self.store().attachment(id).map_err(store("look an attachment up"))?;
        if !held.complete {
            return Err(Failure::NotHereYet);
        }
        let (file_name, media_type) = match name {
            Some(name) => (name.file_name, name.media_type),
            None => (id.to_hex(), "application/octet-stream".to_owned()),
        };
        Ok(AttachmentContent {
            file_name,
            media_type,
            size: plain_size(held.size),
            reader: self.clone(),
            id: *id,
            chunks: 0..held.chunks,
            decrypting: key.decrypt_attachment(held.size),
        })
    }
}

/// Every file is looked at, so that a page never serves what a browser would take for something else.
fn check(head: &proto::AttachmentHead, content: &[u8]) -> Result<(), Failure> {
    if head.file_name.is_empty() || head.file_name.len() > NAME_MAX_BYTES {
        return Err(input_fault("file_name", "附件名称缺失或过长，请改名后重新上传。"));
    }
    if content.is_empty() || head.size != content.len() as u64 {
        return Err(input_fault("size", "附件为空，或者上传不完整，请重新上传。"));
    }
    let begins = MEDIA_TYPES.iter().find(|(name, _)| *name == head.media_type).map(|(_, begin)| begin);
    if !begins.is_some_and(|begin| content.starts_with(begin)) {
        return Err(input_fault("media_type", "附件只支持JPG、PNG图片和PDF文件，请转换后重新上传。"));
    }
    Ok(())
}

/// Refuses a file that is larger than this station takes.
pub(crate) fn check_size(size: u64, max_bytes: u64) -> Result<(), Failure> {
    if size <= max_bytes {
        return Ok(());
    }
    let sentence = format!("附件超过{}MB，请压缩后重新上传，或者分成几个文件上传。", max_bytes >> 20);
    Err(input_fault("size", &sentence))
}

fn checked(number: &str) -> Result<CaseNumber, Failure> {
    number.parse().map_err(|_| wrong_number())
}

fn seen_in_full(reader: &Reader, staff: &Staff, number: &str, now_ms: u64) -> Result<std::sync::Arc<Case>, Failure> {
    match views::find(reader, staff, &checked(number)?, now_ms)? {
        (case, Sight::Full) => Ok(case),
        _ => Err(Failure::NotFound),
    }
}
