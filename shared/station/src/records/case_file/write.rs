//! Writing a case file, part by part: however large the attachments, one piece of one is in memory.

use std::io::{self, Write};

use prost::Message as _;
use sanji_domain::case::Sight;
use sanji_domain::organisation::Staff;
use sanji_log::attest::Attested;
use sanji_log::{AttachmentRef, CaseNumber};
use sanji_proto::v1 as proto;
use zip::write::{FileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::collect::Collected;
use super::line::{Hashing, blank};
use super::summary::Told;
use super::{EVIDENCE, MANIFEST, SIGNATURE, SUMMARY_HTML, SUMMARY_JSON, VERSION, html, proof};
use crate::core::{Reader, wrong_number};
use crate::error::{Error, Failure, store};
use crate::vault::CaseKey;
use crate::views;

impl Reader {
    /// Writes the file of a case, for a member of staff: it shows everything, so no keeper and no administrator takes it.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where the case is not here, or not this person's to see in full; [`Failure::NotHereYet`]
    /// where its opening has not come.
    pub fn export_case_file(
        &self,
        staff: &Staff,
        request: &proto::ExportCaseFileRequest,
        now_ms: u64,
        output: &mut (dyn Write + Send),
    ) -> Result<proto::RecordFile, Failure> {
        let number: CaseNumber = request.case_number.parse().map_err(|_| wrong_number())?;
        let case = match views::find(self, staff, &number, now_ms)? {
            (case, Sight::Full) => case,
            _ => return Err(Failure::NotFound),
        };
        if case.rev() == 0 {
            return Err(Failure::NotHereYet);
        }
        let Collected { mut evidence, attachments, entries } = self.collect(&case, request.neighbours)?;
        let mut archive = Archive::new(output);
        self.attach(&mut archive, &mut evidence, &attachments)?;
        let summary = Told::new(case.id(), &evidence, &proof::writers(&evidence)).summary(&evidence);
        let json = serde_json::to_vec_pretty(&summary).map_err(|source| not_written(io::Error::other(source)))?;
        archive.part(SUMMARY_HTML, html::page(&summary).as_bytes()).map_err(not_written)?;
        archive.part(SUMMARY_JSON, &json).map_err(not_written)?;
        archive.part(EVIDENCE, &evidence.encode_to_vec()).map_err(not_written)?;
        let manifest = proto::CaseFileManifest {
            version: VERSION,
            case_id: case.id().0.to_vec(),
            station: self.me().number(),
            key: self.key().0.to_vec(),
            time_ms: now_ms,
            taken_by: staff.id.to_string(),
            parts: std::mem::take(&mut archive.parts),
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let manifest = manifest.encode_to_vec();
        let signature = Attested::Manifest.sign(self.signing(), &manifest);
        archive.part(MANIFEST, &manifest).map_err(not_written)?;
        archive.part(SIGNATURE, &signature).map_err(not_written)?;
        archive.finish(self).map_err(not_written)?;
        let file_name = format!("案卷-{number}.zip");
        Ok(proto::RecordFile { file_name, media_type: "application/zip".to_owned(), rows: entries })
    }

    /// Writes every attachment that is complete here, decrypted, and says so in the evidence.
    fn attach(
        &self,
        archive: &mut Archive<'_>,
        evidence: &mut proto::CaseFileEvidence,
        attachments: &[AttachmentRef],
    ) -> Result<(), Failure> {
        let Ok(key) = <[u8; 32]>::try_from(evidence.case_key.as_slice()) else { return Ok(()) };
        let key = CaseKey::from_bytes(key);
        for (number, (attachment, named)) in (1..).zip(attachments.iter().zip(&mut evidence.attachments)) {
            let held = self.store().attachment(&attachment.id).map_err(store("look an attachment up"))?;
            if !held.complete {
                continue;
            }
            named.name = format!("attachments/{number:02}.{}", ending(&named.media_type));
            archive.start(&named.name).map_err(not_written)?;
            let mut decrypting = key.decrypt_attachment(held.size);
            for chunk in 0..held.chunks {
                let bytes = self.store().chunk(&attachment.id, chunk).map_err(store("read a chunk"))?;
                let bytes = bytes.ok_or(Failure::NotHereYet)?;
                let plain = decrypting
                    .next(&bytes)
                    .map_err(|source| Error::Vault { operation: "decrypt an attachment", source })?;
                archive.write(&plain).map_err(not_written)?;
            }
            archive.end();
        }
        Ok(())
    }
}

fn ending(media_type: &str) -> &'static str {
    match media_type {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "application/pdf" => "pdf",
        _ => "bin",
    }
}

fn not_written(source: impl Into<io::Error>) -> Failure {
    Error::Output { what: "a case file", source: Box::new(source.into()) }.into()
}

type Output<'o> = Hashing<&'o mut (dyn Write + Send)>;

/// The archive while it is written.
struct Archive<'o> {
    zip: ZipWriter<StreamWriter<Output<'o>>>,
    parts: Vec<proto::CaseFilePart>,
    open: Option<(String, u64, blake3::Hasher)>,
}

impl<'o> Archive<'o> {
    fn new(output: &'o mut (dyn Write + Send)) -> Self {
        Self { zip: ZipWriter::new_stream(Hashing::new(output)), parts: Vec::new(), open: None }
    }

    fn start(&mut self, name: &str) -> io::Result<()> {
        // Equal content gives an equal file: no time but the one in the manifest.
        let options: FileOptions<'_, '_, ()> = FileOptions::default();
        let options = options.compression_method(CompressionMethod::Stored).last_modified_time(DateTime::default());
        self.zip.start_file(name, options).map_err(io::Error::from)?;
        self.open = Some((name.to_owned(), 0, blake3::Hasher::new()));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some((_, size, hasher)) = &mut self.open {
            *size += bytes.len() as u64;
            hasher.update(bytes);
        }
        self.zip.write_all(bytes)
    }

    fn end(&mut self) {
        if let Some((name, size, hasher)) = self.open.take() {
            self.parts.push(proto::CaseFilePart { name, size, hash: hasher.finalize().as_bytes().to_vec() });
        }
    }

    fn part(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.start(name)?;
        self.write(content)?;
        self.end();
        Ok(())
    }

    fn finish(mut self, reader: &Reader) -> io::Result<()> {
        self.zip.set_raw_comment(blank().into_boxed_slice()).map_err(io::Error::from)?;
        let stream = self.zip.finish().map_err(io::Error::from)?;
        stream.into_inner().finish(reader.signing())
    }
}
